import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { ApiServer } from '../api/server.ts';
import type { StatusDocument, UpDocument, UpRequest } from '../api/documents.ts';
import { brokerPort } from './broker-port.ts';
import { BrokerKeeper } from './broker-keeper.ts';
import { checkpointDesk } from './checkpoint-desk.ts';
import { decorate } from './claims.ts';
import { Dispatch } from './dispatch.ts';
import { EventLog } from './event-log.ts';
import { Fleet } from './fleet.ts';
import { AgentRecord, type AgentRow } from './agent-record.ts';
import { AgentRunner } from './agent-runner.ts';
import { Judge } from './judge.ts';
import { Leases } from './leases.ts';
import { LinkServer } from './links.ts';
import { metricsText } from './metrics.ts';
import { readBase, type Project } from './project.ts';
import { purgeProject, removeRuntimeFiles } from './purge.ts';
import { SupervisorQueue } from './queue.ts';
import { runnerPorts } from './runner-ports.ts';
import { Service } from './service.ts';
import { readToken } from './spec.ts';
import { statusDocument } from './status-document.ts';
import { agentDocument } from './status.ts';
import { TaskDesk } from './task-desk.ts';
import { mergeDesk } from './merge-desk.ts';
import { openTmuxHost, type TmuxHost } from './tmux-host.ts';
import { baseNotes, wantedAgents, type Base } from './up.ts';
import { loadConfig } from '../config/index.ts';
import { dirtySummary } from '../git/status.ts';
import { snapshotDirty } from '../git/snapshot.ts';
import { highestTaskNumber } from '../git/task-branches.ts';
import { NO_USAGE } from '../domain/agent.ts';
import { TaskEngine } from '../scheduler/engine.ts';
import type { Store } from '../store/store.ts';

const TICK_MS = 1_000;
const STATE_KEY = 'swarm.desired';
const BASE_KEY = 'swarm.base';
const TRUST_KEY = 'swarm.trusted';
/** How long `down` waits for results that are still on their way through the broker, ms. */
const DRAIN_MS = 2_000;

export interface SupervisorOptions {
  project: Project;
  store: Store;
  log: Logger;
  env: Record<string, string>;
  buildId: string;
  version: string;
  programs: { wrapper: string[]; supervisor: string[] };
  tmuxConf: string;
  /** Called when everything is down and closed. */
  onEnd(): void;
}

/** The composition of one project's supervisor: who knows whom, and the order of beginning and end. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #startedAt = new Date().toISOString();
  readonly #events: EventLog;
  readonly #engine: TaskEngine;
  readonly #links: LinkServer;
  readonly #tmux: TmuxHost;
  readonly #queue: SupervisorQueue;
  readonly #broker: BrokerKeeper;
  readonly #dispatch: Dispatch;
  readonly #fleet: Fleet;
  readonly #judge: Judge;
  readonly #leases: Leases;
  readonly #api: ApiServer;
  #amqpUrl: string | null = null;
  #base: Base;
  #tick: NodeJS.Timeout | null = null;
  #ending: Promise<void> | null = null;
  /** Worktrees and memory go too, once everything is down. */
  #purge = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { project, store, log } = options;
    const { layout, config } = project;
    const now = (): number => Date.now();
    const onError = (error: unknown): void => log.error({ err: error }, 'something failed in the background');
    this.#base = (store.kv.get(BASE_KEY) as Base | undefined) ?? project.repository.head;
    this.#events = new EventLog(store.events, onError);
    this.#engine = new TaskEngine({
      store,
      maxOpenTasks: config.tasks.max,
      agents: () => this.#fleet.records.map((record) => ({ id: record.id, kind: record.row.kind })),
      verifyNames: () => Object.keys(config.verify),
      onError,
    });
    this.#engine.onEvents((events) => events.forEach((event) => this.#events.publish(event)));
    this.#engine.onChange(() => this.#dispatch.pump());
    this.#links = new LinkServer(this.#linkHandlers(), store.epoch);
    this.#tmux = openTmuxHost(options, () => this.#fleet.wake());
    this.#judge = new Judge({ stuckAfterMs: config.health.stuckAfter, events: this.#events, now });
    this.#fleet = new Fleet({
      log,
      events: this.#events,
      now,
      look: () => this.#tmux.look(),
      order: (agent, order, timeoutMs) => this.#links.order(agent, order, timeoutMs),
      onChange: (record) => this.#judge.reconsider(record, this.#fleet.desired(record)),
      onProbe: (error) => (this.#judge.probeError = error),
      runner: new AgentRunner(
        runnerPorts({
          ...options,
          events: this.#events,
          engine: this.#engine,
          tmux: this.#tmux,
          order: (agent, order, timeoutMs) => this.#links.order(agent, order, timeoutMs),
          base: () => this.#base,
          trusted: () => store.kv.get(TRUST_KEY) === true,
          saveRow: (record) => this.#saveRow(record),
        }),
      ),
    });
    this.#dispatch = new Dispatch({
      log,
      now,
      candidates: (limit) =>
        this.#engine.readyLanes(limit).map(({ lane, count }) => ({
          kind: lane.kind,
          needs: lane.needs,
          only: lane.agent ?? lane.reservedFor,
          count,
        })),
      claim: (claim) =>
        this.#engine.claim(claim, { leaseMs: config.tasks.lease, decorate: (task) => decorate(task, config, this.#base) }),
      publishTicket: (route) => this.#queue.bus.publishTicket(route),
      connected: () => this.#queue.connected,
    });
    this.#queue = new SupervisorQueue({
      project: layout.hash,
      log,
      agents: () => this.#fleet.records.map((record) => record.id),
      capabilities: () => Object.values(config.agents).flatMap((role) => role.capabilities),
      claim: (claim) => this.#claim(claim),
      result: async (result) => void (await this.#engine.result(result)),
      heartbeat: (heartbeat) => this.#leases.heartbeat(heartbeat),
      submit: async (task, messageId) => {
        await this.#engine.submit([{ ...task, key: task.key ?? `message:${messageId}` }]);
      },
      onState: (state) => {
        if (state.status === 'connected') {
          this.#broker.connected();
          void this.#brokerBack();
        } else if (state.status === 'connecting' && state.error !== null) this.#broker.disconnected(state.error);
      },
    });
    this.#broker = new BrokerKeeper({
      url: config.broker.url ?? null,
      broker: brokerPort(layout),
      brokerDir: layout.brokerDir,
      log,
      onUrl: (url) => this.#setAmqpUrl(url),
      onChange: (state) => this.#events.emit(`broker.${state.state}`, { data: { ...state } }),
    });
    this.#leases = new Leases({
      engine: this.#engine,
      store,
      fleet: this.#fleet,
      project: layout.hash,
      log,
      cancel: (agent, task, attempt) => this.#cancelAttempt(agent, task, attempt),
    });
    this.#api = new ApiServer(this.#service(), onError);
  }

  async begin(): Promise<void> {
    const { store, project } = this.#options;
    const { layout } = project;
    for (const dir of [layout.specDir, layout.spoolDir, layout.logsDir]) await mkdir(dir, { recursive: true, mode: 0o700 });
    await this.#leases.afterAbsence();
    for (const stored of store.agents.list()) {
      await this.#admit({ ...stored, kind: project.config.agents[stored.role]?.kind ?? stored.kind });
    }
    if (store.kv.get(STATE_KEY) === 'down') this.#fleet.goDown();
    await this.#links.listen(layout.linkSocket);
    await this.#api.listen(layout.apiSocket);
    this.#fleet.begin();
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
    if (!this.#fleet.goingDown && this.#fleet.records.length > 0) this.#broker.begin();
    this.#events.emit('supervisor.started', { data: { epoch: store.epoch, pid: process.pid, buildId: this.#options.buildId } });
    void this.#engine.seedNumber(await highestTaskNumber(layout.root));
  }

  #linkHandlers(): ConstructorParameters<typeof LinkServer>[0] {
    const { log, store } = this.#options;
    return {
      tokenOf: (agent) => this.#fleet.get(agent)?.token ?? null,
      welcome: (agent) => ({
        epoch: store.epoch,
        protocol: 1,
        amqpUrl: this.#amqpUrl,
        attempts: this.#engine.leases(agent).map(({ task, attempt }) => ({ task, attempt })),
      }),
      connected: (agent, snapshot) => {
        const record = this.#fleet.connected(agent, snapshot);
        if (record !== null) void this.#saveRow(record);
        log.info({ agent, incarnation: snapshot.incarnation }, 'a wrapper connected');
      },
      snapshot: (agent, snapshot) => {
        const before = this.#fleet.get(agent)?.row;
        const record = this.#fleet.observed(agent, snapshot);
        if (record !== null && record.row !== before) void this.#saveRow(record);
        this.#leases.observed(snapshot);
      },
      event: (agent, event) => this.#events.emit(event.name, { agent, task: event.task, data: event.data }),
      disconnected: (agent) => {
        this.#dispatch.forget(agent);
        this.#fleet.disconnected(agent);
      },
      problem: (detail, error) => log.warn({ err: error }, detail),
    };
  }

  async #claim(claim: Parameters<Dispatch['claim']>[0]): ReturnType<Dispatch['claim']> {
    const record = this.#fleet.get(claim.agent);
    if (record !== undefined) {
      // An order must never reach a wrapper that is being replaced, or an agent that is to rest.
      if (record.snapshot?.incarnation !== claim.incarnation || !record.linked) return { got: 'none', reason: 'not linked' };
      if (this.#fleet.desired(record) !== 'up') return { got: 'none', reason: 'not wanted up' };
    }
    return await this.#dispatch.claim(claim);
  }

  async #brokerBack(): Promise<void> {
    try {
      if (await this.#queue.bus.brokerIsNew()) this.#dispatch.brokerLost();
      this.#dispatch.pump();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the broker went away again');
    }
  }

  #setAmqpUrl(url: string | null): void {
    this.#amqpUrl = url;
    this.#queue.setUrl(url);
    this.#links.broadcast({ type: 'broker', epoch: this.#options.store.epoch, amqpUrl: url });
  }

  #onTick(): void {
    void this.#leases.tick();
    this.#dispatch.tick();
    void this.#engine.tick().catch((error: unknown) => this.#options.log.error({ err: error }, 'the tick failed'));
    if (this.#fleet.goingDown && this.#fleet.quiet) void this.end(true);
  }

  #cancelAttempt(agent: string, task: string, attempt: number): void {
    this.#links
      .order(agent, { do: 'cancel', task, attempt }, DRAIN_MS * 5)
      .catch((error: unknown) => this.#options.log.warn({ err: error, agent, task }, 'a cancel was not confirmed'));
  }

  async #saveRow(record: AgentRecord): Promise<void> {
    const { store } = this.#options;
    const known = store.agents.get(record.id);
    const checkpoint = record.snapshot?.checkpoint?.n ?? known?.checkpoint ?? null;
    await store.agents.put({ ...record.row, spec: null, checkpoint, createdAt: known?.createdAt ?? Date.now() });
  }

  async #admit(row: AgentRow): Promise<AgentRecord> {
    const { layout } = this.#options.project;
    const token = (await readToken(layout, row.id)) ?? randomBytes(24).toString('base64url');
    const record = new AgentRecord(row, path.join(layout.worktreesDir, row.id), token, Date.now());
    this.#fleet.add(record);
    return record;
  }

  async #up(request: UpRequest): Promise<UpDocument> {
    const { store, project } = this.#options;
    const { config, layout } = project;
    const [base, dirty] = await Promise.all([readBase(layout.root, config.base), dirtySummary(layout.root)]);
    const includeDirty = request.includeDirty === true && dirty.count > 0;
    this.#base = includeDirty ? { branch: null, commit: await snapshotDirty({ root: layout.root }) } : base;
    await store.write(() => {
      store.kv.set(BASE_KEY, this.#base);
      store.kv.set(STATE_KEY, 'up');
      if (request.trust === true) store.kv.set(TRUST_KEY, true);
    });
    const known = this.#fleet.records.map((record) => record.row);
    for (const wanted of wantedAgents(config, known, request)) {
      const record = this.#fleet.get(wanted.id) ?? (await this.#admit({ ...wanted, sessionId: null, restarts: 0, usage: NO_USAGE }));
      record.row = { ...record.row, kind: wanted.kind, desired: wanted.desired };
      if (record.lifecycle.phase === 'failed') record.lifecycle = { phase: 'none', since: Date.now() };
      await this.#saveRow(record);
    }
    this.#fleet.goUp();
    for (const record of this.#fleet.records) this.#judge.reconsider(record, this.#fleet.desired(record));
    this.#broker.begin();
    await this.#queue.redeclare();
    this.#events.emit('swarm.up', { data: { base: this.#base, agents: this.#fleet.records.map((record) => record.id) } });
    const notes = baseNotes(base, dirty, includeDirty);
    if (JSON.stringify(await loadConfig(layout.root)) !== JSON.stringify(config)) {
      notes.push('swarm.yaml has changed since swarm came up; it counts from the next `swarm down` and `swarm up` on');
    }
    return { agents: this.#documents(), base: this.#base, notes };
  }

  #documents(): UpDocument['agents'] {
    return this.#fleet.records.map((record) => agentDocument(record, this.#judge.useOf(record)));
  }

  #down(purge: boolean): void {
    const { store } = this.#options;
    this.#purge ||= purge;
    void store.write(() => store.kv.set(STATE_KEY, 'down'));
    this.#events.emit('swarm.down');
    this.#fleet.goDown();
  }

  async #status(): Promise<StatusDocument> {
    const { project, store, version, buildId } = this.#options;
    return await statusDocument({
      project,
      version,
      base: this.#base,
      supervisor: { state: 'up', pid: process.pid, since: this.#startedAt, epoch: store.epoch, buildId },
      broker: this.#broker.state,
      records: this.#fleet.records,
      use: (record) => this.#judge.useOf(record),
      tasks: this.#engine.counts(),
      queues: this.#queue.depths(),
    });
  }

  #service(): Service {
    const { layout } = this.#options.project;
    return new Service({
      fleet: this.#fleet,
      events: this.#events,
      tasks: new TaskDesk({
        engine: this.#engine,
        events: this.#events,
        cancelAttempt: (agent, task, attempt) => this.#cancelAttempt(agent, task, attempt),
        base: () => this.#base,
        ...mergeDesk(layout),
      }),
      status: () => this.#status(),
      document: (record) => agentDocument(record, this.#judge.useOf(record)),
      up: (request) => this.#up(request),
      down: (purge) => this.#down(purge),
      order: (agent, order, timeoutMs) => this.#links.order(agent, order, timeoutMs),
      saveRow: (record) => this.#saveRow(record),
      checkpoints: checkpointDesk(layout),
      metrics: (status) => metricsText(status, process.memoryUsage(), process.cpuUsage().user / 1e6),
      degraded: () => (this.#broker.state.state === 'up' ? [] : [`broker ${this.#broker.state.state}`]),
    });
  }

  /**
   * Ends this supervisor. With `everything` what it supervised is down already and tmux and the broker end too;
   * without, all of it lives on and a later supervisor adopts it.
   */
  end(everything: boolean): Promise<void> {
    this.#ending ??= this.#end(everything).catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'the end was not clean');
    });
    return this.#ending;
  }

  async #end(everything: boolean): Promise<void> {
    const { store } = this.#options;
    if (this.#tick !== null) clearInterval(this.#tick);
    this.#links.broadcast({ type: 'bye', epoch: store.epoch });
    await this.#fleet.close();
    if (everything) {
      await this.#tmux.killServer();
      await this.#queue.removeEmpty().catch((error: unknown) => this.#options.log.warn({ err: error }, 'queues were left'));
    } else await this.#tmux.disconnect();
    await this.#links.close();
    await this.#queue.close();
    await this.#broker.close(everything);
    this.#events.emit('supervisor.ended', { data: { everything } });
    await this.#events.drain();
    await this.#leases.noteAlive();
    store.close();
    if (everything) await removeRuntimeFiles(this.#options.project.layout);
    if (everything && this.#purge) await purgeProject(this.#options.project.layout, this.#options.log);
    await this.#api.close();
    this.#options.onEnd();
  }
}
