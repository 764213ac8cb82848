import type { Logger } from 'pino';
import { errorText } from '../../domain/errors.ts';
import type { ClaimReply, Payload } from '../../coordination/messages.ts';
import { missingTickets, type ReadyTasks, type FreeSlot } from '../../coordination/tickets.ts';
import { backoffDelay, NO_JITTER, type BackoffRules } from '../../lib/backoff.ts';

type Claim = Payload<'task.claim'>;

/**
 * How long a ticket may lead to no claim, ms, while a slot is free: then it has expired in the broker, and another is
 * published.
 */
export const TICKET_PATIENCE_MS = 10_000;
/**
 * A slot whose claims were answered with nothing again and again gets its next ticket after this, then twice this, …
 */
const VAIN_BACKOFF: BackoffRules = { baseMs: 1_000, capMs: TICKET_PATIENCE_MS, jitter: NO_JITTER };

/** Why a claim is answered with nothing; `waits`: the claimer gets tickets once the reason is gone. */
export interface Refusal {
  reason: string;
  waits: boolean;
}

export interface DispatchDeps {
  log: Logger;
  /** Ready tasks by shape, each counted up to `limit`. */
  candidates(limit: number): ReadyTasks[];
  /** Null: it may have a task. */
  refusal(claim: Claim): Refusal | null;
  claim(claim: Claim): Promise<ClaimReply>;
  /** Whether the agent would act on a ticket now. */
  able(agent: string): boolean;
  publishTicket(route: string | null): Promise<void>;
  connected(): boolean;
  now(): number;
}

interface WaitingSlot extends FreeSlot {
  /** Claims in a row without a task since tasks last changed. */
  vain: number;
  since: number;
}

interface Outstanding {
  count: number;
  /** Time of the first of them, or of the last claim that one of them led to. */
  at: number;
}

/**
 * Keeps tickets, claims and free slots in balance. Lost and doubled tickets are harmless: the truth is the store, and a
 * claimer gets the best task of that moment or none.
 */
export class Dispatch {
  readonly #deps: DispatchDeps;
  readonly #free = new Map<string, WaitingSlot>();
  readonly #outstanding = new Map<string | null, Outstanding>();
  #scheduled = false;

  constructor(deps: DispatchDeps) {
    this.#deps = deps;
  }

  async claim(claim: Claim): Promise<ClaimReply> {
    const { agent, slot, kind, capabilities } = claim;
    const key = `${agent}/${slot}`;
    const vain = (this.#free.get(key)?.vain ?? 0) + 1;
    this.#free.delete(key);
    this.#spendTicket(claim);
    const refusal = this.#deps.refusal(claim);
    const reply = refusal === null ? await this.#claim(claim) : { got: 'none' as const, reason: refusal.reason };
    if (reply.got === 'none' && refusal?.waits !== false) {
      this.#free.set(key, { agent, slot, kind, capabilities, vain, since: this.#deps.now() });
      // A task may have become ready between the look into the store and now.
      this.pump();
    }
    return reply;
  }

  /** A store that cannot write now has no task to give; the claimer waits as for any other. */
  async #claim(claim: Claim): Promise<ClaimReply> {
    try {
      return await this.#deps.claim(claim);
    } catch (error) {
      this.#deps.log.error({ err: error, agent: claim.agent }, 'a claim could not be answered');
      return { got: 'none', reason: `the supervisor cannot give out tasks now: ${errorText(error)}` };
    }
  }

  /** Forgets the slots of an agent that went away. */
  forget(agent: string): void {
    for (const [key, slot] of this.#free) if (slot.agent === agent) this.#free.delete(key);
  }

  /** A broker that was started anew has no tickets of this project, and all wrappers claim again by themselves. */
  brokerLost(): void {
    this.#outstanding.clear();
  }

  /** Tasks changed: slots that waited in vain may get one now. */
  changed(): void {
    for (const slot of this.#free.values()) slot.vain = 0;
    this.pump();
  }

  /** Publishes missing tickets, soon; many calls in one turn of the event loop are one look. */
  pump(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#publishMissing();
    });
  }

  /** The slow tick: forgets lost tickets, so that pump publishes them again. */
  tick(): void {
    const now = this.#deps.now();
    for (const [route, { at }] of this.#outstanding) if (now - at > TICKET_PATIENCE_MS) this.#outstanding.delete(route);
    this.pump();
  }

  #publishMissing(): void {
    if (this.#free.size === 0 || !this.#deps.connected()) return;
    const waiting = this.#waiting();
    if (waiting.length === 0) return;
    const candidates = this.#deps.candidates(waiting.length);
    const counts = new Map([...this.#outstanding].map(([route, { count }]) => [route, count]));
    for (const route of missingTickets(candidates, waiting, counts)) {
      this.#note(route, 1);
      this.#deps.publishTicket(route).catch((error: unknown) => {
        this.#note(route, -1);
        this.#deps.log.warn({ detail: errorText(error) }, 'a ticket could not be published');
      });
    }
  }

  /**
   * Slots that would act on a ticket. A slot whose claims get nothing although a task seems to be ready must not go
   * round with its tickets as fast as the broker can.
   */
  #waiting(): FreeSlot[] {
    const now = this.#deps.now();
    return [...this.#free.values()].filter(({ agent, vain, since }) => {
      if (!this.#deps.able(agent)) return false;
      return vain < 2 || now - since >= backoffDelay(VAIN_BACKOFF, vain - 1);
    });
  }

  #note(route: string | null, by: number): void {
    const known = this.#outstanding.get(route);
    const count = (known?.count ?? 0) + by;
    if (count <= 0) this.#outstanding.delete(route);
    else this.#outstanding.set(route, { count, at: known?.at ?? this.#deps.now() });
  }

  /** Counts one ticket as used by a claim. Which queue woke the claimer is unknown, so it is one that could have. */
  #spendTicket(claim: Claim): void {
    const routes = [`@${claim.agent}`, claim.kind === 'shell' ? 'shell' : null];
    const route = routes.find((name) => this.#outstanding.has(name));
    if (route === undefined) return;
    this.#note(route, -1);
    const left = this.#outstanding.get(route);
    if (left !== undefined) left.at = this.#deps.now();
  }
}
