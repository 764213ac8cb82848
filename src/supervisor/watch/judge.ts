import type { ExplainDocument } from '../../api/agents/schemas.ts';
import type { AgentDesired } from '../../domain/agent.ts';
import {
  judge as judgeFacts,
  type Gap,
  type Judgement,
  type ProbeError,
  type TroubleLimits,
} from '../../health/index.ts';
import type { AgentRecord, WrittenBy } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import { factsOf } from './facts.ts';

export interface JudgeDeps {
  limits(): TroubleLimits;
  gaps(): readonly Gap[];
  events: EventLog;
  now(): number;
  /** Why tmux cannot be asked now; null: it can. */
  probeError(): ProbeError | null;
}

/** Turns the facts about each agent into its status, and emits its changes. */
export class Judge {
  readonly #deps: JudgeDeps;

  constructor(deps: JudgeDeps) {
    this.#deps = deps;
  }

  reconsider(record: WrittenBy<'judge'>, desired: AgentDesired): void {
    const now = this.#deps.now();
    const { status, reason, rule, trouble } = this.#judge(record, desired, now);
    const { status: from, since } = record.verdict;
    const changed = from !== status;
    record.verdict = { status, since: changed ? now : since, reason: reason === '' ? null : reason, trouble };
    if (!changed) return;
    const about = { agent: record.id, task: record.observed.snapshot?.tasks[0]?.task ?? null };
    this.#deps.events.emit(`agent.status.${status}`, { ...about, data: { from, reason, rule } });
  }

  #judge(record: AgentRecord, desired: AgentDesired, now: number): Judgement {
    const [limits, gaps, probeError] = [this.#deps.limits(), this.#deps.gaps(), this.#deps.probeError()];
    return judgeFacts(factsOf(record, { desired, limits, gaps, probeError, now }), now);
  }

  /** Judges anew, so that facts, ages and rule belong together. */
  explain(record: AgentRecord, desired: AgentDesired): ExplainDocument {
    this.reconsider(record, desired);
    const { status, reason, rule, evidence, until } = this.#judge(record, desired, this.#deps.now());
    return {
      agent: record.id,
      status,
      since: new Date(record.verdict.since).toISOString(),
      rule,
      reason: reason === '' ? null : reason,
      until: until === null ? null : new Date(until).toISOString(),
      facts: evidence,
    };
  }
}
