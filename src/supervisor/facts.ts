import type { AgentRecord } from './agent-record.ts';
import type { AgentDesired } from '../domain/agent.ts';
export function factsOf(record: AgentRecord, desired: AgentDesired, stuckAfterMs: number): any {
  return { desired, lifecycle: record.lifecycle, pane: record.pane, link: { connected: record.linked }, snapshot: record.snapshot, stuckAfterMs };
}
