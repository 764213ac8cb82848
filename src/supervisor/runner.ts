import type { AgentRecord } from './agent-record.ts';
import type { Lifecycle } from './lifecycle.ts';

/** The effects behind the reconcile loop. Each returns where the agent stands afterwards. */
export interface Runner {
  /** Worktree, gates, spec, pane. `note` shows the phases on the way. */
  start(record: AgentRecord, note: (lifecycle: Lifecycle) => void): Promise<Lifecycle>;
  /** Proves every process of it gone, gives its leases back, and decides when it may start again. */
  recover(record: AgentRecord, death: { detail: string; vanished: boolean }): Promise<Lifecycle>;
  /**
   * Orders the end, proves it, removes the session.
   * @param leases `given-back` as in every stop, or `left` for who decides about them next
   */
  stop(record: AgentRecord, leases?: 'given-back' | 'left'): Promise<Lifecycle>;
  /** Where an agent stands whose step threw. */
  afterFailure(record: AgentRecord, detail: string): Lifecycle;
}
