import type { AgentRecord } from '../project/agent-record.ts';
import type { Lifecycle } from '../project/lifecycle.ts';

/** What an agent is stopped for in the middle of its work. */
export interface StopPurpose {
  /** In nouns, for `status`: it is stopped for this, and started again after this. */
  name: string;
  /** `given-back` as in every stop, or `left` for the work that decides about them. */
  leases: 'given-back' | 'left';
}

/** The effects behind the reconcile loop. Each returns where the agent stands afterwards. */
export interface Runner {
  /** Worktree, gates, spec, pane. `note` shows the phases on the way. */
  start(record: AgentRecord, note: (lifecycle: Lifecycle) => void): Promise<Lifecycle>;
  /** Proves every process of it gone, gives its leases back, and decides when it may start again. */
  recover(record: AgentRecord, death: { detail: string; vanished: boolean }): Promise<Lifecycle>;
  /** Orders the end, proves it, removes the session. Without `purpose`: it is to stay stopped. */
  stop(record: AgentRecord, purpose?: StopPurpose): Promise<Lifecycle>;
  /** Where an agent stands whose step threw. */
  afterFailure(record: AgentRecord, error: unknown): Lifecycle;
}
