import { clip, tail } from '../../lib/text.ts';
import type { TaskOrder } from '../../coordination/messages.ts';

/** Every text that swarm says to an agent. Pure: the same facts give the same text again. */

const TAIL_CHARS = 6_000;
const SUMMARY_CHARS = 1_500;
const LIST_LINES = 40;

/** What the wrapper found while it prepared the worktree. */
export interface Preparation {
  /** The agent goes on with the worktree as it is. */
  resumed: boolean;
  branch: string | null;
  /** The dependency whose merge stopped at a conflict, and those whose merge was not begun. */
  conflict: { task: string; files: readonly string[]; remaining: readonly { task: string; commit: string }[] } | null;
  /** Files of earlier work that lay uncommitted in the worktree; removed, kept in a checkpoint. */
  leftovers: readonly string[];
  /** Directories, each with the files that the checkpoint could not hold. */
  aside?: readonly string[] | undefined;
  /** Number of that checkpoint. */
  checkpoint: number | null;
  /** The conversation that was begun there; null: none is noted in the worktree. */
  sessionId: string | null;
  /** Whether the worktree has submodules. */
  submodules?: boolean | undefined;
  /** The agent's own block of ports, where the project uses ports. */
  ports?: { base: number; size: number } | undefined;
}

/** For a worktree in which nothing was prepared. */
export const NO_PREPARATION: Preparation = {
  resumed: false,
  branch: null,
  conflict: null,
  leftovers: [],
  checkpoint: null,
  sessionId: null,
};

const HOW_TO_FINISH = [
  'When the work is finished, call the tool complete_task with a summary of a few lines: what you did, and what the next person must know.',
  'If it cannot be done, call fail_task with the reason. If only a person can decide something, call ask_person with one clear question and end your turn.',
  'You may commit; what you leave uncommitted is committed for you on the present branch. Do not switch branches, push, or leave processes running.',
].join('\n');

/** The first prompt of an attempt. */
export function taskPrompt(order: TaskOrder, preparation: Preparation): string {
  return join([
    `# Task ${order.task}: ${order.title}`,
    order.prompt ?? order.title,
    conflictSection(preparation),
    dependencySection(order),
    failedSection(order),
    leftoverSection(preparation),
    historySection(order),
    verifySection(order),
    portsLine(preparation),
    submodulesLine(preparation),
    `## How to finish\n${HOW_TO_FINISH}`,
  ]);
}

function conflictSection({ conflict, branch }: Preparation): string | null {
  if (conflict === null) return null;
  const { task, files, remaining } = conflict;
  const rest = remaining.map(({ task: other, commit }) => `- ${other}: \`git merge --no-edit ${commit}\``);
  return join([
    '## First of all: a merge conflict',
    `The result of task ${task} could not be merged into ${branch ?? 'your branch'} by itself. The merge is under way in your worktree. Before anything else resolve it in these files, keeping what each side meant, then \`git add\` them and \`git commit --no-edit\`:`,
    list(files),
    rest.length === 0 ? null : `Then merge the results of the other tasks that this one builds on:\n${rest.join('\n')}`,
  ]);
}

function dependencySection(order: TaskOrder): string | null {
  const parts = order.dependencies.flatMap((d) =>
    d.failed !== undefined ? [] : [`### ${d.task}: ${d.title}\n${clip(d.summary, SUMMARY_CHARS) || '(no summary)'}`],
  );
  const on =
    order.on === null
      ? null
      : `### ${order.on.task}: ${order.on.title} (you go on from its result)\n${clip(order.on.summary, SUMMARY_CHARS) || '(no summary)'}`;
  if (on === null && parts.length === 0) return null;
  return join(['## What was done before (its code is in your worktree)', on, ...parts]);
}

function failedSection({ dependencies }: TaskOrder): string | null {
  const lines = dependencies.flatMap(({ task, title, failed }) =>
    failed === undefined ? [] : [`- ${task}: ${title} (${clip(failed, 400)})`],
  );
  if (lines.length === 0) return null;
  return `## What is missing\nThese tasks were to be done before this one and are not; it goes on without them, and their code is not in your worktree:\n${lines.join('\n')}`;
}

function leftoverSection({ leftovers, checkpoint, aside = [] }: Preparation): string | null {
  if (leftovers.length === 0) return null;
  const kept = checkpoint === null ? '' : ` They are kept in checkpoint ${checkpoint}.`;
  const moved = aside.length === 0 ? '' : ` What a checkpoint cannot hold lies in ${aside.join(' and ')}.`;
  return join([
    `## Leftovers of earlier work\nThese files lay uncommitted in your worktree and were put aside; they do not belong to this task.${kept}${moved}`,
    list(leftovers),
  ]);
}

function historySection(order: TaskOrder): string | null {
  if (order.history.length === 0) return null;
  const lines = order.history.map(
    (h) => `- attempt ${h.attempt} by ${h.agent}: ${h.outcome}${h.error === null ? '' : `: ${clip(h.error, 400)}`}`,
  );
  return join(['## Earlier attempts', lines.join('\n')]);
}

function portsLine({ ports }: Preparation): string | null {
  if (ports === undefined) return null;
  const { base, size } = ports;
  return `Other agents work on this machine too: let what you start listen on the ports ${base} to ${base + size - 1} only (the variable SWARM_PORT_BASE is ${base}).`;
}

function submodulesLine({ submodules }: Preparation): string | null {
  if (submodules !== true) return null;
  return 'This repository has submodules. Commit what you change inside one in that submodule yourself: what is uncommitted there is not part of your result.';
}

function verifySection(order: TaskOrder): string | null {
  if (order.verify === null) return null;
  return `## How it is checked\nAfter you finish, \`${order.verify.argv.join(' ')}\` (${order.verify.name}) is run in the worktree and must exit with 0.`;
}

/** The prompt after a crash, in the same conversation. */
export function interruptedPrompt(order: TaskOrder, why: string): string {
  return join([
    `You were interrupted (${why}) while you worked on task ${order.task}: ${order.title}. A command that was running then has been ended. Look at what is there (git status, git diff), then go on where you stopped.`,
    HOW_TO_FINISH,
  ]);
}

/** The prompt of the same attempt in a fresh conversation, where the old one cannot be resumed. */
export function handoffPrompt(order: TaskOrder, preparation: Preparation, why: string): string {
  return join([
    `Another session began this task and ended (${why}); its conversation is not available. Its work so far is in the worktree: look at git log, git status and git diff first, and go on from there.`,
    taskPrompt(order, preparation),
  ]);
}

export function verifyFailedPrompt(order: TaskOrder, failure: { what: string; exit: string; output: string }): string {
  return join([
    `The check of task ${order.task} failed: \`${failure.what}\` ended with ${failure.exit}. The end of its output:`,
    fence(tail(failure.output, TAIL_CHARS)),
    'Mend the cause (not the check), then call complete_task again. If it cannot be mended, call fail_task.',
  ]);
}

/** The prompt after a turn that ended without complete_task, fail_task or ask_person. */
export function unfinishedPrompt(order: TaskOrder): string {
  return `You ended your turn without saying how task ${order.task} stands. If it is finished, call complete_task with a summary; if it cannot be done, call fail_task; if you wait for a person, call ask_person. If there is work left, do it first.`;
}

export function retryPrompt(order: TaskOrder | null): string {
  const what = order === null ? 'your work' : `task ${order.task}: ${order.title}`;
  return `An error of the API cut your last turn short. Go on with ${what}.`;
}

export function answerPrompt(question: string, answer: string): string {
  return join([`You asked: ${clip(question, 1_000)}`, `The answer of the person: ${answer}`]);
}

function list(files: readonly string[]): string {
  const lines = files.slice(0, LIST_LINES).map((file) => `- ${file}`);
  if (files.length > LIST_LINES) lines.push(`- … and ${files.length - LIST_LINES} more`);
  return lines.join('\n');
}

/** A code fence longer than any in the text, so that output cannot end it. */
function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}\n${text}\n${ticks}`;
}

function join(parts: readonly (string | null)[]): string {
  return parts.filter((part): part is string => part !== null && part !== '').join('\n\n');
}
