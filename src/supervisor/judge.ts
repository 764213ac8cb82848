import type { ExplainDocument } from '../api/documents.ts';
import type { AgentDesired } from '../domain/agent.ts';
import { judge as judgeFacts, type Judgement, type ProbeError } from '../health/index.ts';
import { scanProcesses, treeUsage, type ProcessTable } from '../process/index.ts';
import type { AgentRecord } from './agent-record.ts';
import type { EventLog } from './event-log.ts';
import { factsOf } from './facts.ts';
import type { TreeUse } from './status.ts';

/** A scan of the process table is shared by all who ask within this time, ms. */
const SCAN_MAX_AGE_MS = 2_000;

export interface JudgeOptions {
  stuckAfterMs: number;
  events: EventLog;
  now(): number;
}

/** Turns what is known of each agent into its status, and tells when it changes. */
export class Judge {
  readonly #options: JudgeOptions;
  #probeError: ProbeError | null = null;
  #before: ProcessTable | null = null;
  #latest: ProcessTable | null = null;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  reconsider(record: AgentRecord, desired: AgentDesired): void {
    const now = this.#options.now();
    const { status, reason, rule } = this.#judge(record, desired, now);
    const changed = record.status !== status;
    record.statusReason = reason === '' ? null : reason;
    if (!changed) return;
    const from = record.status;
    record.status = status;
    record.statusSince = now;
    const about = { agent: record.id, task: record.snapshot?.tasks[0]?.task ?? null };
    this.#options.events.emit(`agent.status.${status}`, { ...about, data: { from, reason, rule } });
  }

  #judge(record: AgentRecord, desired: AgentDesired, now: number): Judgement {
    const { stuckAfterMs } = this.#options;
    return judgeFacts(factsOf(record, { desired, stuckAfterMs, probeError: this.#probeError, now }), now);
  }

  /** Judged anew, so that facts, ages and rule belong together. */
  explain(record: AgentRecord, desired: AgentDesired): ExplainDocument {
    this.reconsider(record, desired);
    const { status, reason, rule, evidence, until } = this.#judge(record, desired, this.#options.now());
    const use = this.useOf(record);
    const processes =
      use === null
        ? []
        : [
            {
              fact: 'processes',
              value: `${use.cpuPercent.toFixed(1)} % of a core, ${Math.round(use.rssBytes / 2 ** 20)} MiB`,
              ageMs: 0,
            },
          ];
    return {
      agent: record.id,
      status,
      since: new Date(record.statusSince).toISOString(),
      rule,
      reason: reason === '' ? null : reason,
      until: until === null ? null : new Date(until).toISOString(),
      facts: [...evidence, ...processes],
    };
  }

  /** tmux answers (null), or fails to. */
  set probeError(error: ProbeError | null) {
    this.#probeError = error;
  }

  /** CPU and memory of the agent's tree; null while it has none. */
  useOf(record: AgentRecord): TreeUse | null {
    const root = record.pane?.dead === false ? record.pane.pid : undefined;
    if (root === undefined) return null;
    this.#scan();
    if (this.#latest === null) return null;
    const usage = treeUsage(this.#before, this.#latest, root);
    return usage === null ? null : { cpuPercent: usage.cpuPercent ?? 0, rssBytes: usage.rssBytes };
  }

  #scan(): void {
    if (this.#latest !== null && performance.now() - this.#latest.at < SCAN_MAX_AGE_MS) return;
    this.#before = this.#latest;
    this.#latest = scanProcesses();
  }
}
