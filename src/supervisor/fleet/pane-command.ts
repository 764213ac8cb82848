import type { AgentRecord } from '../project/agent-record.ts';
import type { Lifecycle } from '../project/lifecycle.ts';

/** Why an agent is stopped in the middle of its work. */
export interface StopPurpose {
  /** In nouns, for `status`: "for NAME" while it is stopped, "after NAME" when it is started again. */
  name: string;
  /** `given-back` as in every stop, or `left` for the work that decides about them. */
  leases: 'given-back' | 'left';
}

/** The steps of the reconcile loop. Each resolves with the agent's lifecycle afterwards. */
export interface Runner {
  /** Prepares worktree, gates and spec, and opens the pane. `note` shows the phases on the way. */
  start(record: AgentRecord, note: (lifecycle: Lifecycle) => void): Promise<Lifecycle>;
  /** Proves every process of it gone, gives its leases back, and decides when it may start again. */
  recover(record: AgentRecord, death: { detail: string; vanished: boolean }): Promise<Lifecycle>;
  /** Orders the end, proves it, removes the session. Without `purpose`: it is to stay stopped. */
  stop(record: AgentRecord, purpose?: StopPurpose): Promise<Lifecycle>;
  /** The lifecycle of an agent whose step threw. */
  afterFailure(record: AgentRecord, error: unknown): Lifecycle;
}
