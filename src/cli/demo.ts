import { execa, ExecaError } from 'execa';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Agent, CheckpointDocument, StatusDocument, Task, TaskAddedDocument } from '../api/documents.ts';
import { DEMO_TASKS, LAST_TASK, PROGRAM_FILE } from '../demo/plan.ts';
import { SwarmError } from '../domain/errors.ts';
import { swarmStateDir } from '../domain/layout.ts';
import { formatDuration } from '../lib/duration.ts';
import { claudeDirectory } from './claude-program.ts';
import type { Context } from './context.ts';
import { endApi, makePlace, type DemoPlace } from './demo-place.ts';

const WORK_TIMEOUT = '90s';
const COMMAND_TIMEOUT_MS = 240_000;

export async function demo(context: Context, options: { yes?: boolean; keep?: boolean }): Promise<void> {
  const { output } = context;
  const beganAt = performance.now();
  const { signal } = context.interrupt;
  output.line(
    'A demonstration in a throw-away repository. The model is a script on this machine: no account, no cost.',
  );
  const programs = await claudeDirectory(context, swarmStateDir(context.env), context.cwd, options.yes === true);
  const place = await makePlace(context.env, programs, signal);
  const stage = new Stage(context, place);
  let tasks: Task[];
  try {
    tasks = await perform(stage);
  } catch (error) {
    if (signal.aborted) output.note('Interrupted: cleaning up …');
    throw error;
  } finally {
    await cleanUp(stage, options.keep === true);
  }
  const seconds = Math.round((performance.now() - beganAt) / 100) / 10;
  output.document({ seconds, tasks });
  output.line();
  output.line(
    `That was it, in ${formatDuration(seconds * 1000)}. In a repository of yours: ${output.style('bold', `${output.command} up 3`)}`,
  );
}

async function perform(stage: Stage): Promise<Task[]> {
  stage.say('Three agents, each with a git worktree and a terminal of its own:');
  await stage.show('up', '3', '--trust', '--yes');

  stage.say('Three tasks at once, and one that needs the code of all three:');
  const ids = new Map<string, string>();
  for (const { name, task, after } of DEMO_TASKS) {
    const needed = after.map((other) => ids.get(other) ?? '');
    const args = ['task', 'add', task.title, '--prompt', task.prompt ?? task.title];
    if (task.priority !== undefined) args.push('--priority', task.priority);
    if (needed.length > 0) args.push('--after', ...needed);
    ids.set(name, (await stage.read<TaskAddedDocument>(...args)).id);
  }
  stage.say('They are handed out by a durable queue; nothing is lost if anything here dies:');
  await stage.show('task', 'wait', ...ids.values(), '--timeout', WORK_TIMEOUT);
  await stage.show('task', 'ls');

  const last = ids.get(LAST_TASK) ?? '';
  stage.say('The last one began with the merged code of the others. What it changed:');
  await stage.show('diff', last);
  await accident(stage);

  stage.say('The result comes into your branch when you say so:');
  await stage.show('merge', last);
  await stage.run('node', PROGRAM_FILE);
  return await Promise.all([...ids.values()].map((id) => stage.ask<Task>('task', 'show', id)));
}

/** A checkpoint, a mishap, and the way back. */
async function accident(stage: Stage): Promise<void> {
  const { agents } = await stage.ask<StatusDocument>('status');
  const [agent] = agents;
  if (agent === undefined) throw new SwarmError('demo-failed', 'no agent is there any more');
  stage.say(`A checkpoint of what ${agent.id} has, uncommitted work and all:`);
  const file = await draft(agent);
  const before = await readFile(file);
  const { n } = await stage.read<CheckpointDocument>('checkpoint', agent.id, '-m', 'before the accident');
  await rm(file);
  stage.say(`Now ${path.basename(file)} is deleted in its worktree, as by an \`rm\` that went too far. Back:`);
  await stage.show('rollback', agent.id, String(n));
  const after = await readFile(file).catch(() => null); // Absent is one way of not being back; told below.
  if (after === null || !after.equals(before))
    throw new SwarmError('demo-failed', `${file} did not come back as it was`);
  stage.say(`${path.basename(file)} is back, byte for byte.`);
}

/** Work that is in no commit yet, as an agent would leave it in the middle of a turn. */
async function draft(agent: Agent): Promise<string> {
  const file = path.join(agent.worktree, 'draft.md');
  await writeFile(file, `Ideas of ${agent.id}, not committed yet.\n`);
  return file;
}

/** The commands as a person would type them, run as a person would run them. */
class Stage {
  readonly #context: Context;
  readonly #place: DemoPlace;

  constructor(context: Context, place: DemoPlace) {
    this.#context = context;
    this.#place = place;
  }

  get place(): DemoPlace {
    return this.#place;
  }

  say(text: string): void {
    this.#context.output.line();
    this.#context.output.line(this.#context.output.style('cyan', text));
  }

  note(text: string): void {
    this.#context.output.note(text);
  }

  /** Prints the command, and what it says, as it comes. */
  async show(...args: string[]): Promise<void> {
    this.#prompt('swarm', args);
    await this.#swarm(args, this.#context.output.json ? 'ignore' : 'inherit', this.#context.interrupt.signal);
  }

  /** Prints the command; its document comes back. */
  async read<T>(...args: string[]): Promise<T> {
    this.#prompt('swarm', args);
    return await this.ask<T>(...args);
  }

  async ask<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.#swarm(['--json', ...args], 'pipe', this.#context.interrupt.signal)) as T;
  }

  /** Another program, in the repository. */
  async run(program: string, ...args: string[]): Promise<void> {
    this.#prompt(program, args);
    const { repository: cwd, env } = this.#place;
    const file = program === 'node' ? process.execPath : program;
    await execa(file, args, {
      cwd,
      env,
      extendEnv: false,
      stdin: 'ignore',
      stdout: this.#context.output.json ? 'ignore' : 'inherit',
    });
  }

  /** Ends the agents, the supervisor, and the broker with them; not to be interrupted. */
  async down(): Promise<void> {
    this.#prompt('swarm', ['down', '--purge']);
    await this.#swarm(['down', '--purge', '--yes'], 'ignore', undefined);
  }

  #prompt(program: string, args: readonly string[]): void {
    const words = args.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `"${word}"`));
    this.#context.output.line(this.#context.output.style('bold', `$ ${program} ${words.join(' ')}`));
  }

  async #swarm(
    args: readonly string[],
    stdout: 'inherit' | 'ignore' | 'pipe',
    cancelSignal: AbortSignal | undefined,
  ): Promise<string> {
    const { repository: cwd, env } = this.#place;
    try {
      const options = {
        cwd,
        env,
        extendEnv: false,
        stdin: 'ignore',
        timeout: COMMAND_TIMEOUT_MS,
        maxBuffer: 64 * 1024 * 1024,
      } as const;
      const stderr = stdout === 'inherit' ? 'inherit' : 'pipe';
      const done = await execa(process.execPath, [process.argv[1] ?? '', ...args], {
        ...options,
        stdout,
        stderr,
        ...(cancelSignal === undefined ? {} : { cancelSignal }),
      });
      return done.stdout ?? '';
    } catch (cause) {
      this.#context.interrupt.signal.throwIfAborted();
      const said = cause instanceof ExecaError ? [cause.stdout, cause.stderr].filter(Boolean).join(' ') : String(cause);
      throw new SwarmError('demo-failed', `swarm ${args.join(' ')} failed${said === '' ? '' : `: ${said}`}`, { cause });
    }
  }
}

/** Runs on every way out. What could not be stopped is left in place and named. */
async function cleanUp(stage: Stage, keep: boolean): Promise<void> {
  const { directory, api } = stage.place;
  if (keep) {
    await endApi(api);
    stage.note(`Kept: ${directory} (the agents are up; environment in ${path.join(directory, 'env.sh')})`);
    const lines = Object.entries(stage.place.env).map(
      ([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`,
    );
    await writeFile(path.join(directory, 'env.sh'), `${lines.join('\n')}\n`, { mode: 0o600 });
    return;
  }
  stage.say('Everything is stopped and removed:');
  try {
    await stage.down();
  } catch (error) {
    stage.note(`Not everything could be stopped; it is left in ${directory}.`);
    throw error;
  } finally {
    await endApi(api);
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
