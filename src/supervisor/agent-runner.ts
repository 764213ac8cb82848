import type { Logger } from 'pino';
import { backoffDelay } from '../lib/backoff.ts';
import { noteRestart } from '../lib/restart-window.ts';
import type { NeedsYouKind } from '../domain/agent.ts';
import type { Order } from '../coordination/link.ts';
import type { AgentRecord } from './agent-record.ts';
import type { EventLog } from './event-log.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Runner } from './runner.ts';

export interface RestartPolicy {
  restart: 'permanent' | 'transient' | 'temporary';
  /** More deaths than this within the window end in `failed`. */
  intensity: number;
  windowMs: number;
  backoffMs: number;
  backoffMaxMs: number;
}

/** The outside world of one agent, each a thin effect. */
export interface RunnerPorts {
  log: Logger;
  events: EventLog;
  now(): number;
  policy(record: AgentRecord): RestartPolicy;
  stopGraceMs: number;
  /** What keeps this agent from starting, if anything does. */
  gate(record: AgentRecord): Promise<{ gate: NeedsYouKind; detail: string } | null>;
  /** Makes sure that the worktree is there; returns a note for the person where something is odd. */
  ensureWorktree(record: AgentRecord): Promise<string | null>;
  writeSpec(record: AgentRecord): Promise<string>;
  /** Runs the wrapper in a pane of the agent's session: a new session, or again in its dead pane. */
  openPane(record: AgentRecord, specFile: string): Promise<void>;
  closePane(record: AgentRecord): Promise<void>;
  /** Ends every process that bears the agent's marks; the pids that live on. */
  endProcesses(record: AgentRecord, graceMs: number): Promise<number[]>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  /** Its leases: `lost` counts as an attempt that died, `released` as one that was given back. */
  giveBackLeases(record: AgentRecord, how: 'lost' | 'released', reason: string): Promise<void>;
  saveRow(record: AgentRecord): Promise<void>;
}

const GATE_RETRY_MS = 3_000;
const STEP_RETRY_MS = 2_000;
const STOP_RETRY_MS = 1_000;
/** Beyond the grace that the wrapper itself gives its agent, ms. */
const STOP_MARGIN_MS = 5_000;
/** A session that vanished with the tmux server is not the agent's own failure: such deaths are not counted. */
const BLAMELESS = /session is gone/;

export class AgentRunner implements Runner {
  readonly #ports: RunnerPorts;

  constructor(ports: RunnerPorts) {
    this.#ports = ports;
  }

  async start(record: AgentRecord, note: (lifecycle: Lifecycle) => void): Promise<Lifecycle> {
    const ports = this.#ports;
    const blocked = await this.#blocked(record);
    if (blocked !== null) return blocked;
    note({ phase: 'preparing', since: ports.now() });
    // After a crash of everything, processes of an earlier life may still be there; two of one agent must never be.
    await this.#endAll(record, 0);
    await ports.giveBackLeases(record, 'lost', 'its processes were gone before it was started');
    const oddity = await ports.ensureWorktree(record);
    if (oddity !== null) ports.events.emit('agent.note', { agent: record.id, data: { note: oddity } });
    const specFile = await ports.writeSpec(record);
    await ports.openPane(record, specFile);
    ports.events.emit('agent.started', { agent: record.id, data: { restarts: record.row.restarts } });
    record.silentSince = ports.now();
    return { phase: 'starting', since: ports.now() };
  }

  async #blocked(record: AgentRecord): Promise<Lifecycle | null> {
    const found = await this.#ports.gate(record);
    if (found === null) return null;
    const now = this.#ports.now();
    const was = record.lifecycle;
    const known = was.phase === 'blocked' && was.detail === found.detail;
    if (!known) {
      this.#ports.events.emit('agent.needs-you', { agent: record.id, data: { kind: found.gate, text: found.detail } });
    }
    return { phase: 'blocked', since: known ? was.since : now, lookAgainAt: now + GATE_RETRY_MS, ...found };
  }

  async recover(record: AgentRecord, detail: string): Promise<Lifecycle> {
    const ports = this.#ports;
    ports.events.emit('agent.died', { agent: record.id, data: { detail } });
    ports.log.warn({ agent: record.id, detail }, 'an agent has to be put back on its feet');
    await this.#endAll(record, ports.stopGraceMs);
    await ports.giveBackLeases(record, 'lost', detail);
    const policy = ports.policy(record);
    const now = ports.now();
    const blameless = BLAMELESS.test(detail);
    const count = blameless ? null : noteRestart(policy, record.deaths, now);
    if (count !== null) record.deaths = count.history;
    record.fold();
    record.row = { ...record.row, restarts: record.row.restarts + 1 };
    await ports.saveRow(record);
    if (policy.restart === 'temporary') return { phase: 'failed', since: now, detail };
    if (count?.exceeded === true) {
      const text = `died ${record.deaths.length} times within ${Math.round(policy.windowMs / 60_000)} min, last: ${detail}`;
      ports.events.emit('agent.failed', { agent: record.id, data: { detail: text } });
      return { phase: 'failed', since: now, detail: text };
    }
    const rules = { baseMs: policy.backoffMs, capMs: policy.backoffMaxMs };
    const delay = blameless ? 0 : backoffDelay(rules, record.deaths.length);
    return { phase: 'backoff', since: now, until: now + delay, of: 'start', detail };
  }

  async stop(record: AgentRecord): Promise<Lifecycle> {
    const ports = this.#ports;
    if (record.linked) {
      const graceMs = ports.stopGraceMs;
      try {
        await ports.order(record.id, { do: 'stop', graceMs }, graceMs + STOP_MARGIN_MS);
      } catch (error) {
        // It may have died on the way to its ack; the proof below does not rest on its word.
        ports.log.warn({ err: error, agent: record.id }, 'a stop was not confirmed');
      }
    }
    await this.#endAll(record, ports.stopGraceMs);
    await ports.closePane(record);
    await ports.giveBackLeases(record, 'released', 'its agent was stopped');
    record.pane = null;
    record.fold();
    await ports.saveRow(record);
    ports.events.emit('agent.stopped', { agent: record.id });
    return { phase: 'none', since: ports.now() };
  }

  async #endAll(record: AgentRecord, graceMs: number): Promise<void> {
    const survivors = await this.#ports.endProcesses(record, graceMs);
    if (survivors.length > 0) throw new Error(`processes ${survivors.join(', ')} of ${record.id} cannot be ended`);
  }

  afterFailure(record: AgentRecord, detail: string): Lifecycle {
    const now = this.#ports.now();
    if (record.lifecycle.phase === 'stopping') {
      return { phase: 'backoff', since: now, until: now + STOP_RETRY_MS, of: 'stop', detail };
    }
    return { phase: 'backoff', since: now, until: now + STEP_RETRY_MS, of: 'start', detail };
  }
}
