import type { ClaimReply, Heartbeat, TaskOrder, TaskResult } from '../../coordination/messages.ts';
import type { BegunTask } from '../../git/worktree/worktree-task.ts';

/** What the wrapper asks of other rooms, in the smallest words that serve it. Wired in main.ts. */

export interface Tip {
  commit: string;
  branch: string | null;
}

export interface Prepared extends Tip {
  branch: string;
  /** The dependency whose merge the agent must finish, and those that were not begun. */
  conflict: { task: string; files: string[]; remaining: { task: string; commit: string }[] } | null;
  leftovers: string[];
  /** Directories with those of them that the checkpoint does not hold. */
  aside: string[];
}

/** One worktree: the agent's own, or that of one slot. */
export interface Workspace {
  readonly path: string;
  /** Makes the worktree exist and sets it up (slots above 0). */
  ensure(signal: AbortSignal): Promise<void>;
  /** The task whose first word was said in it, prepared for that; null: none, or that is still to come. */
  begunTask(): Promise<BegunTask | null>;
  /** `checkpoint`: the commit that was captured just before. */
  prepare(order: TaskOrder, checkpoint: string): Promise<Prepared>;
  /** The first word is about to be said in what was prepared, in this conversation: from here on it can be gone on with. */
  begun(order: Pick<TaskOrder, 'task' | 'attempt'>, sessionId: string | null): Promise<void>;
  /** Commits what is left; the tip, whether or not there was anything to commit. `unresolved`: conflicts are in the way. */
  commit(order: TaskOrder): Promise<Tip & { unresolved: string[] }>;
  /** Removes what the verify command left behind on top of `commit`. */
  clean(commit: string): Promise<void>;
  capture(request: WhyCapture): Promise<Captured>;
  /** The same for a timer: null, and nothing is looked at, where a watch knows that nothing stirred. */
  captureIfStirred(request: WhyCapture): Promise<Captured | null>;
  /** Ends the watch. */
  close(): void;
}

export interface WhyCapture {
  reason: string;
  task: string | null;
  attempt: number | null;
  sessionId: string | null;
}

export interface Captured {
  n: number;
  commit: string;
  tree: string;
  created: boolean;
}

export interface Terminal {
  /** What tells whether a person is at this pane; null where tmux cannot be asked. */
  presence(): Promise<Presence | null>;
  /** The screen's text with colours, for the composer's last evidence. */
  screen(): Promise<string>;
}

export interface Presence {
  attached: boolean;
  /** Epoch ms of the latest key of any attached client; null where none is attached. */
  lastKeyAt: number | null;
  /** Epoch ms when a client was last attached; null = never. */
  lastAttachedAt: number | null;
}

export type TicketVerdict = 'ack' | 'requeue';

/** The broker, as the wrapper needs it. Heals itself; calls while it is away are rejected. */
export interface Broker {
  /** Null: there is none now. */
  setUrl(amqpUrl: string | null): void;
  /** Tickets of every queue that this agent may serve, up to `prefetch` unanswered ones of each. */
  tickets(prefetch: number, handle: () => Promise<TicketVerdict>): { cancel(): Promise<void> };
  /** @throws when no answer came in time, or the connection was lost */
  claim(slot: number): Promise<ClaimReply>;
  /** Resolves once confirmed. */
  result(result: TaskResult): Promise<void>;
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  close(): Promise<void>;
}
