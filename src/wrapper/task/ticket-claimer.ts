import type { Logger } from 'pino';
import type { ClaimReply, TaskOrder } from '../../coordination/messages.ts';
import { errorText } from '../../domain/errors.ts';
import { backoffDelay, HALF_JITTER, type BackoffRules } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { TicketVerdict } from '../contract/effects.ts';

const CLAIM_BACKOFF: BackoffRules = { baseMs: 500, capMs: 10_000, jitter: HALF_JITTER };
/**
 * First and longest wait before the next claim, when the store answers with an attempt whose result it has not read
 * yet, ms.
 */
const SETTLE_FIRST_MS = 10;
const SETTLE_MAX_MS = 500;
const REMEMBERED = 2_000;

export interface TicketClaimerDeps {
  slots: number;
  /** Whether the agent could begin an attempt: not paused, not held, no failure, and (claude) no turn under way. */
  able(): boolean;
  claim(slot: number): Promise<ClaimReply>;
  /** Works on the attempt and resolves when its result is delivered; never throws. */
  run(order: TaskOrder): Promise<void>;
  /** Called with the number of slots that may take a ticket, when it changed. */
  capacity(free: number): void;
  clock: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  log: Logger;
}

/** Turns tickets into claims and claims into attempts, slot by slot. Knows neither the broker nor the agent. */
export class TicketClaimer {
  readonly #deps: TicketClaimerDeps;
  readonly #slots: ('free' | 'claiming' | 'running')[];
  /** Attempts begun by this process: an attempt that is given again is not begun again. */
  readonly #begun = new Set<string>();
  readonly #idleWaiters = new Set<() => void>();
  #connected = false;
  /**
   * How often broker or supervisor came (back). A "none" to a claim from before the last time may be from the
   * supervisor before.
   */
  #greetings = 0;
  #claimFailures = 0;
  #cancelLater: (() => void) | null = null;
  #lastCapacity = -1;
  #stopped = false;

  constructor(deps: TicketClaimerDeps) {
    this.#deps = deps;
    this.#slots = Array.from({ length: deps.slots }, () => 'free');
  }

  /** Broker or supervisor is there (again): claims without a ticket, which may have been lost. */
  connected(): void {
    this.#connected = true;
    this.#greetings += 1;
    this.#announce();
    this.#fill();
  }

  disconnected(): void {
    this.#connected = false;
    this.#announce();
  }

  /** Something that `able` depends on has changed. */
  reconsider(): void {
    const before = this.#lastCapacity;
    this.#announce();
    if (before <= 0 && this.#lastCapacity > 0) this.#fill();
  }

  /** Begins no new attempts from now on. */
  stop(): void {
    this.#stopped = true;
    this.#cancelLater?.();
    this.#cancelLater = null;
    this.#announce();
  }

  /** Claims for a ticket, and resolves once the claim is answered. */
  async ticket(): Promise<TicketVerdict> {
    for (;;) {
      if (!this.#mayClaim()) return 'requeue';
      const slot = this.#slots.indexOf('free');
      if (slot >= 0) {
        await this.#claim(slot);
        // The ticket goes even where the claim failed: it is a hint, and the failed claim is repeated without it.
        return 'ack';
      }
      if (!this.#slots.includes('claiming')) return 'requeue';
      await new Promise<void>((resolve) => this.#idleWaiters.add(resolve));
    }
  }

  #mayClaim(): boolean {
    return this.#connected && !this.#stopped && this.#deps.able();
  }

  /** Claims for every free slot: an answer of "none" is also how the store learns that the slot waits. */
  #fill(): void {
    if (!this.#mayClaim()) return;
    for (const [slot, state] of this.#slots.entries()) if (state === 'free') void this.#claim(slot);
  }

  async #claim(slot: number): Promise<void> {
    this.#slots[slot] = 'claiming';
    let begun = false;
    try {
      begun = await this.#claimUntilClear(slot);
      this.#claimFailures = 0;
    } catch (error) {
      this.#deps.log.warn({ slot, error: errorText(error) }, 'a claim was not answered: claiming again later');
      this.#later();
    }
    if (!begun) this.#slots[slot] = 'free';
    for (const wake of this.#idleWaiters) wake();
    this.#idleWaiters.clear();
    this.#announce();
  }

  /** Claims until the answer is none or a new attempt. True when an attempt was begun. */
  async #claimUntilClear(slot: number): Promise<boolean> {
    for (let wait = SETTLE_FIRST_MS; ; wait = Math.min(SETTLE_MAX_MS, wait * 2)) {
      const greetings = this.#greetings;
      const reply = await this.#deps.claim(slot);
      if (reply.got === 'none') {
        // The supervisor that is there now has not heard of this free slot: only a claim tells it.
        if (greetings !== this.#greetings && this.#mayClaim()) continue;
        return false;
      }
      const order = { ...reply.order, slot };
      const key = `${order.task}/${order.attempt}`;
      if (!this.#begun.has(key)) {
        this.#begin(key, order);
        return true;
      }
      this.#deps.log.debug({ key }, 'given an attempt that was begun before: its result is still on the way');
      await new Promise<void>((resolve) => this.#deps.clock.after(wait, resolve));
      if (!this.#mayClaim()) return false;
    }
  }

  #begin(key: string, order: TaskOrder): void {
    this.#begun.add(key);
    if (this.#begun.size > REMEMBERED) this.#begun.delete(this.#begun.values().next().value ?? '');
    this.#slots[order.slot] = 'running';
    void this.#deps
      .run(order)
      .catch((error: unknown) => this.#deps.log.error({ key, error: errorText(error) }, 'an attempt broke'))
      .then(() => this.#finished(order.slot));
  }

  /** The slot is free: claims at once, since the next task of a chain has no ticket. */
  #finished(slot: number): void {
    this.#slots[slot] = 'free';
    if (this.#mayClaim()) void this.#claim(slot);
    else this.#announce();
  }

  #later(): void {
    if (this.#cancelLater !== null || this.#stopped) return;
    this.#claimFailures += 1;
    const { clock, random } = this.#deps;
    this.#cancelLater = clock.after(backoffDelay(CLAIM_BACKOFF, this.#claimFailures, random), () => {
      this.#cancelLater = null;
      this.#fill();
    });
  }

  #announce(): void {
    // With more tickets than free slots one would wait here while another agent is free.
    const running = this.#slots.filter((slot) => slot === 'running').length;
    const free = this.#mayClaim() ? this.#slots.length - running : 0;
    if (free === this.#lastCapacity) return;
    this.#lastCapacity = free;
    this.#deps.capacity(free);
  }
}
