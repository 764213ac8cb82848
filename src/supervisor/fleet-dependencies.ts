import type { Logger } from 'pino';
import type { Order } from '../coordination/link.ts';
import type { ProbeError } from '../health/index.ts';
import type { Wait } from './admission.ts';
import type { AgentRecord, PaneView } from './agent-record.ts';
import type { DeathWatch } from './death-watch.ts';
import type { EventLog } from './event-log.ts';
import type { DeathsMemory } from './deaths-memory.ts';
import type { Runner } from './runner.ts';

export interface FleetDependencies {
  log: Logger;
  events: EventLog;
  runner: Runner;
  /** Panes by agent id; null while tmux cannot be asked. `linked`: whose wrapper holds its link now. */
  look(linked: (agent: string) => boolean): Promise<Map<string, PaneView> | null>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  now(): number;
  onChange(record: AgentRecord): void;
  /** What an agent that is to start waits for; null: it may. */
  admission?(record: AgentRecord): Wait | null;
  /** Told before one is put back on its feet, and asked whether silence is a fact about any agent now. */
  deaths?(): Pick<DeathWatch, 'gone' | 'doubtful'>;
  /** Who was given up, over restarts of the supervisor. */
  memory?: Pick<DeathsMemory, 'recall' | 'note' | 'forget'>;
  /** How the look at the panes goes: null when it works. */
  onProbe(error: ProbeError | null): void;
}
