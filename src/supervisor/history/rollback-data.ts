import type { Checkpoint } from '../../checkpoint/tree/types.ts';
import type { Task } from '../../domain/task-document.ts';
import type { PutBack } from '../../scheduler/settle.ts';
import type { OperationData } from '../../store/operation-data.ts';

export type RollbackData = OperationData<'rollback'>;
/** A point in a conversation. */
export type ConversationPoint = NonNullable<RollbackData['from']>;
/** The rest of an undo, once files and conversation are back. */
export type Undoes = NonNullable<RollbackData['undoes']>;

export type ConversationPlan =
  | { how: 'none' }
  /** It goes on unchanged. */
  | { how: 'kept'; sessionId: string | null }
  | { how: 'cut'; from: ConversationPoint }
  | { how: 'fresh'; why: string };

export interface ConversationFacts {
  kind: 'claude' | 'shell';
  filesOnly: boolean;
  n: number;
  /** The session in hand. */
  sessionId: string | null;
  /** The conversation point in the checkpoint. */
  point: ConversationPoint | null;
  /** The checkpoint was taken before the first prompt of the task in hand. */
  beforeTask: boolean;
}

/** Decides about the conversation. Pure. */
export function planConversation(facts: ConversationFacts): ConversationPlan {
  const { kind, filesOnly, n, sessionId, point, beforeTask } = facts;
  if (kind === 'shell') return { how: 'none' };
  // Without its files the task cannot go on, whatever is wanted of the conversation.
  if (beforeTask) return { how: 'fresh', why: `checkpoint ${n} is from before the first word of the task` };
  if (filesOnly) return { how: 'kept', sessionId };
  if (point === null || point.uuid === null)
    return { how: 'fresh', why: `at checkpoint ${n} there was no conversation yet` };
  return { how: 'cut', from: point };
}

/**
 * The checkpoint of the files before the rollback, found after a kill: the first one, or the one that the store took to
 * hold ignored files too; never one of files that a completed rollback had already changed. Pure.
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

/**
 * Whether the task had not begun in the worktree when the checkpoint was taken: no agent can go on with it from there.
 */
export function isBeforeTask({ begunTask }: Pick<Checkpoint, 'begunTask'>, task: string): boolean {
  return begunTask !== task;
}

/**
 * Whether the conversation of this checkpoint is one in which the task was worked on, not one of a person in between.
 */
export function isOfTask({ task, sessionId }: Pick<Checkpoint, 'task' | 'sessionId'>, of: Task): boolean {
  return task === of.id || of.attempts.some((attempt) => attempt.sessionId === sessionId);
}

/**
 * How the task that is in hand, or with which its agent will go on, is put back. Pure.
 * @param conversation the agent's conversation from now on; undefined: unchanged
 * @param own whether that conversation is one of the task
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
  // The agent had been in another conversation than the one in which it would have gone on.
  if (data.task === null && before?.task === task && before?.sessionId !== to?.sessionId)
    return { worktree: 'of-task', sessionId: before?.sessionId ?? null, reason };
  return { worktree: 'of-task', sessionId: own || conversation === undefined ? conversation : null, reason };
}

export function undoneText({ n, safety }: RollbackData): string {
  return `the rollback to checkpoint ${n} could not be ended and was taken back: all is as in checkpoint ${safety ?? 0}`;
}
