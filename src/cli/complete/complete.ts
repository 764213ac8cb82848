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
 * How long the completion waits for names, ms, while a person waits with the finger on the key: names that a hanging
 * supervisor or a sleeping disk has not given by then are left out. A machine on which agents work is busy, and no
 * offer looks as if there were no names: two calls of git may take some hundred ms then, and the wait grows with the
 * time that the program took to start.
 */
const LEAST_MS = 1_000;
const PER_START = 5;
const MOST_TASKS = 200;
const ABOUT_COLUMNS = 60;

/**
 * Prints the candidates when a person presses the completion key. Starts no supervisor, changes nothing, and prints no
 * errors.
 */
export async function complete(context: Context, shell: Shell, words: readonly string[]): Promise<void> {
  const plan = planCompletion(await context.program(words.slice(0, -1)), words);
  const live = plan.live === null ? [] : await liveCandidates(context, plan, plan.live);
  for (const line of completionLines(plan, live, shell)) context.output.stdout.write(`${line}\n`);
}

/**
 * One candidate each, for zsh and fish with a description after a tab; `:files` leaves the completion to the shell.
 * Pure.
 */
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
    // No repository, no supervisor, too slow: nothing is offered, and a prompt is no place for an error.
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
    const all = await connect(layout, { signal }).tasks.list({ limit: MOST_TASKS });
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

/** The agents; while swarm is down, those with a worktree. */
async function agents(layout: ProjectLayout, signal: AbortSignal): Promise<Completion[]> {
  if (existsSync(layout.apiSocket)) {
    const all = await connect(layout, { signal })
      .agents.list()
      .catch(() => null); // Down, and its socket left behind.
    if (all !== null)
      return all.map(({ id, status, task }) => ({ value: id, about: task === null ? status : `${status} ${task}` }));
  }
  if (!existsSync(layout.worktreesDir)) return [];
  // `worker-1.2` is the worktree of a further slot of worker-1.
  const names = readdirSync(layout.worktreesDir).filter((name) => !name.includes('.'));
  return names.map((value) => ({ value, about: '' }));
}

async function refs(layout: ProjectLayout, below: string, format: string, signal: AbortSignal): Promise<Completion[]> {
  const { gitText } = await import('../../git/git.ts');
  const text = await gitText(['for-each-ref', `--format=${format}`, below], { cwd: layout.root, signal });
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ value: line.split('\t')[0] ?? '', about: line.split('\t')[1] ?? '' }));
}
