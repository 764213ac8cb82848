import type { ModelPermit } from '../../coordination/model-permit.ts';
import type { WrapperSnapshot } from '../../coordination/link.ts';
import type { Clock } from '../../lib/clock.ts';
import { Changes } from '../../lib/changes.ts';
import type { AgentState } from '../contract/state.ts';

export type Held = NonNullable<WrapperSnapshot['held']>;

export interface ModelPermitsDeps {
  state: AgentState;
  /** A supervisor listens now. While there is none, each agent tries for itself when the time of a hold is over. */
  linked(): boolean;
  clock: Clock;
}

const OPEN: ModelPermit = { hold: null, stops: false, afterMs: 0, costLimitUsd: null, heard: 0 };
/** A request that is refused is repeated for minutes by Claude Code itself: it gets so long to succeed, ms. */
const REFUSED_MS = 10_000;
const LOOK_AGAIN_MS = 1_000;
const SPENT: Held = { kind: 'budget', until: null, detail: 'the budget of all agents is spent' };

/** Whether this agent may ask the model now, as the supervisor says it of the whole fleet. */
export class ModelPermits {
  readonly changes = new Changes();
  readonly #deps: ModelPermitsDeps;
  #order: ModelPermit = OPEN;
  /** When a wait for the others is over: `at` by the monotonic clock, since the other may be set, `until` for people. */
  #opens: { at: number; until: string } | null = null;
  #spentUsd = 0;
  /** A turn of ours has passed and is under way. */
  #passed = false;
  #ending = false;
  /** The process of the turn waits for the model; else for a tool. */
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

  /** What this wrapper has spent, USD: who crosses the budget knows it first. */
  spent(usd: number): void {
    const before = this.#isSpent;
    this.#spentUsd = usd;
    if (this.#isSpent === before) return;
    // Its next request may have begun already.
    if (this.stops) this.#ending = true;
    this.#changed();
  }

  /** The process of the turn under way asks the model (true), or works with a tool. */
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

  /** Why it may not; null: it may. */
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

  /** A turn under way is to end before it asks again. */
  get stops(): boolean {
    return this.#passed && (this.#order.stops || this.#isSpent) && this.closed !== null;
  }

  /** The turn under way must end now: its process waits at an edge. */
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

  /** The turn that had passed is over. */
  left(): void {
    this.#passed = false;
    this.#ending = false;
    this.#publish();
  }

  /** The process of the turn is about to ask the model again; resolves when it may, or when there is no such turn any more. */
  async edge(): Promise<void> {
    if (!this.stops) return;
    this.#ending = true;
    this.changes.emit();
    await this.changes.until(() => (this.#ending ? null : true));
  }

  /** With a login that is lost no answer will come: what has been asked is not repeated for minutes. */
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
    // A turn that may go on works, whatever the others wait for.
    const shown = closed !== null && !this.#passed ? closed : null;
    if (JSON.stringify(shown) !== JSON.stringify(state.current.held) || shown === null) state.gate(shown);
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    if (closed === null || closed.until === null) return;
    const staggered = closed.kind === 'admission' ? this.#opens : null;
    const wait =
      staggered === null ? Date.parse(closed.until) - clock.now() : Math.ceil(staggered.at - clock.monotonic());
    // Looks again when the time is over: the supervisor's word may be late, or it may be away.
    this.#cancelTimer = clock.after(Math.min(wait > 0 ? wait : LOOK_AGAIN_MS, 60_000), () => this.#changed());
  }
}
