import { SwarmError, errorText } from '../../domain/errors.ts';
import { sleep, systemClock } from '../../lib/clock.ts';
import type { Gap, ProbeError } from '../../health/index.ts';
import type { AgentDesired } from '../../domain/agent.ts';
import type { WrapperSnapshot } from '../../coordination/link.ts';
import { isQuiet, situationOf, type AgentRecord, type PaneView, type WrittenBy } from '../project/agent-record.ts';
import type { FleetDeps, FleetEffects, StartWait } from './fleet-dependencies.ts';
import { decide, dueAtOnce, rests, type Action, type Lifecycle } from '../project/lifecycle.ts';
import { moveTimes } from './move-times.ts';
import { agreeOnPause } from './pause-order.ts';
import type { StopPurpose } from './pane-command.ts';
import { removedMeanwhile } from '../../domain/unknown-agent.ts';

/** How often all panes are looked at, ms: a dead one is noticed within two looks. */
const LOOK_INTERVAL_MS = 100;
/** How often every agent is judged anew without any change, ms. */
const RECONSIDER_INTERVAL_MS = 1_000;
/** Time limit of the order to try again, whose answer comes once the agent's process has begun or failed, ms. */
const RESTART_TIMEOUT_MS = 10_000;

/**
 * The one reconcile loop: it compares the wanted with the present state of every agent, on every change and on a slow
 * tick, and lets the runner take one step at a time per agent. Start, restart, adopt, scale and stop all come from it.
 */
export class Fleet {
  readonly #deps: FleetDeps;
  /** Null until `use`: before it, the loop neither looks nor takes a step. */
  #given: FleetEffects | null = null;
  readonly #listeners: ((record: AgentRecord) => void)[] = [];
  readonly #records = new Map<string, WrittenBy<'fleet'>>();
  #timer: NodeJS.Timeout | null = null;
  #lookAgain = false;
  /** False until tmux was asked once: no agent is started before the panes are known. */
  #seen = false;
  #probeError: ProbeError | null = null;
  #reconsideredAt = 0;
  #down = false;
  #closed = false;
  /** Number of steps that have ended: a look that began before the end of a step shows an older state. */
  #stepsEnded = 0;
  readonly #linked = (id: string): boolean => this.#records.get(id)?.observed.linked === true;
  readonly #steps = new Set<Promise<void>>();
  #look: Promise<void> | null = null;

  constructor(deps: FleetDeps) {
    this.#deps = deps;
  }

  get records(): AgentRecord[] {
    return [...this.#records.values()];
  }

  get(id: string): AgentRecord | undefined {
    return this.#records.get(id);
  }

  add(record: AgentRecord): void {
    if (!this.#records.has(record.id)) this.#deps.memory?.recall(record, this.#deps.now());
    this.#records.set(record.id, record);
    this.wake();
  }

  remove(id: string): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    this.#records.delete(id);
    void this.#deps.memory?.forget(record);
    // No step of this agent is taken any more: each queued work rejects with that.
    const { queuedWork } = record.step;
    record.step.queuedWork = [];
    for (const queued of queuedWork) void queued();
  }

  /** Gives the loop its means; `begin` lets it run by itself. */
  use(effects: FleetEffects): void {
    this.#given = effects;
  }

  get #effects(): FleetEffects {
    if (this.#given === null) throw new Error('the fleet was given nothing to act by');
    return this.#given;
  }

  /** Calls the listener for every agent whose facts may have changed, and for all of them once a second. */
  onChange(listener: (record: AgentRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** Why tmux cannot be asked now; null: it can. */
  get probeError(): ProbeError | null {
    return this.#probeError;
  }

  begin(): void {
    this.#timer = setInterval(() => this.wake(), LOOK_INTERVAL_MS);
    this.wake();
  }

  /** Everything is to end; the wanted state of each agent stays in the store. */
  goDown(): void {
    this.#down = true;
    this.wake();
  }

  goUp(): void {
    this.#down = false;
    this.wake();
  }

  get goingDown(): boolean {
    return this.#down;
  }

  desired(record: AgentRecord): AgentDesired {
    return this.#down ? 'stopped' : record.row.desired;
  }

  /** True when no agent has a process or a step left, as far as tmux was asked. */
  get quiet(): boolean {
    return this.#seen && this.records.every(isQuiet);
  }

  wake(): void {
    if (this.#closed || this.#given === null) return;
    if (this.#look !== null) {
      this.#lookAgain = true;
      return;
    }
    this.#look = this.#lookAround().finally(() => {
      this.#look = null;
      if (!this.#lookAgain) return;
      this.#lookAgain = false;
      setImmediate(() => this.wake());
    });
  }

  async #lookAround(): Promise<void> {
    const began = this.#stepsEnded;
    let panes: Map<string, PaneView> | null = null;
    try {
      panes = await this.#effects.look(this.#linked);
    } catch (error) {
      // A failed look is no fact about the agents.
      if (this.#probeError === null) this.#deps.log.warn({ err: error }, 'tmux cannot be asked');
      const since = this.#probeError?.since ?? this.#deps.now();
      this.#probeError = { probe: 'tmux', message: errorText(error), since };
    }
    if (panes !== null) {
      this.#seen = true;
      this.#probeError = null;
      for (const record of this.#records.values()) {
        if (record.step.ended <= began) this.#observePane(record, panes.get(record.id) ?? null);
      }
    }
    for (const record of this.#records.values()) this.#step(record);
    this.#reconsiderNowAndThen();
  }

  /** Judges all agents now and then: other facts come with a call of onChange, ages grow by themselves. */
  #reconsiderNowAndThen(): void {
    const now = this.#deps.now();
    if (Math.abs(now - this.#reconsideredAt) < RECONSIDER_INTERVAL_MS) return;
    this.#reconsideredAt = now;
    for (const record of this.#records.values()) this.#changed(record);
  }

  #observePane({ observed, step }: WrittenBy<'fleet'>, pane: PaneView | null): void {
    observed.paneSeenAt = this.#deps.now();
    step.paneKnown = true;
    const changed = observed.pane?.pid !== pane?.pid || observed.pane?.dead !== pane?.dead;
    if (changed) this.#reconsideredAt = 0;
    if (pane !== null && observed.pane?.pid !== pane.pid) observed.silentSince = this.#deps.now();
    observed.pane = pane;
  }

  #changed(record: AgentRecord): void {
    for (const listener of this.#listeners) listener(record);
  }

  #step(record: WrittenBy<'fleet'>): void {
    if (this.#closed || this.#given === null) return;
    const { step } = record;
    const [queued, ...later] = step.busy || !step.paneKnown ? [] : step.queuedWork;
    if (queued !== undefined) {
      step.queuedWork = later;
      this.#stepOf(record, 'queued', queued);
      return;
    }
    const desired = this.desired(record);
    if (desired === 'stopped') step.interrupt?.abort();
    // Without a known pane, as for an agent whose hello comes before tmux was asked, the agent would be taken for one
    // without a pane, and replaced. A stop may always be tried: it proves what it claims.
    if (!step.paneKnown && desired !== 'stopped') return;
    const action = decide(desired, situationOf(record), this.#deps.now());
    if (action !== null) this.#carryOut(record, action);
    else agreeOnPause(record, desired, { log: this.#deps.log, order: this.#effects.order });
  }

  #carryOut(record: WrittenBy<'fleet'>, action: Action): void {
    if (action.do === 'settle') {
      this.settle(record, action.lifecycle);
      return;
    }
    if (action.do === 'recover' && action.silent === true && this.#effects.deaths?.doubtful() === true) return;
    const waits = action.do === 'start' ? (this.#effects.admission?.(record) ?? null) : null;
    if (waits === null) this.#stepOf(record, action.do, () => this.#run(record, action));
    else this.#letWait(record, waits);
  }

  #letWait(record: AgentRecord, { for: what, reason: detail }: StartWait): void {
    const { lifecycle } = record;
    const known = lifecycle.phase === 'waiting' && lifecycle.for === what;
    if (known && lifecycle.detail === detail) return;
    this.settle(record, { phase: 'waiting', since: known ? lifecycle.since : this.#deps.now(), for: what, detail });
  }

  #stepOf(record: WrittenBy<'fleet'>, name: Action['do'] | 'queued', run: () => Promise<Lifecycle>): void {
    const { step } = record;
    step.busy = true;
    step.askedMeanwhile = false;
    const running = run()
      .then(async (found) => {
        const stale = found.phase === 'blocked' && step.askedMeanwhile;
        const lifecycle = stale ? dueAtOnce('start', this.#deps.now()) : found;
        // First into the store: an agent that is shown as given up must be so for the next supervisor, too.
        await this.#deps.memory?.note(record, lifecycle);
        step.failed = { count: 0, detail: '' };
        this.settle(record, lifecycle);
      })
      .catch((error: unknown) => this.#failed(record, name, error))
      .finally(() => {
        step.busy = false;
        this.#stepsEnded += 1;
        step.ended = this.#stepsEnded;
        step.paneKnown = false;
        this.#steps.delete(running);
        this.wake();
      });
    this.#steps.add(running);
  }

  /** Notes a failed step. Repeated failures with the same reason are one event. */
  #failed(record: WrittenBy<'fleet'>, action: Action['do'] | 'queued', error: unknown): void {
    const detail = errorText(error);
    const { count, detail: before } = record.step.failed;
    record.step.failed = { count: count + 1, detail };
    this.#deps.log.error({ err: error, agent: record.id, action, count: count + 1 }, 'a step failed');
    if (detail !== before) this.#deps.events.emit('agent.step-failed', { agent: record.id, data: { action, detail } });
    const lifecycle = this.#effects.runner.afterFailure(record, error);
    if (lifecycle.phase === 'failed') void this.#deps.memory?.note(record, lifecycle);
    this.settle(record, lifecycle);
  }

  #run(record: AgentRecord, action: Exclude<Action, { do: 'settle' }>): Promise<Lifecycle> {
    switch (action.do) {
      case 'start':
        return this.#effects.runner.start(record, (lifecycle) => this.settle(record, lifecycle));
      case 'recover':
        this.#effects.deaths?.gone(record, action.detail, action.vanished);
        this.settle(record, { phase: 'recovering', since: this.#deps.now(), detail: action.detail });
        return this.#effects.runner.recover(record, action);
      case 'stop':
        this.settle(record, { phase: 'stopping', since: this.#deps.now() });
        return this.#effects.runner.stop(record);
    }
  }

  settle(record: WrittenBy<'fleet'>, lifecycle: Lifecycle): void {
    record.lifecycle = lifecycle;
    if (lifecycle.phase !== 'failed') void this.#deps.memory?.note(record, lifecycle);
    this.#changed(record);
  }

  /**
   * A person's order makes the next try come at once, after the agent was given up or while it waits. A stop that could
   * not be carried out is still carried out.
   */
  revive(record: WrittenBy<'fleet'>): void {
    const { lifecycle, step } = record;
    const { busy } = step;
    step.askedMeanwhile = busy;
    // The reason that keeps it may be gone, even while a look at it is under way: swarm looks once more.
    if (busy ? lifecycle.phase !== 'blocked' : !['failed', 'blocked', 'backoff'].includes(lifecycle.phase)) return;
    const of = lifecycle.phase === 'backoff' ? lifecycle.of : 'start';
    if (of === 'start') {
      record.deaths = [];
      record.vanished = [];
    }
    this.settle(record, dueAtOnce(of, this.#deps.now()));
    this.wake();
  }

  /** Tries again for a person: an agent that was given up, here or by its wrapper. Resolves when the try has begun. */
  async tryAgain(record: AgentRecord): Promise<void> {
    this.revive(record);
    const { id } = record;
    const { linked, snapshot } = record.observed;
    if (!linked || snapshot === null || snapshot.failure === null) return;
    try {
      await this.#effects.order(id, { do: 'restart' }, RESTART_TIMEOUT_MS);
    } catch (error) {
      this.#deps.log.warn({ err: error, agent: id }, 'a restart was not confirmed');
    }
  }

  /**
   * Works in the worktree of an agent of which no process lives; the loop starts none meanwhile.
   * @throws SwarmError `agent-away` when a process of it may live
   */
  async alone<T>({ id, lifecycle, observed, step }: WrittenBy<'fleet'>, work: () => Promise<T>): Promise<T> {
    const { pane, linked } = observed;
    if (step.busy || linked || !step.paneKnown || !rests(lifecycle) || pane?.dead === false) {
      throw new SwarmError('agent-away', `${id} is not connected now, and something of it may run`, {
        hint: 'See `swarm status`, then try again.',
        retrySafe: true,
      });
    }
    step.busy = true;
    try {
      return await work();
    } finally {
      step.busy = false;
      this.wake();
    }
  }

  /**
   * Stops the agent, then works in its worktree; the loop starts no process of it meanwhile, and goes on afterwards.
   * @param after the lifecycle from which the loop goes on
   * @throws the error of `work`, or of the stop: nothing was done then
   */
  whileStopped<T>(
    record: WrittenBy<'fleet'>,
    purpose: StopPurpose,
    work: () => Promise<T>,
    after: (stopped: Lifecycle) => Lifecycle = (stopped) => stopped,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#closed) return Promise.reject(new SwarmError('supervisor-down', 'the supervisor is just ending'));
    const isGone = (): boolean => this.#records.get(record.id) !== record;
    if (isGone()) return Promise.reject(removedMeanwhile(record.id));
    const queued = async (): Promise<Lifecycle> => {
      if (isGone()) {
        reject(removedMeanwhile(record.id));
        return record.lifecycle;
      }
      this.settle(record, { phase: 'stopping', since: this.#deps.now(), detail: `for ${purpose.name}` });
      const lifecycle = await this.#effects.runner.stop(record, purpose).catch((error: unknown) => {
        reject(error);
        throw error;
      });
      await work().then(resolve, reject);
      return after(lifecycle);
    };
    record.step.queuedWork = [...record.step.queuedWork, queued];
    this.wake();
    return promise;
  }

  connected(id: string, snapshot: WrapperSnapshot): AgentRecord | null {
    const record = this.#records.get(id);
    if (record === undefined) return null;
    record.observed.linked = true;
    record.observed.linkSince = this.#deps.now();
    return this.observed(id, snapshot);
  }

  observed(id: string, snapshot: WrapperSnapshot): AgentRecord | null {
    const record = this.#records.get(id);
    if (record === undefined) return null;
    record.observed.snapshot = snapshot;
    record.observed.snapshotAt = this.#deps.now();
    this.#step(record);
    this.#changed(record);
    return record;
  }

  disconnected(id: string): void {
    const observed = this.#records.get(id)?.observed;
    if (observed === undefined) return;
    observed.linked = false;
    observed.linkSince = this.#deps.now();
    observed.silentSince = observed.linkSince;
    // Most often the process has just died: look at once instead of at the next tick.
    this.wake();
  }

  /** Moves times after the wall clock has jumped or the supervisor did not run. */
  moveTimes(gap: Gap): void {
    for (const record of this.#records.values()) moveTimes(record, gap);
  }

  /**
   * Begins no further step, and waits up to `limitMs` for those under way: each must bear being cut off, as by a crash.
   */
  async close(limitMs: number): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer ?? undefined);
    for (const record of this.#records.values()) record.step.interrupt?.abort();
    const late = new AbortController();
    const limit = sleep(systemClock, limitMs, late.signal).catch(() => undefined);
    await Promise.race([Promise.allSettled([...this.#steps, this.#look]), limit]).finally(() => late.abort());
  }
}
