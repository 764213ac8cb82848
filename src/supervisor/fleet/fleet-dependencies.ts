import type { Logger } from 'pino';
import type { Order } from '../../coordination/link.ts';
import type { AgentRecord, PaneView } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { DeathsMemory } from './deaths-memory.ts';
import type { Runner } from './pane-command.ts';

/** Why an agent that is to start has to wait. `turn`: others start first; `machine`: it would not bear one more. */
export interface StartWait {
  for: 'turn' | 'machine';
  reason: string;
}

export interface DeathNotices {
  /** A wrapper, or its whole session, is gone. */
  gone(record: AgentRecord, detail: string, explained: boolean): void;
  /** True while so many agents are gone at once that silence proves nothing about any of them. */
  doubtful(): boolean;
}

export interface FleetDeps {
  log: Logger;
  events: EventLog;
  now(): number;
  /** The deaths of agents, over restarts of the supervisor. */
  memory?: Pick<DeathsMemory, 'recall' | 'note' | 'forget'>;
}

/** The means of the loop to look and to act. */
export interface FleetEffects {
  runner: Runner;
  /** Panes by agent id; null while tmux cannot be asked. `linked`: whether the agent's wrapper holds its link now. */
  look(linked: (agent: string) => boolean): Promise<Map<string, PaneView> | null>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  /** Why an agent that is to start has to wait; null: it may start. */
  admission?(record: AgentRecord): StartWait | null;
  /** Hears of each death before its recovery, and decides whether silence is a fact about any agent now. */
  deaths?: DeathNotices;
}
