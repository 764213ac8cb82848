import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { UpDocument, UpRequest } from '../../api/swarm/schemas.ts';
import type { AgentSpec, WrapperSnapshot } from '../../coordination/link.ts';
import { NO_USAGE, type AgentDesired } from '../../domain/agent.ts';
import { snapshotDirty } from '../../git/task/snapshot.ts';
import { excludeInside } from '../../git/worktree/worktree-excludes.ts';
import { dirtySummary } from '../../git/repository/status.ts';
import type { StoredAgent } from '../../store/agents.ts';
import type { Store } from '../../store/store.ts';
import { newRecord, usageOf, type AgentRecord, type AgentRow, type WrittenBy } from '../project/agent-record.ts';
import type { Fleet } from './fleet.ts';
import { claimPorts, DEFAULT_PORTS } from '../../worktree/port-blocks.ts';
import { readBase, type Project } from '../project/project.ts';
import { readSpec, writeSpecFile } from './agent-spec.ts';
import type { Base } from '../project/project.ts';
import { baseNotes, leftOutNotes, recounted, wantedAgents, type WantedAgent } from './wanted-agents.ts';

/** The agents that belong to the swarm, their wanted states, and the base of their tasks: kept in the store. */
export class Roster {
  readonly #project: Project;
  readonly #store: Store;
  readonly #fleet: Fleet;
  #base: Base;

  constructor({ project, store, fleet }: { project: Project; store: Store; fleet: Fleet }) {
    this.#project = project;
    this.#store = store;
    this.#fleet = fleet;
    this.#base = store.notes.get('swarm.base') ?? project.repository.head;
  }

  get base(): Base {
    return this.#base;
  }

  /** A merge moved a branch: it may be the base. */
  moved(branch: string, commit: string): void {
    if (this.#base.branch === branch) this.#base = { branch, commit };
  }

  /** Whether the person has agreed that agents work in this repository. */
  get trusted(): boolean {
    return this.#store.notes.get('swarm.trusted') === true;
  }

  /** Whether the last order was `down`, or none was given yet, as after an `up` that was killed before its order. */
  get isDown(): boolean {
    return this.#store.notes.get('swarm.desired') !== 'up';
  }

  /** Loads the stored agents. */
  async load(): Promise<void> {
    for (const stored of this.#store.agents.list()) {
      const record = await this.#recruit({
        ...stored,
        kind: this.#project.config.agents[stored.role]?.kind ?? stored.kind,
      });
      this.#fleet.add(record);
    }
  }

  /** `up`: sets which agents should run from now on; returns notes for the person. */
  async up(request: UpRequest): Promise<Pick<UpDocument, 'notes' | 'wanted'>> {
    const { config, layout } = this.#project;
    await excludeInside(layout.root, layout.worktreesDir);
    const [base, dirty] = await Promise.all([readBase(layout.root, config.base), dirtySummary(layout.root)]);
    const everyone = wantedAgents(
      config,
      this.#fleet.records.map(({ row }) => row),
      request,
    );
    const includeDirty = request.includeDirty === true && dirty.count > 0;
    let leftOut: string[] = [];
    if (request.keepBase !== true) {
      this.#base = base;
      if (includeDirty) {
        const snapshot = await snapshotDirty({ root: layout.root });
        this.#base = { branch: null, commit: snapshot.commit };
        ({ leftOut } = snapshot);
      }
    }
    const { notes: kept } = this.#store;
    await this.#store.write(() => {
      kept.set('swarm.base', this.#base);
      kept.set('swarm.desired', 'up');
      if (request.trust === true) kept.set('swarm.trusted', true);
    });
    await this.want(everyone);
    const notes = request.keepBase === true ? [] : [...baseNotes(base, dirty, includeDirty), ...leftOutNotes(leftOut)];
    return { notes, wanted: everyone.filter(({ desired }) => desired === 'up').map(({ id }) => id) };
  }

  /** The file has changed the number of agents of these roles, or the base of tasks. */
  async reload({ recount, changed }: { recount: readonly string[]; changed: readonly string[] }): Promise<void> {
    if (this.isDown) return;
    const { config, layout } = this.#project;
    if (changed.includes('base')) {
      this.#base = await readBase(layout.root, config.base);
      await this.#store.write(() => this.#store.notes.set('swarm.base', this.#base));
    }
    await this.want(
      recounted(
        config,
        this.#fleet.records.map(({ row }) => row),
        recount,
      ),
    );
  }

  /** Sets the wanted states of the named agents. */
  async want(everyone: readonly WantedAgent[]): Promise<void> {
    const tried: Promise<void>[] = [];
    for (const wanted of everyone) {
      const record =
        this.#fleet.get(wanted.id) ??
        (await this.#recruit({ ...wanted, sessionId: null, restarts: 0, usage: NO_USAGE }));
      this.#change(record, { kind: wanted.kind });
      // First into the store: no agent may run that the next supervisor would not know.
      await this.wants(record, wanted.desired);
      this.#fleet.add(record);
      if (wanted.desired === 'up') tried.push(this.#fleet.tryAgain(record));
    }
    await Promise.all(tried);
  }

  /** Makes a removed agent belong to the swarm again, as it was. */
  async restore({ id, role, kind, desired, sessionId, restarts, usage }: StoredAgent): Promise<void> {
    const record = await this.#recruit({ id, role, kind, desired, sessionId, restarts, usage });
    await this.save(record);
    this.#fleet.add(record);
    // Judged at once, so that `status` knows it.
    this.#fleet.settle(record, record.lifecycle);
  }

  /** `down`: no agent should run, but which ones did is remembered. */
  async down(): Promise<void> {
    await this.#store.write(() => this.#store.notes.set('swarm.desired', 'down'));
  }

  /** Sets the wanted state of an agent. Resolves when it is stored. */
  async wants(record: AgentRecord, desired: AgentDesired): Promise<void> {
    this.#change(record, { desired });
    await this.save(record);
  }

  /** Sets the conversation of its next turn; null: a new one. Stored with the next `save`. */
  converses(record: AgentRecord, sessionId: string | null): void {
    this.#change(record, { sessionId });
  }

  /** Sets the spec of its next wrapper. Stored with the next `save`. */
  startsWith(record: WrittenBy<'roster'>, spec: AgentSpec): void {
    record.spec = spec;
    this.#change(record, { kind: spec.kind });
  }

  /**
   * From now on the wrappers, of whatever build, start this supervisor when it is gone. Before the first of them is
   * heard: until then they would start the one before again.
   */
  async adopt(supervisorArgv: string[]): Promise<void> {
    for (const record of this.#fleet.records) await this.#adopt(record, supervisorArgv);
  }

  async #adopt(record: WrittenBy<'roster'>, supervisorArgv: string[]): Promise<void> {
    const { spec } = record;
    if (spec === null || isDeepStrictEqual(spec.supervisorArgv, supervisorArgv)) return;
    const adopted = { ...spec, supervisorArgv };
    record.spec = adopted;
    await writeSpecFile(this.#project.layout, adopted);
  }

  /**
   * Takes in a snapshot of its wrapper. To be called before the fleet's `observed`: the usage of the wrapper before is
   * in the last snapshot.
   * @returns whether a change has to be stored
   */
  heard(record: AgentRecord, snapshot: WrapperSnapshot): boolean {
    const before = record.observed.snapshot;
    const isNew = before !== null && before.incarnation !== snapshot.incarnation;
    if (isNew) this.wrapperEnded(record);
    const { sessionId } = snapshot;
    const isOther = sessionId !== null && sessionId !== record.row.sessionId;
    if (isOther) this.converses(record, sessionId);
    return isNew || isOther;
  }

  /**
   * Adds the usage of an ended wrapper to the agent's, before its last snapshot is forgotten. Stored with the next
   * `save`.
   */
  wrapperEnded(record: AgentRecord): void {
    this.#change(record, { usage: usageOf(record) });
  }

  /** Counts a restart of the whole agent. Resolves when it is stored. */
  async restarted(record: AgentRecord): Promise<void> {
    this.#change(record, { restarts: record.row.restarts + 1 });
    await this.save(record);
  }

  /** The one place where a row changes. */
  #change(record: WrittenBy<'roster'>, changed: Partial<AgentRow>): void {
    record.row = { ...record.row, ...changed };
  }

  async save(record: AgentRecord): Promise<void> {
    const { agents } = this.#store;
    const known = agents.get(record.id);
    const checkpoint = record.observed.snapshot?.checkpoint?.n ?? known?.checkpoint ?? null;
    await agents.put({ ...record.row, spec: null, checkpoint, createdAt: known?.createdAt ?? Date.now() });
  }

  async #recruit(row: AgentRow): Promise<AgentRecord> {
    const { layout, config } = this.#project;
    const known = await readSpec(layout, row.id);
    const token = known?.token ?? randomBytes(24).toString('base64url');
    const ports = config.worktree.ports ?? DEFAULT_PORTS;
    const portBase = await claimPorts({
      directory: layout.portsDir,
      project: layout.hash,
      agent: row.id,
      root: layout.root,
      ...ports,
    });
    const worktree = path.join(layout.worktreesDir, row.id);
    return newRecord({ row, worktree, token, spec: known, portBase }, Date.now());
  }
}
