import { mkdir } from 'node:fs/promises';
import { ApiServer } from '../api/server.ts';
import type { StatusDocument, UpDocument, UpRequest } from '../api/documents.ts';
import type { BrokerKeeper } from './broker/broker-keeper.ts';
import { openBroker } from './broker/open-broker.ts';
import { Supervision } from './ladder/supervision.ts';
import type { Alerting } from './alerts/alerting.ts';
import { openAlerting } from './alerts/open-alerting.ts';
import { checkpointDesk, checkpointUpkeep } from './history/checkpoint-desk.ts';
import type { Dispatch } from './tasks/dispatch.ts';
import { openDispatch } from './tasks/open-dispatch.ts';
import { endSupervisor } from './shutdown.ts';
import type { CheckpointUpkeep } from './history/checkpoint-upkeep.ts';
import { openAdmission, type AdmissionDesk } from './admission/admission-desk.ts';
import { EventLog } from './project/event-log.ts';
import { openFleet } from './fleet/open-fleet.ts';
import type { Fleet } from './fleet/fleet.ts';
import { HealthHistory } from './watch/health-history.ts';
import type { AgentRecord } from './project/agent-record.ts';
import { AgentSteps } from './fleet/agent-steps.ts';
import { openHolds } from './holds/open-holds.ts';
import { Leases } from './tasks/leases.ts';
import { linkHandlers } from './link-handlers.ts';
import { MessageDesk } from './links/message-desk.ts';
import { LinkServer } from './links/link-server.ts';
import { metricsText } from './metrics.ts';
import { UpDown } from './up-down.ts';
import type { SupervisorQueue } from './broker/queue.ts';
import { Roster } from './fleet/roster.ts';
import { agentEffects } from './fleet/agent-effects.ts';
import { RuntimeKeeper } from './runtime-keeper.ts';
import { Service } from './api-service.ts';
import { SettingsDesk } from './settings/settings-desk.ts';
import { statusDocument } from './status-document.ts';
import { agentDocument, paneLabel } from './agent-document.ts';
import { openScaler, type Scaler } from './admission/scaler.ts';
import type { SupervisorOptions } from './supervisor-options.ts';
import { openTaskDesk } from './tasks/open-task-desk.ts';
import { openTmuxHost, type TmuxHost } from './fleet/tmux-host.ts';
import { ReversibleWork } from './history/reversible-work.ts';
import { highestTaskNumber } from '../git/task/task-branches.ts';
import { TaskEngine } from '../scheduler/engine.ts';

const TICK_MS = 1_000;

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
  readonly #care: Supervision;
  readonly #leases: Leases;
  readonly #holds: ReturnType<typeof openHolds>;
  readonly #api: ApiServer;
  readonly #redeclare: () => void;
  #amqpUrl: string | null = null;
  readonly #roster: Roster;
  readonly #power: UpDown;
  readonly #upkeep: CheckpointUpkeep;
  readonly #works: ReversibleWork;
  readonly #alerting: Alerting;
  readonly #messages: MessageDesk;
  readonly #settings: SettingsDesk;
  readonly #admission: AdmissionDesk;
  readonly #scaler: Scaler;
  readonly #history: HealthHistory;
  readonly #runtime: RuntimeKeeper;
  #tick: NodeJS.Timeout | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { project, store, log } = options;
    const { layout, config } = project;
    const now = (): number => Date.now();
    const onError = (error: unknown): void => log.error({ err: error }, 'something failed in the background');
    this.#events = new EventLog(store.events, onError);
    this.#history = new HealthHistory({ store, events: this.#events, log });
    this.#engine = new TaskEngine({
      store,
      get maxOpenTasks() {
        return config.tasks.max;
      },
      agents: () => this.#fleet.records.map((record) => ({ id: record.id, kind: record.row.kind })),
      verifyNames: () => Object.keys(config.verify),
      onError,
    });
    this.#engine.onEvents((events) => events.forEach((event) => this.#events.publish(event)));
    this.#engine.onChange(() => this.#dispatch.changed());
    this.#links = new LinkServer(
      linkHandlers({
        log,
        epoch: store.epoch,
        events: this.#events,
        amqpUrl: () => this.#amqpUrl,
        engine: () => this.#engine,
        fleet: () => this.#fleet,
        dispatch: () => this.#dispatch,
        leases: () => this.#leases,
        messages: () => this.#messages,
        save: (record) => this.#roster.save(record),
        holds: () => this.#holds,
      }),
      store.epoch,
    );
    this.#tmux = openTmuxHost(options, () => this.#fleet.wake());
    this.#care = new Supervision({
      ...options,
      events: this.#events,
      engine: this.#engine,
      tmux: this.#tmux,
      moved: (ms) => (this.#holds.moveTimes(ms), this.#leases.moved(ms)),
      parts: () => ({ fleet: this.#fleet, works: this.#works, links: this.#links, roster: this.#roster }),
    });
    this.#fleet = openFleet({
      ...options,
      events: this.#events,
      look: (linked) => (this.#care.watch.beat(), this.#tmux.look(linked)),
      order: (agent, order, timeoutMs) => this.#links.order(agent, order, timeoutMs),
      onChange: (record) => this.#reconsider(record),
      admission: (record) => this.#admission.ask(record),
      onProbe: (error) => (this.#care.judge.probeError = error),
      deaths: () => this.#holds.deaths,
      runner: new AgentSteps(
        agentEffects({
          ...options,
          events: this.#events,
          engine: this.#engine,
          tmux: this.#tmux,
          order: (agent, order, timeoutMs) => this.#links.order(agent, order, timeoutMs),
          base: () => this.#roster.base,
          trusted: () => this.#roster.trusted,
          gate: (record) => this.#holds.gateOf(record),
          saveRow: (record) => this.#roster.save(record),
          settleOperations: (record) => this.#works.settle(record),
        }),
      ),
    });
    this.#admission = openAdmission(options, this.#fleet, (record) => this.#holds.lack(record));
    this.#holds = openHolds({
      ...options,
      events: this.#events,
      fleet: this.#fleet,
      links: this.#links,
      broker: () => this.#broker.state,
      tmux: () => this.#care.judge.probeError,
    });
    this.#roster = new Roster({ project, store, fleet: this.#fleet });
    this.#dispatch = openDispatch({
      log,
      config,
      engine: this.#engine,
      fleet: this.#fleet,
      base: () => this.#roster.base,
      queue: () => this.#queue,
    });
    const { queue, keeper, redeclare } = openBroker({
      ...options,
      events: this.#events,
      engine: this.#engine,
      fleet: this.#fleet,
      dispatch: this.#dispatch,
      heartbeat: (heartbeat) => this.#leases.heartbeat(heartbeat),
      onUrl: (url) => {
        this.#amqpUrl = url;
        this.#links.broadcast({ type: 'broker', epoch: store.epoch, amqpUrl: url });
      },
    });
    this.#queue = queue;
    this.#broker = keeper;
    this.#redeclare = redeclare;
    this.#leases = new Leases({
      ...options,
      engine: this.#engine,
      fleet: this.#fleet,
      project: layout.hash,
      cancel: this.#links.cancel,
      doubtful: () => this.#holds.deaths.doubtful(),
    });
    this.#upkeep = checkpointUpkeep({ layout, config, log, events: this.#events });
    this.#power = new UpDown({
      log,
      now,
      call: (request) => this.#call(request),
      goDown: () => {
        this.#events.emit('swarm.down');
        this.#fleet.goDown();
      },
      dismiss: () => this.#roster.down(),
      goingDown: () => this.#fleet.goingDown,
      quiet: () => this.#fleet.quiet,
      end: async (how) => {
        if (this.#tick !== null) clearInterval(this.#tick);
        await this.#runtime.close();
        await this.#alerting.close();
        await endSupervisor(how, {
          ...this.#options,
          layout,
          api: this.#api,
          fleet: this.#fleet,
          tmux: this.#tmux,
          links: this.#links,
          queue: this.#queue,
          broker: this.#broker,
          events: this.#events,
          leases: this.#leases,
        });
        this.#options.onEnd();
      },
    });
    this.#works = new ReversibleWork({
      ...options,
      layout,
      fleet: this.#fleet,
      events: this.#events,
      engine: this.#engine,
      roster: this.#roster,
      during: (work) => this.#power.during(work),
    });
    this.#messages = new MessageDesk({ log, events: this.#events, store, fleet: this.#fleet, links: this.#links });
    this.#scaler = openScaler({
      ...options,
      events: this.#events,
      fleet: this.#fleet,
      engine: this.#engine,
      roster: this.#roster,
      links: this.#links,
    });
    this.#alerting = openAlerting({
      ...options,
      events: this.#events,
      fleet: this.#fleet,
      tmux: this.#tmux,
      queue: this.#queue,
      broker: () => this.#broker.state,
      refused: () => this.#settings.refused,
      holds: this.#holds,
    });
    this.#settings = new SettingsDesk({
      ...options,
      events: this.#events,
      fleet: this.#fleet,
      applied: async (plan) => {
        await this.#roster.reload(plan);
        this.#redeclare();
      },
    });
    this.#api = new ApiServer(this.#service(), onError);
    this.#runtime = new RuntimeKeeper({
      ...options,
      layout,
      records: () => this.#fleet.records,
      listenForLinks: () => this.#links.listen(layout.linkSocket),
      listenForCalls: () => this.#api.listenAgain(layout.apiSocket),
      tmuxServer: () => this.#tmux.serverPid,
    });
  }

  async begin(): Promise<void> {
    const { layout } = this.#options.project;
    for (const dir of [layout.specDir, layout.spoolDir, layout.logsDir])
      await mkdir(dir, { recursive: true, mode: 0o700 });
    await this.#engine.seedNumber(await highestTaskNumber(layout.root));
    await this.#history.absent(this.#leases.lastAlive, Date.now());
    this.#holds.moveTimes(await this.#leases.afterAbsence());
    // Before anyone is recalled: whoever is wanted and not there is started at once.
    if (this.#roster.isDown) this.#fleet.goDown();
    await this.#roster.load();
    await this.#works.load();
    await this.#links.listen(layout.linkSocket);
    await this.#api.listen(layout.apiSocket);
    this.#fleet.begin();
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
    if (!this.#fleet.goingDown && this.#fleet.records.length > 0) this.#broker.begin();
    const data = { epoch: this.#options.store.epoch, pid: process.pid, buildId: this.#options.buildId };
    this.#events.emit('supervisor.started', { data });
  }

  #reconsider(record: AgentRecord): void {
    this.#care.judge.reconsider(record, this.#fleet.desired(record));
    this.#tmux.labelled(record.pane, paneLabel(record));
  }

  #onTick(): void {
    const failed = (error: unknown): void => this.#options.log.error({ err: error }, 'the tick failed');
    this.#care.tick();
    for (const part of [this.#leases, this.#engine]) part.tick().catch(failed);
    for (const part of [this.#dispatch, this.#works, this.#power, this.#upkeep, this.#holds]) part.tick();
    for (const part of [this.#settings, this.#admission, this.#scaler, this.#alerting, this.#runtime]) part.tick();
  }

  async #call(request: UpRequest): Promise<UpDocument> {
    const notes = request.keepBase === true ? [] : await this.#settings.agreed();
    if (this.#roster.isDown) this.#holds.budget.newRun();
    const called = await this.#roster.up(request);
    this.#fleet.goUp();
    for (const record of this.#fleet.records) this.#care.judge.reconsider(record, this.#fleet.desired(record));
    this.#broker.begin();
    this.#redeclare();
    const agents = this.#fleet.records.map((record) => agentDocument(record, this.#care.watch.useOf(record)));
    this.#events.emit('swarm.up', { data: { base: this.#roster.base, agents: agents.map(({ id }) => id) } });
    return { agents, base: this.#roster.base, ...called, notes: [...notes, ...called.notes] };
  }

  async #status(): Promise<StatusDocument> {
    const { store, buildId } = this.#options;
    return await statusDocument({
      ...this.#options,
      base: this.#roster.base,
      supervisor: { goingDown: this.#fleet.goingDown, since: this.#startedAt, epoch: store.epoch, buildId },
      broker: this.#broker.state,
      config: this.#settings.document(),
      degraded: this.#holds.degraded.list,
      records: this.#fleet.records,
      use: (record) => this.#care.watch.useOf(record),
      tasks: this.#engine.counts(),
      queues: this.#queue.depths(),
    });
  }

  #service(): Service {
    const { layout, config } = this.#options.project;
    return new Service({
      fleet: this.#fleet,
      events: this.#events,
      tasks: openTaskDesk({
        ...this.#options,
        engine: this.#engine,
        fleet: this.#fleet,
        events: this.#events,
        cancelAttempt: this.#links.cancel,
        roster: this.#roster,
        works: this.#works,
      }),
      status: () => this.#status(),
      document: (record) => agentDocument(record, this.#care.watch.useOf(record)),
      explain: (record) => this.#care.explain(record, this.#fleet.desired(record)),
      history: (agent) => this.#history.document(agent, Date.now()),
      alerts: () => this.#alerting.open,
      messages: this.#messages,
      up: (request) => this.#power.up(request),
      down: (purge) => this.#power.down(purge),
      works: this.#works,
      order: (agent, order, timeoutMs) => this.#links.order(agent, order, timeoutMs),
      saveRow: (record) => this.#roster.save(record),
      renew: (record) => this.#care.renew(record),
      goOn: (record) => this.#holds.resumedByPerson(record),
      checkpoints: checkpointDesk(layout, config),
      metrics: (status) => metricsText(status, process.memoryUsage(), process.cpuUsage().user / 1e6),
      degraded: () => this.#holds.degraded.list,
    });
  }

  readonly signal = (name: string): void => this.#power.signal(name);
}
