import type { ClaimReply, Heartbeat, TaskOrder, TaskResult } from '../../coordination/messages.ts';
import type { BegunTask } from '../../git/worktree/worktree-task.ts';

/** What the wrapper asks of other rooms, in the smallest interfaces that serve it. Wired in main.ts. */

export interface Tip {
  commit: string;
  branch: string | null;
}

export interface Prepared extends Tip {
  branch: string;
  /** The dependency whose merge the agent must finish, and those whose merge was not begun. */
  conflict: { task: string; files: string[]; remaining: { task: string; commit: string }[] } | null;
  leftovers: string[];
  /** Directories, each with the files that the checkpoint does not hold. */
  aside: string[];
  /** What was kept of submodules, or failed with them: sentences for people. */
  notes: string[];
  /** Whether the worktree has submodules. */
  submodules: boolean;
}

/** One worktree: the agent's own, or that of one slot. */
export interface Workspace {
  readonly path: string;
  /** Makes the worktree exist and sets it up (slots above 0). */
  ensure(signal: AbortSignal): Promise<void>;
  /**
   * Makes the worktree one of its repository again, where the agent has taken that away. Only while no program of the
   * agent works in it.
   * @returns what it found, for people; null: nothing to mend
   */
  relink(): Promise<string | null>;
  /** The task whose first prompt was said in the worktree, or is prepared for; null: none. */
  begunTask(): Promise<BegunTask | null>;
  /** Prepares the worktree for an order. `checkpoint`: the commit that was captured just before. */
  prepare(order: TaskOrder, checkpoint: string): Promise<Prepared>;
  /**
   * Notes that the first prompt is about to be said in what was prepared, in this conversation: from here on it can be
   * resumed.
   */
  begun(order: Pick<TaskOrder, 'task' | 'attempt'>, sessionId: string | null): Promise<void>;
  /**
   * Commits what is uncommitted.
   * @returns the tip, also where there was nothing to commit; `unresolved`: files whose conflicts prevent a commit;
   *   `notes`: what the worktree holds and the result does not, and what is odd about the result
   */
  commit(order: TaskOrder): Promise<Tip & { unresolved: string[]; notes: string[] }>;
  /** Removes the files that the verify command left behind on top of `commit`. */
  clean(commit: string): Promise<void>;
  capture(request: WhyCapture): Promise<Captured>;
  /** A checkpoint for the timer: null, without a look, where a watch knows that nothing has changed. */
  captureIfStirred(request: WhyCapture): Promise<Captured | null>;
  /** Ends the watch for changes. */
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
  /** Whether a person is at this pane; null where tmux cannot be asked. */
  presence(): Promise<Presence | null>;
  /** The screen's text with colours, in which the composer is looked for. */
  screen(): Promise<string>;
  /** What programs have printed on the screen, line by line; empty where tmux cannot be asked. */
  printed(): Promise<string>;
}

export interface Presence {
  attached: boolean;
  /** Epoch ms of the latest key of any attached client; null where none is attached. */
  lastKeyAt: number | null;
  /** Epoch ms when a client was last attached; null = never. */
  lastAttachedAt: number | null;
}

export type TicketVerdict = 'ack' | 'requeue';

/** The broker, as the wrapper needs it. It reconnects by itself; calls without a connection are rejected. */
export interface Broker {
  /** Sets the broker's address; null: there is none now. */
  setUrl(amqpUrl: string | null): void;
  /** Consumes tickets of every queue that this agent may serve, up to `prefetch` unanswered ones of each. */
  tickets(prefetch: number, handle: () => Promise<TicketVerdict>): { cancel(): Promise<void> };
  /** Asks the supervisor for a task. @throws when no answer came in time, or the connection was lost */
  claim(slot: number): Promise<ClaimReply>;
  /** Publishes a result. Resolves once the broker has confirmed it. */
  result(result: TaskResult): Promise<void>;
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  close(): Promise<void>;
}
