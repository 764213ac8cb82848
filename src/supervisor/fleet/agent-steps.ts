import type { SetUpWorktree } from '../worktree/set-up.ts';
import type { Logger } from 'pino';
import { backoffDelay, FULL_JITTER, NO_JITTER, type BackoffRules } from '../../lib/backoff.ts';
import { noteRestart } from '../../lib/restart-window.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import type { LastWords } from '../../tmux/last-words.ts';
import type { Order } from '../../coordination/link.ts';
import type { AgentRecord, WrittenBy } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Lifecycle } from '../project/lifecycle.ts';
import type { Runner, StopPurpose } from './pane-command.ts';
import type { Roster } from './roster.ts';
import type { Obstacle } from './start-gates.ts';

export interface RestartPolicy {
  restart: 'permanent' | 'transient' | 'temporary';
  /** With more deaths than this within the window the agent has failed. */
  intensity: number;
  windowMs: number;
  backoffMs: number;
  backoffMaxMs: number;
}

/** The outside world of one agent, each method a thin effect. */
export interface AgentEffects {
  log: Logger;
  events: EventLog;
  now(): number;
  /** Null: its role is no longer in the config, so that it cannot be started. */
  policy(record: AgentRecord): RestartPolicy | null;
  stopGraceMs: number;
  /** The obstacle to a start of this agent; null: none. */
  gate(record: AgentRecord): Promise<Obstacle | null>;
  /** The obstacle in the settings that count in its worktree, which also come with a commit or a set-up; null: none. */
  settings(record: AgentRecord): Promise<Obstacle | null>;
  /** Writes an error into the agent's own log. */
  logError(agent: string, text: string): void;
  /** Makes sure that the worktree exists; returns a note for the person where something is odd. */
  ensureWorktree(record: AgentRecord): Promise<string | null>;
  setUp: SetUpWorktree;
  writeSpec(record: AgentRecord): Promise<string>;
  /** Runs the wrapper in a pane of the agent's session: a new session, or again in its dead pane. */
  openPane(record: AgentRecord, specFile: string): Promise<void>;
  closePane(record: AgentRecord): Promise<void>;
  /** Ends every process with the agent's marks; returns the pids of survivors. */
  /** What its wrapper, which has ended, printed in its pane; null: nothing, or tmux cannot be asked. */
  lastWords(record: AgentRecord): Promise<LastWords | null>;
  endProcesses(record: AgentRecord, graceMs: number): Promise<number[]>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  /** Gives the agent's leases back: `lost` counts as an attempt that died, `released` as one that was given back. */
  giveBackLeases(record: AgentRecord, how: 'lost' | 'released', reason: string): Promise<void>;
  roster: Pick<Roster, 'wrapperEnded' | 'restarted' | 'save'>;
  /**
   * Ends operations that a kill cut short in its worktree, while no process of it lives: an agent must not start in
   * half of one.
   */
  settleOperations(record: AgentRecord): Promise<void>;
}

const GATE_RETRY_MS = 3_000;
const START_BACKOFF: BackoffRules = { baseMs: 2_000, capMs: 30_000, jitter: NO_JITTER };
const STOP_BACKOFF: BackoffRules = { baseMs: 1_000, capMs: 10_000, jitter: NO_JITTER };
/** Time for a stop beyond the grace that the wrapper gives its agent, ms. */
const STOP_MARGIN_MS = 5_000;

export class AgentSteps implements Runner {
  readonly #ports: AgentEffects;
  /** Agents whose wrapper was started here and may not have said hello yet. */
  readonly #unheard = new Set<string>();

  constructor(ports: AgentEffects) {
    this.#ports = ports;
  }

  async start(record: WrittenBy<'fleet'>, note: (lifecycle: Lifecycle) => void): Promise<Lifecycle> {
    const ports = this.#ports;
    if (ports.policy(record) === null) return this.#orphaned(record);
    const blocked = this.#blocked(record, await ports.gate(record));
    if (blocked !== null) return blocked;
    note({ phase: 'preparing', since: ports.now() });
    // After a crash of everything, processes of an earlier life may still live; there must never be two of one agent.
    await this.#endAll(record, 0);
    await ports.settleOperations(record);
    await ports.giveBackLeases(record, 'lost', 'its processes were gone before it was started');
    const oddity = await ports.ensureWorktree(record);
    if (oddity !== null) ports.events.emit('agent.note', { agent: record.id, data: { note: oddity } });
    const obstacle = await this.#setUp(record, note);
    if (obstacle !== null) return obstacle;
    const blind = this.#blocked(record, await ports.settings(record));
    if (blind !== null) return blind;
    const specFile = await ports.writeSpec(record);
    await ports.openPane(record, specFile);
    this.#unheard.add(record.id);
    ports.events.emit('agent.started', { agent: record.id, data: { restarts: record.row.restarts } });
    record.observed.silentSince = ports.now();
    return { phase: 'starting', since: ports.now() };
  }

  /** Null: the worktree is set up. A failed set-up waits for a person: another try would fail again. */
  async #setUp(record: WrittenBy<'fleet'>, note: (lifecycle: Lifecycle) => void): Promise<Lifecycle | null> {
    const ports = this.#ports;
    const interrupt = new AbortController();
    record.step.interrupt = interrupt;
    try {
      const result = await ports.setUp(record, interrupt.signal, (what) => {
        const now = ports.now();
        note({ phase: 'preparing', since: now, setup: what });
      });
      if (result.done) return null;
      const now = ports.now();
      if (result.detail !== null) return { phase: 'failed', since: now, detail: result.detail };
      return { phase: 'due', since: now, detail: 'its set-up was interrupted' };
    } finally {
      record.step.interrupt = null;
    }
  }

  #blocked(record: AgentRecord, found: Obstacle | null): Lifecycle | null {
    if (found === null) return null;
    const now = this.#ports.now();
    if (found.by === 'program') return this.#cannotStart(record, found.detail, now);
    const was = record.lifecycle;
    const known = was.phase === 'blocked' && was.detail === found.detail;
    if (!known) {
      this.#ports.events.emit('agent.needs-you', { agent: record.id, data: { kind: found.gate, text: found.detail } });
    }
    const { gate, detail } = found;
    return { phase: 'blocked', since: known ? was.since : now, lookAgainAt: now + GATE_RETRY_MS, gate, detail };
  }

  /**
   * A start that cannot succeed is neither tried nor counted as a death; swarm looks again and again whether it would
   * succeed by now.
   */
  #cannotStart(record: AgentRecord, why: string, now: number): Lifecycle {
    const detail = `${why} It goes on by itself then, with \`swarm restart ${record.id}\` at once.`;
    const was = record.lifecycle;
    const known = was.phase === 'failed' && was.detail === detail;
    if (!known) this.#gaveUp(record, detail);
    return { phase: 'failed', since: known ? was.since : now, lookAgainAt: now + GATE_RETRY_MS, detail };
  }

  #gaveUp(record: AgentRecord, detail: string): void {
    const { log, events, logError } = this.#ports;
    log.error({ agent: record.id, detail }, 'an agent is given up');
    logError(record.id, detail);
    events.emit('agent.failed', { agent: record.id, data: { detail } });
  }

  async recover(
    record: WrittenBy<'fleet'>,
    { detail: ended, vanished }: { detail: string; vanished: boolean },
  ): Promise<Lifecycle> {
    const ports = this.#ports;
    const { pane } = record.observed;
    const clean = pane?.dead === true && pane.status === 0;
    const detail = `${ended}${await this.#saidBefore(record)}`;
    ports.events.emit('agent.died', { agent: record.id, data: { detail } });
    ports.log.warn({ agent: record.id, detail }, 'an agent has to be put back on its feet');
    await this.#endAll(record, ports.stopGraceMs);
    await ports.giveBackLeases(record, 'lost', detail);
    this.#wrapperEnded(record);
    await this.#kept(record, ports.roster.restarted(record));
    const policy = ports.policy(record);
    return policy === null ? this.#orphaned(record) : this.#next(record, policy, { detail, vanished, clean });
  }

  /** What a wrapper said that died before it said hello, for a sentence; its log knows nothing of that. */
  async #saidBefore(record: AgentRecord): Promise<string> {
    const { pane, snapshot } = record.observed;
    const isFirst = this.#unheard.delete(record.id);
    if (!isFirst || pane?.dead !== true || snapshot !== null) return '';
    const words = await this.#ports.lastWords(record);
    if (words === null) return '';
    for (const line of words.lines) this.#ports.logError(record.id, `its wrapper said: ${line}`);
    return `: ${words.line}`;
  }

  /** Applies the restart policy after a death. */
  #next(
    record: WrittenBy<'fleet'>,
    policy: RestartPolicy,
    { detail, vanished, clean }: { detail: string; vanished: boolean; clean: boolean },
  ): Lifecycle {
    const now = this.#ports.now();
    const rests = policy.restart === 'temporary' || (policy.restart === 'transient' && clean);
    if (rests) return { phase: 'failed', since: now, detail: `${detail}, and its restart policy is ${policy.restart}` };
    const rules = { baseMs: policy.backoffMs, capMs: policy.backoffMaxMs, jitter: FULL_JITTER };
    const waits = (ms: number): Lifecycle => ({ phase: 'backoff', since: now, until: now + ms, of: 'start', detail });
    if (vanished) {
      record.vanished = noteRestart(policy, record.vanished, now).history;
      return waits(record.vanished.length === 1 ? 0 : backoffDelay(rules, record.vanished.length - 1));
    }
    const { history, exceeded } = noteRestart(policy, record.deaths, now);
    record.deaths = history;
    if (!exceeded) return waits(backoffDelay(rules, history.length));
    const text = `died ${history.length} times within ${Math.round(policy.windowMs / 60_000)} min, last: ${detail}`;
    this.#gaveUp(record, text);
    return { phase: 'failed', since: now, detail: text };
  }

  #orphaned(record: AgentRecord): Lifecycle {
    return { phase: 'failed', since: this.#ports.now(), detail: `swarm.yaml has no role ${record.row.role} any more` };
  }

  async stop(record: WrittenBy<'fleet'>, purpose?: StopPurpose): Promise<Lifecycle> {
    const ports = this.#ports;
    const leavesAttempts = purpose?.leases === 'left';
    if (record.observed.linked) {
      const graceMs = ports.stopGraceMs;
      try {
        const order: Order = { do: 'stop', graceMs, ...(leavesAttempts ? { leaveAttempts: true } : {}) };
        await ports.order(record.id, order, graceMs + STOP_MARGIN_MS);
      } catch (error) {
        // It may have died on the way to its ack; the proof below does not depend on the ack.
        ports.log.warn({ err: error, agent: record.id }, 'a stop was not confirmed');
      }
    }
    await this.#endAll(record, ports.stopGraceMs);
    const now = ports.now();
    if (leavesAttempts) {
      this.#wrapperEnded(record);
      await this.#kept(record, ports.roster.save(record));
      // A person who looks at the pane keeps it: the next wrapper runs in it.
      return { phase: 'due', since: now, detail: `after ${purpose.name}` };
    }
    await ports.closePane(record);
    await this.#giveBackAtLast(record);
    record.observed.pane = null;
    this.#wrapperEnded(record);
    await this.#kept(record, ports.roster.save(record));
    ports.events.emit('agent.stopped', { agent: record.id });
    return { phase: 'none', since: now };
  }

  /**
   * Gives leases back, and goes on without where the disk is full, which must not prevent a stop: a lease that is left
   * is given back before the agent starts again, or when its time is over.
   */
  async #giveBackAtLast(record: AgentRecord): Promise<void> {
    try {
      await this.#ports.giveBackLeases(record, 'released', 'its agent was stopped');
    } catch (error) {
      this.#ports.log.error({ err: error, agent: record.id }, 'leases of a stopped agent are left');
    }
  }

  #wrapperEnded(record: WrittenBy<'fleet'>): void {
    this.#ports.roster.wrapperEnded(record);
    record.observed.snapshot = null;
  }

  /** A row that cannot be stored now is stored with the next change. */
  async #kept(record: AgentRecord, saved: Promise<void>): Promise<void> {
    try {
      await saved;
    } catch (error) {
      this.#ports.log.error({ err: error, agent: record.id }, 'what is known of an agent could not be kept');
    }
  }

  async #endAll(record: AgentRecord, graceMs: number): Promise<void> {
    const survivors = await this.#ports.endProcesses(record, graceMs);
    if (survivors.length > 0) throw new Error(`processes ${survivors.join(', ')} of ${record.id} cannot be ended`);
  }

  afterFailure(record: AgentRecord, error: unknown): Lifecycle {
    const now = this.#ports.now();
    const of = record.lifecycle.phase === 'stopping' ? 'stop' : 'start';
    const detail = errorText(error);
    // An end is tried for ever: a process of the agent may live.
    if (of === 'start' && error instanceof SwarmError && error.lasting) {
      const { hint = '' } = error;
      const failed = `${detail}\n${hint} Then run \`swarm restart ${record.id}\`.`;
      this.#gaveUp(record, failed);
      return { phase: 'failed', since: now, detail: failed };
    }
    const delay = backoffDelay(of === 'stop' ? STOP_BACKOFF : START_BACKOFF, record.step.failed.count);
    return { phase: 'backoff', since: now, until: now + delay, of, detail };
  }
}
