import { mkdir } from 'node:fs/promises';
import { ApiServer } from '../api/server.ts';
import type { SwarmService } from '../api/service.ts';
import type { UpDocument, UpRequest } from '../api/swarm/schemas.ts';
import { highestTaskNumber } from '../git/task/task-branches.ts';
import { agentDocument } from './agents/agent-document.ts';
import { openCore, type Core } from './core.ts';
import { linkHandlers } from './link-handlers.ts';
import { RuntimeKeeper } from './runtime-keeper.ts';
import { openRooms, type Rooms } from './rooms.ts';
import { endSupervisor } from './shutdown.ts';
import { StatusDesk } from './status-desk.ts';
import type { SupervisorOptions } from './supervisor-options.ts';
import { Ticker } from './ticker.ts';
import { UpDown } from './up-down.ts';

const TICK_MS = 1_000;

/**
 * One project's supervisor: its beginning, its end, and the parts that need all of it. The core stands on the store,
 * the rooms on the core (core.ts, rooms.ts).
 */
export class Supervisor {
  readonly #startedAt = new Date().toISOString();
  readonly #core: Core;
  readonly #rooms: Rooms;
  readonly #upDown: UpDown;
  readonly #api: ApiServer;
  readonly #runtime: RuntimeKeeper;
  readonly #ticker: Ticker;

  constructor(options: SupervisorOptions) {
    const core = openCore(options);
    const rooms = openRooms(core);
    this.#core = core;
    this.#rooms = rooms;
    this.#upDown = new UpDown({
      ...core,
      call: (request) => this.#call(request),
      goDown: async () => {
        core.events.emit('swarm.down');
        core.fleet.goDown();
        await core.roster.down();
      },
      end: async (how) => {
        this.#ticker.end();
        await this.#runtime.close();
        await rooms.settings.close();
        await rooms.alerting.close();
        const { keeper, queue } = core.broker;
        const { layout } = core.project;
        await endSupervisor(how, { ...core, layout, api: this.#api, broker: keeper, queue, leases: rooms.leases });
        core.onEnd();
      },
    });
    this.#api = new ApiServer(this.#service(), core.onError);
    this.#runtime = new RuntimeKeeper({ ...core, layout: core.project.layout, api: this.#api });
    // Health first, since the others use it; alerts last, since they report what all of these found.
    const { supervision, leases, dispatch, works, upkeep, holds, settings, admission, scaler, alerting } = rooms;
    this.#ticker = new Ticker(
      {
        supervision,
        leases,
        engine: core.engine,
        dispatch,
        works,
        upDown: this.#upDown,
        upkeep,
        holds,
        settings,
        admission,
        scaler,
        runtime: this.#runtime,
        alerting,
      },
      core.log,
    );
  }

  async begin(): Promise<void> {
    const { project, store, events, history, fleet, engine, links, broker, roster, buildId, log, programs } =
      this.#core;
    const { holds, leases, works } = this.#rooms;
    const { layout } = project;
    for (const dir of [layout.specDir, layout.spoolDir, layout.logsDir])
      await mkdir(dir, { recursive: true, mode: 0o700 });
    await engine.seedNumber(await highestTaskNumber(layout.root));
    await history.absent(leases.lastAlive, Date.now());
    holds.moveTimes(await leases.afterAbsence());
    // Before the agents are loaded: one that is wanted and not there is started at once.
    if (roster.isDown) fleet.goDown();
    await roster.load();
    // A full disk is no reason not to begin.
    await roster
      .adopt(programs.supervisor)
      .catch((error: unknown) => log.error({ err: error }, 'a wrapper may start the supervisor of its own build'));
    await works.load();
    links.serve(linkHandlers({ ...this.#core, ...this.#rooms, epoch: store.epoch }));
    await links.listen(layout.linkSocket);
    await this.#api.listen(layout.apiSocket);
    fleet.begin();
    this.#ticker.begin(TICK_MS);
    if (!fleet.goingDown && fleet.records.length > 0) broker.keeper.begin();
    events.emit('supervisor.started', { data: { epoch: store.epoch, pid: process.pid, buildId } });
  }

  async #call(request: UpRequest): Promise<UpDocument> {
    this.#core.renewEnvironment();
    const { events, fleet, broker, roster } = this.#core;
    const { holds, settings, supervision } = this.#rooms;
    const notes = request.keepBase === true ? [] : await settings.agreed();
    if (roster.isDown) holds.budget.newRun();
    const called = await roster.up(request);
    fleet.goUp();
    for (const record of fleet.records) supervision.judge.reconsider(record, fleet.desired(record));
    broker.keeper.begin();
    broker.redeclare();
    const agents = fleet.records.map((record) => agentDocument(record, supervision.watch.useOf(record)));
    events.emit('swarm.up', { data: { base: roster.base, agents: agents.map(({ id }) => id) } });
    return { agents, base: roster.base, ...called, notes: [...notes, ...called.notes] };
  }

  /** For each noun of the API, the room that does the work. */
  #service(): SwarmService {
    const { events } = this.#core;
    const { agents, alerting, checkpoints, messages, tasks, works } = this.#rooms;
    const status = new StatusDesk({ core: this.#core, rooms: this.#rooms, startedAt: this.#startedAt });
    return { agents, alerts: alerting, checkpoints, events, messages, status, swarm: this.#upDown, tasks, work: works };
  }

  readonly signal = (name: string): void => this.#upDown.signal(name);
}
