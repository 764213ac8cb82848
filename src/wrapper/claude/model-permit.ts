import type { ModelPermit } from '../../coordination/model-permit.ts';
import type { WrapperSnapshot } from '../../coordination/link.ts';
import type { Clock } from '../../lib/clock.ts';
import { Changes } from '../../lib/changes.ts';
import type { AgentState } from '../contract/state.ts';

export type Held = NonNullable<WrapperSnapshot['held']>;

export interface ModelPermitsDeps {
  state: AgentState;
  /**
   * Whether a supervisor listens. While none does, each agent tries the model for itself when the time of a hold is
   * over.
   */
  linked(): boolean;
  clock: Clock;
}

const OPEN: ModelPermit = { hold: null, stops: false, afterMs: 0, costLimitUsd: null, heard: 0 };
/**
 * How long a request may still succeed after the login was lost, ms: Claude Code itself repeats a refused request for
 * minutes.
 */
const REFUSED_MS = 10_000;
const LOOK_AGAIN_MS = 1_000;
const SPENT: Held = { kind: 'budget', until: null, detail: 'the budget of all agents is spent' };

/** Whether this agent may ask the model now: what the supervisor says of the fleet, and the budget. */
export class ModelPermits {
  readonly changes = new Changes();
  readonly #deps: ModelPermitsDeps;
  #order: ModelPermit = OPEN;
  /**
   * When this agent's turn to go on comes: `at` by the monotonic clock, since the time of day may be set; `until` for
   * people.
   */
  #opens: { at: number; until: string } | null = null;
  #spentUsd = 0;
  /** A turn that swarm began has a permit and is under way. */
  #passed = false;
  #ending = false;
  /** The process of the turn waits for the model (true) or for a tool. */
  #asking = true;
  #cancelTimer: () => void = () => {};
  #cancelEnd: () => void = () => {};

  constructor(deps: ModelPermitsDeps) {
    this.#deps = deps;
  }

  set(order: ModelPermit): void {
    this.#order = order;
    const { clock } = this.#deps;
    const until = new Date(clock.now() + order.afterMs).toISOString();
    this.#opens = order.afterMs === 0 ? null : { at: clock.monotonic() + order.afterMs, until };
    this.#changed();
  }

  /**
   * Takes in what this wrapper has spent, USD. The wrapper that crosses the budget knows it before the supervisor does.
   */
  spent(usd: number): void {
    const before = this.#isSpent;
    this.#spentUsd = usd;
    if (this.#isSpent === before) return;
    // The turn's next request may have begun already.
    if (this.stops) this.#ending = true;
    this.#changed();
  }

  /** Takes in whether the process of the turn under way asks the model (true) or works with a tool. */
  asking(asks: boolean): void {
    this.#asking = asks;
    this.#endRefused();
  }

  get costLimitUsd(): number | null {
    return this.#order.costLimitUsd;
  }

  get heard(): number {
    return this.#order.heard;
  }

  get #isSpent(): boolean {
    const limit = this.#order.costLimitUsd;
    return limit !== null && this.#spentUsd >= limit;
  }

  /** Why this agent may not ask the model; null: it may. */
  get closed(): Held | null {
    const { hold } = this.#order;
    const { clock } = this.#deps;
    if (hold !== null) {
      const over = hold.until !== null && clock.now() >= Date.parse(hold.until);
      return over && !this.#deps.linked() ? null : hold;
    }
    if (this.#isSpent) return SPENT;
    if (this.#opens === null || clock.monotonic() >= this.#opens.at) return null;
    return { kind: 'admission', until: this.#opens.until, detail: 'agents go on one after the other' };
  }

  /** Whether the turn under way must end before it asks again. */
  get stops(): boolean {
    return this.#passed && (this.#order.stops || this.#isSpent) && this.closed !== null;
  }

  /** Whether the turn under way must end now: its process waits at an edge. */
  get ending(): boolean {
    return this.#ending;
  }

  /**
   * Waits until this agent may begin to ask.
   * @returns false when the signal aborted first
   */
  async pass(signal: AbortSignal): Promise<boolean> {
    this.#passed = false;
    this.#ending = false;
    this.#publish();
    const open = await this.changes.until(() => (this.closed === null ? true : null), signal);
    this.#passed = open === true && !signal.aborted;
    this.#publish();
    return this.#passed;
  }

  /** The turn that had a permit is over. */
  left(): void {
    this.#passed = false;
    this.#ending = false;
    this.#publish();
  }

  /** The process of the turn is about to ask the model again: resolves when it may, or when that turn has ended. */
  async edge(): Promise<void> {
    if (!this.stops) return;
    this.#ending = true;
    this.changes.emit();
    await this.changes.until(() => (this.#ending ? null : true));
  }

  /**
   * Ends the turn a while after the login was lost: its request will not be answered, and Claude Code would repeat it
   * for minutes.
   */
  #endRefused(): void {
    this.#cancelEnd();
    this.#cancelEnd = () => {};
    if (!this.stops || !this.#asking || this.closed?.kind !== 'auth') return;
    this.#cancelEnd = this.#deps.clock.after(REFUSED_MS, () => {
      if (!this.stops || !this.#asking) return;
      this.#ending = true;
      this.changes.emit();
    });
  }

  #changed(): void {
    this.#endRefused();
    this.#publish();
    this.changes.emit();
  }

  #publish(): void {
    const { state, clock } = this.#deps;
    const closed = this.closed;
    // The snapshot shows no hold for a turn that may go on.
    const shown = closed !== null && !this.#passed ? closed : null;
    if (JSON.stringify(shown) !== JSON.stringify(state.current.held) || shown === null) state.gate(shown);
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    if (closed === null || closed.until === null) return;
    const staggered = closed.kind === 'admission' ? this.#opens : null;
    const wait =
      staggered === null ? Date.parse(closed.until) - clock.now() : Math.ceil(staggered.at - clock.monotonic());
    // Looks again when the time is over: the supervisor's word may be late, or no supervisor lives.
    this.#cancelTimer = clock.after(Math.min(wait > 0 ? wait : LOOK_AGAIN_MS, 60_000), () => this.#changed());
  }
}
