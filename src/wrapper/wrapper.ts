import type { Logger } from 'pino';
import type { AgentSpec, Order, ToWrapper, WrapperSnapshot } from '../coordination/link.ts';
import type { ClaimReply, TaskOrder } from '../coordination/messages.ts';
import { SwarmError, errorText } from '../domain/errors.ts';
import { pause, type Clock } from '../lib/clock.ts';
import { Attempt, type BreakOff } from './task/attempt.ts';
import { liveAttempt, type AttemptDeps } from './task/run-attempt.ts';
import { startCheckpointTimer } from './task/checkpoint-timer.ts';
import { startHeartbeat } from './link/heartbeat.ts';
import type { AgentKind } from './task/agent-kind.ts';
import type { SupervisorLink } from './link/supervisor-link.ts';
import type { Broker, WhyCapture, Workspace } from './contract/effects.ts';
import type { Processes } from '../worktree/processes.ts';
import type { Spool } from './link/spool.ts';
import type { AgentState } from './contract/state.ts';
import { TicketClaimer } from './task/ticket-claimer.ts';

/** How long a stop waits for results to leave, ms; the next incarnation sends the others. */
const LAST_RESULTS_MS = 1_500;
const LAST_CHECKPOINT_MS = 5_000;
/** How long a broken-off attempt may take beyond its grace, ms. */
const STOP_MARGIN_MS = 3_000;

export interface WrapperDeps {
  spec: AgentSpec;
  /** The person's environment, for a program that starts now. */
  env(): Readonly<Record<string, string>>;
  state: AgentState;
  broker: Broker;
  spool: Spool;
  link: SupervisorLink;
  workspace(slot: number): Workspace;
  processes: Processes;
  kind: AgentKind;
  /** Ends the wrapper; called once everything is put away. */
  exit(code: number): void;
  clock: Clock;
  log: Logger;
}

/** One agent: takes orders, works on attempts, reports its state. Knows nothing of what kind of agent it is. */
export class Wrapper {
  readonly #deps: WrapperDeps;
  readonly #worker: TicketClaimer;
  readonly #attempts = new Map<Attempt, Promise<void>>();
  #stopHeartbeat: () => void = () => {};
  #stopTimer = (): void => {};
  #tickets: { cancel(): Promise<void> } | null = null;
  #amqpUrl: string | null = null;
  #stopping: Promise<void> | null = null;

  constructor(deps: WrapperDeps) {
    this.#deps = deps;
    const { spec, kind, state, spool, clock, log } = deps;
    const free = ({ paused, held, failure }: WrapperSnapshot): boolean => !paused && held === null && failure === null;
    this.#worker = new TicketClaimer({
      slots: spec.slots,
      able: () => free(state.current) && kind.able() && !spool.inherited,
      claim: (slot) => this.#claim(slot),
      run: (order) => this.#run(order),
      capacity: (free) => this.#consume(free),
      clock,
      log,
    });
    state.onChange(() => this.#worker.reconsider());
  }

  start(): void {
    const { spec, state, broker, link, kind, clock, log } = this.#deps;
    this.#stopHeartbeat = startHeartbeat({
      everyMs: spec.heartbeatMs,
      snapshot: () => state.current,
      publish: (heartbeat) => (state.current.amqp === 'connected' ? broker.heartbeat(heartbeat) : Promise.resolve()),
      clock,
      log,
    });
    this.#stopTimer = startCheckpointTimer({
      everyMs: spec.checkpoints.everyMs,
      tick: () => this.#regularCheckpoints(),
      clock,
      log,
    });
    link.start();
    kind.begin();
  }

  reconsider(): void {
    this.#worker.reconsider();
  }

  brokerConnected(): void {
    this.#deps.spool.resend();
    this.#worker.connected();
  }

  brokerLost(): void {
    this.#worker.disconnected();
  }

  setBroker(amqpUrl: string | null): void {
    if (amqpUrl === this.#amqpUrl) return;
    this.#amqpUrl = amqpUrl;
    this.#deps.broker.setUrl(amqpUrl);
  }

  /**
   * The supervisor has greeted and named the attempts that it knows.
   * @param said the snapshot by which it judged: an attempt that began later it could not know
   */
  welcome(welcome: Extract<ToWrapper, { type: 'welcome' }>, said: WrapperSnapshot): void {
    for (const attempt of this.#attempts.keys()) {
      const { task, attempt: n } = attempt.order;
      const known = said.tasks.some((held) => held.task === task && held.attempt === n && held.phase !== 'reporting');
      const ours = welcome.attempts.some((held) => held.task === task && held.attempt === n);
      if (known && !ours) {
        this.#deps.log.warn({ task, attempt: n }, 'the store does not hold this attempt for us: dropped');
        attempt.breakOff('dropped');
      }
    }
    this.setBroker(welcome.amqpUrl);
    if (welcome.amqpUrl === null) this.#deps.kind.nothingToDo();
    // A new supervisor knows no free slots: a claim tells it of each, even where there is no task.
    if (this.#deps.state.current.amqp === 'connected') this.#worker.connected();
  }

  async order(order: Order): Promise<unknown> {
    const { state, kind, clock } = this.#deps;
    switch (order.do) {
      case 'stop':
        await this.stop(order.graceMs, order.leaveAttempts === true ? 'dropped' : 'released');
        // Leaves a moment later, after this order's ack was sent.
        clock.after(20, () => void this.#leave(0));
        return null;
      case 'pause':
        state.update({ paused: true });
        return null;
      case 'resume':
        state.update({ paused: false });
        return null;
      case 'restart':
        return await kind.restart();
      case 'answer':
        return kind.answer(order);
      case 'send':
        return kind.send(order);
      case 'nudge':
        return kind.nudge(order.text);
      case 'interrupt':
        return await kind.interrupt(order);
      case 'checkpoint':
        return await this.#checkpoint(order.reason);
      case 'cancel':
        return this.#cancel(order.task, order.attempt);
    }
  }

  /** Stops taking tasks, gives back (or drops) the attempts in hand, ends the processes. Idempotent. */
  stop(graceMs: number, inHand: 'released' | 'dropped' = 'released'): Promise<void> {
    this.#stopping ??= this.#stop(graceMs, inHand);
    return this.#stopping;
  }

  /** The terminal is gone, and soon this process: nothing more is published or written about the attempts in hand. */
  abandon(): void {
    this.#worker.stop();
    this.#breakOffAll('dropped');
  }

  async stopAndLeave(graceMs: number, code: number): Promise<void> {
    await this.stop(graceMs);
    await this.#leave(code);
  }

  async #stop(graceMs: number, inHand: 'released' | 'dropped'): Promise<void> {
    const { kind, log, clock, spool } = this.#deps;
    log.info({ attempts: this.#attempts.size }, 'stopping');
    this.#worker.stop();
    this.#breakOffAll(inHand);
    const done = Promise.all([kind.stop(graceMs), ...this.#attempts.values()]);
    const late = pause(clock, graceMs + STOP_MARGIN_MS).then(() => 'late' as const);
    if ((await Promise.race([done, late])) === 'late') log.error('something did not end in time');
    await this.#lastCheckpoint();
    const deadline = clock.monotonic() + LAST_RESULTS_MS;
    while (spool.pending.length > 0 && clock.monotonic() < deadline) await pause(clock, 20);
  }

  async #leave(code: number): Promise<void> {
    const { broker, link, spool, log, exit } = this.#deps;
    this.#stopHeartbeat();
    this.#stopTimer();
    this.#deps.workspace(0).close();
    await spool.close();
    await link.close();
    await broker.close();
    log.info({ code }, 'wrapper ends');
    exit(code);
  }

  #breakOffAll(reason: BreakOff): void {
    for (const attempt of this.#attempts.keys()) attempt.breakOff(reason);
  }

  async #claim(slot: number): Promise<ClaimReply> {
    const reply = await this.#deps.broker.claim(slot);
    if (reply.got === 'none') this.#deps.kind.nothingToDo();
    return reply;
  }

  #run(order: TaskOrder): Promise<void> {
    const { workspace, clock } = this.#deps;
    const attempt = new Attempt(order, workspace(order.slot), new Date(clock.now()).toISOString());
    const life = this.#live(attempt).finally(() => this.#attempts.delete(attempt));
    this.#attempts.set(attempt, life);
    if (this.#stopping !== null) attempt.breakOff('released');
    return life;
  }

  async #live(attempt: Attempt): Promise<void> {
    const { spec, env, processes, state, kind, link, spool, clock, log } = this.#deps;
    const { task, attempt: n, slot } = attempt.order;
    const event: AttemptDeps['event'] = (name, of, data) => link.event(name, of, data);
    log.info({ task, attempt: n, slot, resume: attempt.order.resume !== null }, 'attempt begins');
    const result = await liveAttempt(attempt, kind.body(attempt), { spec, env, processes, state, event, clock, log });
    log.info({ task, attempt: n, outcome: result.outcome, error: result.error }, 'attempt ended');
    if (attempt.brokenOff !== 'dropped') {
      const { confirmed } = await spool.deliver(result);
      // A stop does not wait for the broker: the spool keeps the result for the next incarnation.
      if (this.#stopping === null) await confirmed;
    }
    state.dropTask(slot);
    if (this.#stopping === null) await kind.ended(attempt);
  }

  #cancel(task: string, n: number): null {
    const attempt = [...this.#attempts.keys()].find((held) => held.is(task, n));
    if (attempt === undefined) {
      throw new SwarmError('unknown-attempt', `${this.#deps.spec.agent} does not work on attempt ${n} of ${task}`);
    }
    attempt.breakOff('cancelled');
    return null;
  }

  async #checkpoint(reason: string): Promise<unknown> {
    const captured = await this.#deps.workspace(0).capture(this.#why(reason, 0));
    this.#taken(captured);
    return captured;
  }

  #why(reason: string, slot: number): WhyCapture {
    const { state, kind } = this.#deps;
    const held = state.current.tasks.find((task) => task.slot === slot);
    return { reason, task: held?.task ?? null, attempt: held?.attempt ?? null, sessionId: kind.sessionId() };
  }

  #taken({ n }: { n: number }): void {
    const { state, clock } = this.#deps;
    state.update({ checkpoint: { n, at: new Date(clock.now()).toISOString() } });
  }

  async #regularCheckpoints(): Promise<void> {
    const { workspace, state } = this.#deps;
    const slots = new Set([0, ...state.current.tasks.map(({ slot }) => slot)]);
    for (const slot of slots) {
      const captured = await workspace(slot).captureIfStirred(this.#why('regular', slot));
      if (captured !== null && slot === 0) this.#taken(captured);
    }
  }

  /**
   * Takes a checkpoint of what the processes left in the worktree when they ended; a stop waits for it only so long.
   */
  async #lastCheckpoint(): Promise<void> {
    const { clock, log } = this.#deps;
    const taken = this.#checkpoint('stop').catch((error: unknown) =>
      log.error({ error: errorText(error) }, 'the checkpoint at the end failed'),
    );
    await Promise.race([taken, pause(clock, LAST_CHECKPOINT_MS)]);
  }

  /** Consumes as many tickets as there are free slots; the others stay with the broker for other agents. */
  #consume(free: number): void {
    const before = this.#tickets;
    this.#tickets = free > 0 ? this.#deps.broker.tickets(free, () => this.#worker.ticket()) : null;
    before
      ?.cancel()
      .catch((error: unknown) => this.#deps.log.debug({ error: errorText(error) }, 'tickets were not cancelled'));
  }
}
