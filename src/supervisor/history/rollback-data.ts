import type { Checkpoint } from '../../checkpoint/tree/types.ts';
import type { BranchTip } from '../../git/merge/branch-beside.ts';
import type { Task } from '../../domain/task-document.ts';
import type { Resting } from '../../scheduler/set-aside.ts';
import type { PutBack } from '../../scheduler/settle.ts';

/** Where a conversation stands. */
export interface ConversationPoint {
  sessionId: string;
  /** Its last line; null before the first. */
  uuid: string | null;
}

/** What is left to do once files and conversation are back. */
export interface Undoes {
  /** The operation that is taken back then. */
  operation: number;
  /** A branch that it moved, as it was before, and where it was left; null: none. */
  branch: { tip: BranchTip; left: string } | null;
  /** What its agent would have gone on with before it. */
  rests?: Resting | null;
}

/**
 * What is kept of a rollback, step by step, so that the next start can end it whatever was killed:
 * `begun`: nothing was changed. `restoring`: what was there is in checkpoint `safety`, files may be half changed.
 * `restored`: the files are as wanted, the conversation is not yet.
 */
export interface RollbackData {
  n: number;
  step: 'begun' | 'restoring' | 'restored';
  filesOnly: boolean;
  hold: boolean;
  safety: number | null;
  changed: string[];
  warnings: string[];
  /** The conversation as it was; null: the agent had none. */
  from: ConversationPoint | null;
  /** Where it goes instead of where checkpoint `n` says: that of an undone rollback. */
  to: ConversationPoint | null;
  /** Session of the conversation that is cut, chosen before so that doing it twice gives one. */
  cutInto: string;
  /** The branch of checkpoint `n`, where it was not the one in hand, as it was before. */
  beside?: BranchTip | null;
  /** That of the rollback that this one takes back, which is done only with it. */
  undoes?: Undoes;
  /** The task that was in hand. */
  task: string | null;
  /** Without one: what it will go on with. */
  rests?: Resting | null;
  /** Ordered by swarm itself, which begins a new conversation and says this there; absent: a person ordered it. */
  why?: string;
  /** What became of the conversation; absent until then. */
  how?: ConversationPlan['how'];
}

export type ConversationPlan =
  | { how: 'none' }
  /** It goes on as it is. */
  | { how: 'kept'; sessionId: string | null }
  | { how: 'cut'; from: ConversationPoint }
  | { how: 'fresh'; why: string };

export interface ConversationFacts {
  kind: 'claude' | 'shell';
  filesOnly: boolean;
  n: number;
  /** The session in hand. */
  sessionId: string | null;
  /** What the checkpoint says. */
  point: ConversationPoint | null;
  /** The checkpoint was taken before the first word of the task in hand. */
  beforeTask: boolean;
}

/** What becomes of the conversation. Pure. */
export function planConversation(facts: ConversationFacts): ConversationPlan {
  const { kind, filesOnly, n, sessionId, point, beforeTask } = facts;
  if (kind === 'shell') return { how: 'none' };
  // Without its files the task cannot go on, whatever is to become of the conversation.
  if (beforeTask) return { how: 'fresh', why: `checkpoint ${n} is from before the first word of the task` };
  if (filesOnly) return { how: 'kept', sessionId };
  if (point === null || point.uuid === null)
    return { how: 'fresh', why: `at checkpoint ${n} there was no conversation yet` };
  return { how: 'cut', from: point };
}

/**
 * The checkpoint of what was there before, after a kill: the first one, or the one that the store took to hold ignored
 * files too; not one of what a rollback that had ended already had made of it. Pure.
 */
export function safetyAmong(
  all: readonly Checkpoint[],
  { n, safety }: RollbackData,
  target: Checkpoint,
): number | null {
  const further = all.find(
    (checkpoint) =>
      checkpoint.n > (safety ?? 0) &&
      checkpoint.reason === `before rollback to ${n}` &&
      checkpoint.state !== target.state,
  );
  return further?.n ?? safety;
}

/** The task had not begun there when this was taken: nobody can go on with it from there. */
export function isBeforeTask({ begunTask }: Pick<Checkpoint, 'begunTask'>, task: string): boolean {
  return begunTask !== task;
}

/** The conversation of this checkpoint is one in which the task was worked on, not what was said in between. */
export function isOfTask({ task, sessionId }: Pick<Checkpoint, 'task' | 'sessionId'>, of: Task): boolean {
  return task === of.id || of.attempts.some((attempt) => attempt.sessionId === sessionId);
}

/**
 * What becomes of the task that is in hand, or that its agent will go on with. Pure.
 * @param conversation that of the agent from now on; undefined: as it was
 * @param own whether it is one of the task
 */
export function putBackOf(
  data: RollbackData,
  target: Pick<Checkpoint, 'begunTask'>,
  conversation: string | null | undefined,
  own: boolean,
): PutBack {
  const { n, filesOnly, why, undoes, to, rests } = data;
  const reason =
    why ?? `a person set ${filesOnly ? 'the files' : 'the files and the conversation'} back to checkpoint ${n}`;
  const task = data.task ?? rests?.task ?? null;
  if (task !== null && isBeforeTask(target, task)) return { worktree: 'anew', reason };
  const before = undoes?.rests ?? null;
  // The agent had been in another conversation than the one it would have gone on in.
  if (data.task === null && before?.task === task && before?.sessionId !== to?.sessionId)
    return { worktree: 'of-task', sessionId: before?.sessionId ?? null, reason };
  return { worktree: 'of-task', sessionId: own || conversation === undefined ? conversation : null, reason };
}

export function undoneText({ n, safety }: RollbackData): string {
  return `the rollback to checkpoint ${n} could not be ended and was taken back: all is as in checkpoint ${safety ?? 0}`;
}
