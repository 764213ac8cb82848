import type { Order } from '../../coordination/link.ts';
import type { Attempt, TaskBody } from './attempt.ts';

/** What differs between the kinds of agents. */
export interface AgentKind {
  /** It could begin an attempt now, as far as this kind knows. */
  able(): boolean;
  /** Called once, when the wrapper is ready. */
  begin(): void;
  /** There is no task for this agent now: a claim was in vain, or there is no broker to ask. */
  nothingToDo(): void;
  body(attempt: Attempt): TaskBody;
  /** The attempt's result is delivered (or nobody wants it); the slot is free when this resolves. */
  ended(attempt: Attempt): Promise<void>;
  restart(): Promise<unknown>;
  /** @throws SwarmError `nothing-to-interrupt` */
  interrupt(order: Extract<Order, { do: 'interrupt' }>): Promise<unknown>;
  /** @throws SwarmError where it cannot hear */
  nudge(text: string): unknown;
  answer(order: Extract<Order, { do: 'answer' }>): unknown;
  send(order: Extract<Order, { do: 'send' }>): unknown;
  sessionId(): string | null;
  /** Ends its processes; attempts have been broken off before. */
  stop(graceMs: number): Promise<void>;
}
