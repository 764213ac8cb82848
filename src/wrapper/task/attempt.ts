import type { HeldTask } from '../../coordination/link.ts';
import type { TaskOrder } from '../../coordination/messages.ts';
import type { StartError } from '../../lib/start-error.ts';
import type { ErrorClass } from '../../domain/task.ts';
import type { Usage } from '../../domain/agent.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Preparation } from './prompt.ts';
import type { Workspace } from '../contract/effects.ts';

/**
 * Why an attempt is broken off. `released`: given back in an ordered stop. `dropped`: the store no longer holds it for
 * this agent, so its result counts for nothing and its worktree may be set to another task.
 */
export type BreakOff = 'cancelled' | 'timeout' | 'budget' | 'released' | 'dropped';

/** One attempt in hand. The first reason to break it off wins. */
export class Attempt {
  readonly order: TaskOrder;
  readonly workspace: Workspace;
  readonly startedAt: string;
  /** The attempt's own conversation; null before its first prompt. */
  sessionId: string | null = null;
  readonly #controller = new AbortController();
  #reason: BreakOff | null = null;
  #timeout: { clock: Clock; leftMs: number; since: number; cancel(): void } | null = null;

  constructor(order: TaskOrder, workspace: Workspace, startedAt: string) {
    this.order = order;
    this.workspace = workspace;
    this.startedAt = startedAt;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get brokenOff(): BreakOff | null {
    return this.#reason;
  }

  breakOff(reason: BreakOff): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller.abort(reason);
  }

  /** Starts the clock for the time that one attempt may take. */
  startTimeout(clock: Clock): void {
    if (this.order.timeoutMs !== null) this.#count(clock, this.order.timeoutMs);
  }

  /**
   * Stops the clock while a person is asked: a night without an answer is not the agent's time.
   * @returns the function that starts the clock again
   */
  holdTimeout(): () => void {
    const held = this.#timeout;
    if (held === null) return () => {};
    this.stopTimeout();
    const leftMs = Math.max(0, held.leftMs - (held.clock.monotonic() - held.since));
    return () => this.#count(held.clock, leftMs);
  }

  stopTimeout(): void {
    this.#timeout?.cancel();
    this.#timeout = null;
  }

  #count(clock: Clock, leftMs: number): void {
    this.#timeout = {
      clock,
      leftMs,
      since: clock.monotonic(),
      cancel: clock.after(leftMs, () => this.breakOff('timeout')),
    };
  }

  is(task: string, attempt: number): boolean {
    return this.order.task === task && this.order.attempt === attempt;
  }

  held(phase: HeldTask['phase'], since: string): HeldTask {
    const { task, attempt, slot } = this.order;
    return { task, attempt, slot, phase, since, ...(this.sessionId === null ? {} : { sessionId: this.sessionId }) };
  }
}

/** What the agent says of its work, before anything is verified. */
export type BodyOutcome =
  | { kind: 'done'; summary: string }
  | { kind: 'failed'; errorClass: ErrorClass; error: string; summary: string }
  | { kind: 'lost'; error: string }
  /** The agent cannot work at all now: another agent may, and this one later. */
  | { kind: 'given-back'; error: string }
  /** The attempt was broken off and the agent's process tree for it is gone. */
  | { kind: 'broken-off' };

export interface VerifyFailure {
  /** The command line that failed. */
  what: string;
  /** "exit 1", "signal SIGKILL" */
  exit: string;
  output: string;
  /** Set where an agent in the worktree cannot mend the cause. */
  startError?: StartError;
}

/** How one kind of agent works on an attempt. */
export interface TaskBody {
  /** Whether this kind of agent can resolve conflicts of the dependencies' merge. */
  readonly resolvesConflicts: boolean;
  /**
   * Resolves when no turn is under way in the worktree, or when the attempt was broken off: before that no file may
   * change.
   */
  ready(): Promise<void>;
  /** Whether anything was said in this conversation: then it, and the work that was done in it, can be resumed. */
  wasTold(sessionId: string): Promise<boolean>;
  work(preparation: Preparation): Promise<BodyOutcome>;
  /** Has the agent mend a failed check; null where this kind cannot. */
  mend(failure: VerifyFailure): Promise<BodyOutcome | null>;
  /** The conversation in hand, which may be older than this attempt. */
  sessionId(): string | null;
  usage(): Promise<Usage>;
}
