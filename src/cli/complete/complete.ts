import { existsSync, readdirSync } from 'node:fs';
import { connect } from '../../api/client.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { timeLimit } from '../../lib/clock.ts';
import { planCompletion, type Completion, type CompletionPlan, type LiveKind } from './completion-plan.ts';
import type { Shell } from './completion.ts';
import type { Context } from '../project/context.ts';
import { oneLine } from '../say/output.ts';
import { changeDirectory, openProject } from '../project/project.ts';

/**
 * A person waits with the finger on the key: what a supervisor that hangs, or a disk that sleeps, has not told by then is
 * left out. Where agents work the machine is busy, and nothing on offer is taken for there being nothing: two calls of git
 * may take some hundred ms then, and as much more as the program took longer to start.
 */
const LEAST_MS = 1_000;
const PER_START = 5;
const MOST_TASKS = 200;
const ABOUT_COLUMNS = 60;

/** What a shell asks at each press of the completion key. Starts nothing, changes nothing, and says nothing of errors. */
export async function complete(context: Context, shell: Shell, words: readonly string[]): Promise<void> {
  const plan = planCompletion(await context.program(words.slice(0, -1)), words);
  const live = plan.live === null ? [] : await liveCandidates(context, plan, plan.live);
  for (const line of completionLines(plan, live, shell)) context.output.stdout.write(`${line}\n`);
}

/** One candidate each, those of zsh and fish with a description after a tab; `:files` leaves it to the shell. Pure. */
export function completionLines(plan: CompletionPlan, live: readonly Completion[], shell: Shell): string[] {
  if (plan.paths !== null) return [`:${plan.paths}`];
  const taken = new Set(plan.operands);
  // bash has cut off the option's name already.
  const prefix = shell === 'bash' ? '' : plan.prefix;
  return [...plan.candidates, ...live]
    .filter(
      ({ value }) =>
        value.startsWith(plan.current) && (value === plan.current || !taken.has(value)) && !/\s/.test(value),
    )
    .map(({ value, about }) => {
      const text = oneLine(about, ABOUT_COLUMNS);
      return shell === 'bash' || text === '' ? prefix + value : `${prefix}${value}\t${text}`;
    });
}

async function liveCandidates(context: Context, plan: CompletionPlan, kind: LiveKind): Promise<Completion[]> {
  const signal = timeLimit(Math.max(LEAST_MS, PER_START * performance.now()));
  try {
    const cwd = plan.directory === null ? context.cwd : changeDirectory(context.cwd, plan.directory);
    const { layout } = await openProject({ ...context, cwd });
    return await LIVE[kind](layout, signal, plan);
  } catch (error) {
    // No repository, nothing up, too slow: there is nothing to offer, and the prompt is no place to say why.
    if (error instanceof Error) return [];
    throw error;
  }
}

type Source = (layout: ProjectLayout, signal: AbortSignal, plan: CompletionPlan) => Promise<Completion[]>;

const LIVE: Readonly<Record<LiveKind, Source>> = {
  agents,
  logs: async (layout, signal) => [
    ...(await agents(layout, signal)),
    { value: 'supervisor', about: '' },
    { value: 'broker', about: '' },
  ],
  tasks: async (layout, signal) => {
    const all = await connect(layout, { signal }).tasks({ limit: MOST_TASKS });
    return all.map(({ id, state, title }) => ({ value: id, about: `${state}: ${title}` }));
  },
  checkpoints: async (layout, signal, { operands: [agent = ''] }) => {
    if (!/^[\w.-]+$/.test(agent)) return [];
    const lines = await refs(
      layout,
      `refs/swarm/checkpoints/${agent}/`,
      '%(refname:lstrip=4)%09%(committerdate:relative)',
      signal,
    );
    return lines.toSorted((a, b) => Number(b.value) - Number(a.value));
  },
  branches: (layout, signal) => refs(layout, 'refs/heads/', '%(refname:lstrip=2)', signal),
};

/** While nothing is up: whoever has a worktree. */
async function agents(layout: ProjectLayout, signal: AbortSignal): Promise<Completion[]> {
  if (existsSync(layout.apiSocket)) {
    const all = await connect(layout, { signal })
      .agents()
      .catch(() => null); // Down, and its socket left behind.
    if (all !== null)
      return all.map(({ id, status, task }) => ({ value: id, about: task === null ? status : `${status} ${task}` }));
  }
  if (!existsSync(layout.worktreesDir)) return [];
  // `worker-1.2` is a further place of worker-1.
  const names = readdirSync(layout.worktreesDir).filter((name) => !name.includes('.'));
  return names.map((value) => ({ value, about: '' }));
}

async function refs(layout: ProjectLayout, below: string, format: string, signal: AbortSignal): Promise<Completion[]> {
  const { gitText } = await import('../../git/git.ts');
  const text = await gitText(['for-each-ref', `--format=${format}`, below], { cwd: layout.root, signal });
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ value: line.split('\t')[0] ?? '', about: line.split('\t')[1] ?? '' }));
}
