import type { Logger } from 'pino';
import { errorText } from '../domain/errors.ts';
import type { ClaimReply, Payload } from '../coordination/messages.ts';
import { missingTickets, type Candidate, type FreeSlot } from '../coordination/tickets.ts';

/** A ticket that led to no claim for so long, ms, while somebody is free, is issued again. */
const TICKET_PATIENCE_MS = 10_000;

export interface DispatchDependencies {
  log: Logger;
  /** Ready tasks by shape, each counted up to `limit`. */
  candidates(limit: number): Candidate[];
  claim(claim: Payload<'task.claim'>): Promise<ClaimReply>;
  publishTicket(route: string | null): Promise<void>;
  connected(): boolean;
  now(): number;
}

/**
 * Keeps tickets, claims and free slots in balance. Lost and doubled tickets are harmless: the truth is the store, and
 * who claims gets the best task of that moment or none.
 */
export class Dispatch {
  readonly #deps: DispatchDependencies;
  readonly #free = new Map<string, FreeSlot>();
  readonly #outstanding = new Map<string | null, number>();
  #oldestTicketAt = 0;
  #scheduled = false;

  constructor(deps: DispatchDependencies) {
    this.#deps = deps;
  }

  async claim(claim: Payload<'task.claim'>): Promise<ClaimReply> {
    const key = `${claim.agent}/${claim.slot}`;
    this.#free.delete(key);
    this.#spendTicket(claim);
    const reply = await this.#deps.claim(claim);
    if (reply.got === 'none') {
      const { agent, slot, kind, capabilities } = claim;
      this.#free.set(key, { agent, slot, kind, capabilities });
      // Something may have become ready between the look into the store and now.
      this.pump();
    }
    return reply;
  }

  /** An agent that went away waits for nothing any more. */
  forget(agent: string): void {
    for (const [key, slot] of this.#free) if (slot.agent === agent) this.#free.delete(key);
  }

  /** A broker that was started anew has no tickets of ours, and everyone claims again by itself. */
  brokerLost(): void {
    this.#outstanding.clear();
  }

  /** Looks for tickets that are missing, soon; many calls in one turn of the event loop are one look. */
  pump(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#publishMissing();
    });
  }

  /** The slow tick: tickets that were lost are forgotten, so that pump issues them again. */
  tick(): void {
    if (this.#outstanding.size > 0 && this.#deps.now() - this.#oldestTicketAt > TICKET_PATIENCE_MS) {
      this.#outstanding.clear();
    }
    this.pump();
  }

  #publishMissing(): void {
    if (this.#free.size === 0 || !this.#deps.connected()) return;
    const candidates = this.#deps.candidates(this.#free.size);
    const missing = missingTickets(candidates, [...this.#free.values()], this.#outstanding);
    for (const route of missing) {
      if (this.#outstanding.size === 0) this.#oldestTicketAt = this.#deps.now();
      this.#outstanding.set(route, (this.#outstanding.get(route) ?? 0) + 1);
      this.#deps.publishTicket(route).catch((error: unknown) => {
        this.#outstanding.delete(route);
        this.#deps.log.warn({ detail: errorText(error) }, 'a ticket could not be published');
      });
    }
  }

  /** Which queue woke the claimer is unknown; a claim uses up one ticket that it could have come from. */
  #spendTicket(claim: Payload<'task.claim'>): void {
    const routes = [`@${claim.agent}`, ...(claim.kind === 'shell' ? ['shell'] : [null])];
    for (const route of routes) {
      const count = this.#outstanding.get(route);
      if (count === undefined) continue;
      if (count > 1) this.#outstanding.set(route, count - 1);
      else this.#outstanding.delete(route);
      return;
    }
  }
}
