import type { Logger } from 'pino';
import type { Order } from '../../coordination/link.ts';
import type { AgentRecord, PaneView } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { DeathsMemory } from './deaths-memory.ts';
import type { Runner } from './pane-command.ts';

/** What an agent that is to start waits for. `turn`: others start first; `machine`: it would not bear one more. */
export interface StartWait {
  for: 'turn' | 'machine';
  reason: string;
}

export interface DeathNotices {
  /** A wrapper, or its whole session, is gone. */
  gone(record: AgentRecord, detail: string, explained: boolean): void;
  /** So many are gone at once that silence proves nothing about any one of them. */
  doubtful(): boolean;
}

export interface FleetDeps {
  log: Logger;
  events: EventLog;
  now(): number;
  /** Agents that were given up, over restarts of the supervisor. */
  memory?: Pick<DeathsMemory, 'recall' | 'note' | 'forget'>;
}

/** What the loop looks with, and acts by. */
export interface FleetEffects {
  runner: Runner;
  /** Panes by agent id; null while tmux cannot be asked. `linked`: whose wrapper holds its link now. */
  look(linked: (agent: string) => boolean): Promise<Map<string, PaneView> | null>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  /** What an agent that is to start waits for; null: it may. */
  admission?(record: AgentRecord): StartWait | null;
  /** Told before one is put back on its feet, and asked whether silence is a fact about any agent now. */
  deaths?: DeathNotices;
}
