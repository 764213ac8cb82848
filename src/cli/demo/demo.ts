import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentKind } from '../../domain/agent.ts';
import { SwarmError } from '../../domain/errors.ts';
import { swarmStateDir } from '../../domain/layout.ts';
import { formatDuration } from '../../lib/duration.ts';
import { claudeDirectory } from '../project/claude-program.ts';
import type { Context } from '../project/context.ts';
import { hireJanitor, type Janitor } from './janitor.ts';
import { Keys } from './keys.ts';
import { startModel, type ScriptedModel } from './model.ts';
import { perform } from './performance.ts';
import { makePlace, writePlace, writeScript, type DemoPlace } from './place.ts';
import { fitsScreen, LEAST_COLUMNS, LEAST_ROWS, performOnScreen, type Outcome } from './screen.ts';
import { Stage } from './stage.ts';
import { Tape } from './tape.ts';

export interface DemoOptions {
  yes?: boolean;
  keep?: boolean;
  record?: string;
}

/** The exit code by which a shell reports Ctrl-C. */
const INTERRUPTED = 130;
/** The terminal size in a recording of plain lines. */
const PAPER = { columns: 100, rows: 30 };
/** A registry that cannot be reached is given up soon: the demonstration also works without Claude Code. */
const IMPATIENT_NPM = { npm_config_fetch_retries: '0', npm_config_fetch_timeout: '20000' };

export async function demo(context: Context, options: DemoOptions): Promise<number> {
  const { output } = context;
  const beganAt = performance.now();
  const record = options.record === undefined ? null : path.resolve(context.cwd, options.record);
  // A wrong file is found before anything is made.
  if (record !== null) Tape.start(record, PAPER)[Symbol.dispose]();
  output.line('A throw-away repository, and a model that is a script on this machine: no account, no cost.');
  const { kind, programs } = await chooseAgents(context, options.yes === true);
  const place = await makePlace(context.env, kind, programs);
  await writePlace(place);
  const janitor = hireJanitor(place, context.env);
  let outcome: Outcome;
  let model: ScriptedModel | null = null;
  try {
    model = await startModel(context.env, await writeScript(place), context.interrupt.signal);
    place.env['ANTHROPIC_BASE_URL'] = model.url;
    await writePlace(place);
    outcome = await performHere(context, place, record);
    if (outcome.interrupted) output.note('Interrupted.');
  } catch (error) {
    if (context.interrupt.signal.aborted) output.note('Interrupted.');
    throw error;
  } finally {
    await end(context, place, janitor, options.keep === true);
    await model?.end();
  }
  return conclude(context, outcome, Math.round((performance.now() - beganAt) / 100) / 10, record);
}

interface Cast {
  kind: AgentKind;
  programs: string | null;
}

/**
 * Claude Code where it exists or can be installed; else programs do the work, which shows everything but conversations.
 */
async function chooseAgents(context: Context, yes: boolean): Promise<Cast> {
  const patient = { ...context, env: { ...context.env, ...IMPATIENT_NPM } };
  try {
    return { kind: 'claude', programs: await claudeDirectory(patient, swarmStateDir(context.env), context.cwd, yes) };
  } catch (error) {
    if (!(error instanceof SwarmError) || !error.code.startsWith('claude-')) throw error;
    context.output.line(
      `${error.message.replace(/\.$/, '')}. So here the agents are of kind shell: programs do the work.`,
    );
    if (!yes) context.output.line('With --yes Claude Code is installed, for swarm alone, and you see the real thing.');
    return { kind: 'shell', programs: null };
  }
}

async function performHere(context: Context, place: DemoPlace, record: string | null): Promise<Outcome> {
  const fits = fitsScreen(context);
  if (fits) {
    const outcome = await performOnScreen(context, place, record);
    context.interrupt.signal.throwIfAborted();
    if (outcome !== null) return outcome;
  }
  const why = fits ? 'tmux knows none like this' : `the dashboard needs one of ${LEAST_COLUMNS}×${LEAST_ROWS} or more`;
  if (context.interactive) context.output.line(`In plain lines on this terminal: ${why}.`);
  using keys = context.interactive ? new Keys(context.stdin) : null;
  using tape = record === null ? null : Tape.start(record, PAPER);
  const stage = new Stage({ context, place, keys, tape });
  const tasks = await perform(stage, null);
  return { kind: place.kind, tasks, steps: [], error: null, interrupted: false };
}

async function end(context: Context, place: DemoPlace, janitor: Janitor, keep: boolean): Promise<void> {
  const { output } = context;
  if (keep) {
    const file = path.join(place.directory, 'env.sh');
    const quoted = ([name, value]: [string, string]): string =>
      `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`;
    await writeFile(file, Object.entries(place.env).map(quoted).join(''), { mode: 0o600 });
    await janitor.dismiss();
    const model = place.kind === 'claude' ? '; the scripted model is gone' : '';
    output.note(`Kept, with its agents up${model}: ${place.directory}`);
    output.note(`  look around:  . ${file} && cd ${place.repository} && ${output.command} status`);
    output.note(`  clear away:   ${output.command} down && rm -r ${place.directory}`);
    return;
  }
  output.line();
  output.line('Everything is stopped and removed:');
  output.line(output.style('bold', `$ swarm down && rm -r ${place.directory}`));
  if (!(await janitor.cleanUp())) output.note(`Not everything could be stopped; it is left in ${place.directory}.`);
}

function conclude(context: Context, outcome: Outcome, seconds: number, record: string | null): number {
  const { output } = context;
  const { kind, tasks, steps, error, interrupted } = outcome;
  if (error !== null) throw new SwarmError(error.code, error.message, error.hint === null ? {} : { hint: error.hint });
  if (interrupted) return INTERRUPTED;
  output.document({ seconds, kind, tasks });
  output.line();
  if (steps.length > 0) output.line('What you have seen:');
  for (const { title, at } of steps) output.line(`${`${Math.round(at / 1000)}s`.padStart(5)}  ${title}`);
  output.line(`That was it, in ${formatDuration(seconds * 1000)}.`);
  if (record !== null) output.line(`Recorded: asciinema play ${record}`);
  output.line(`In a repository of yours: ${output.style('bold', `${output.command} up 3`)}`);
  return 0;
}
