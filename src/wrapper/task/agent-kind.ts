import type { Order } from '../../coordination/link.ts';
import type { Attempt, TaskBody } from './attempt.ts';

/** What differs between the kinds of agents. */
export interface AgentKind {
  /** Whether the agent could begin an attempt now, as far as this kind knows. */
  able(): boolean;
  /** Called once, when the wrapper is ready. */
  begin(): void;
  /** Called when there is no task for this agent now: a claim was in vain, or there is no broker to ask. */
  nothingToDo(): void;
  body(attempt: Attempt): TaskBody;
  /** The attempt's result is delivered, or was dropped; the slot is free when this resolves. */
  ended(attempt: Attempt): Promise<void>;
  restart(): Promise<unknown>;
  /** @throws SwarmError `nothing-to-interrupt` */
  interrupt(order: Extract<Order, { do: 'interrupt' }>): Promise<unknown>;
  /** @throws SwarmError where this kind cannot be nudged */
  nudge(text: string): unknown;
  answer(order: Extract<Order, { do: 'answer' }>): unknown;
  send(order: Extract<Order, { do: 'send' }>): unknown;
  sessionId(): string | null;
  /** Ends the agent's processes; attempts have been broken off before. */
  stop(graceMs: number): Promise<void>;
}
