import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { UpDocument, UpRequest } from '../../api/swarm/schemas.ts';
import { NO_USAGE } from '../../domain/agent.ts';
import { snapshotDirty } from '../../git/task/snapshot.ts';
import { dirtySummary } from '../../git/repository/status.ts';
import type { AgentRecord as StoredAgent } from '../../store/agents.ts';
import type { Store } from '../../store/store.ts';
import { AgentRecord, type AgentRow } from '../project/agent-record.ts';
import type { Fleet } from './fleet.ts';
import { claimPorts, DEFAULT_PORTS } from '../worktree/port-blocks.ts';
import { readBase, type Project } from '../project/project.ts';
import { readSpec } from './agent-spec.ts';
import type { Base } from '../project/project.ts';
import { baseNotes, recounted, wantedAgents, type WantedAgent } from './wanted-agents.ts';

/** Who belongs to the swarm, what it was last told to be, and what its tasks start from: kept in the store. */
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

  /** A merge moved a branch. */
  moved(branch: string, commit: string): void {
    if (this.#base.branch === branch) this.#base = { branch, commit };
  }

  /** The person has said that this repository may be worked in. */
  get trusted(): boolean {
    return this.#store.notes.get('swarm.trusted') === true;
  }

  /** The last word was `down`, or nobody has said a word yet: an `up` that was killed before it could. */
  get isDown(): boolean {
    return this.#store.notes.get('swarm.desired') !== 'up';
  }

  /** Everyone of before, as the store knows them. */
  async load(): Promise<void> {
    for (const stored of this.#store.agents.list()) {
      const record = await this.#recruit({
        ...stored,
        kind: this.#project.config.agents[stored.role]?.kind ?? stored.kind,
      });
      this.#fleet.add(record);
    }
  }

  /** `up`: who should be there from now on; gives back what the person should know. */
  async up(request: UpRequest): Promise<Pick<UpDocument, 'notes' | 'wanted'>> {
    const { config, layout } = this.#project;
    const [base, dirty] = await Promise.all([readBase(layout.root, config.base), dirtySummary(layout.root)]);
    const everyone = wantedAgents(
      config,
      this.#fleet.records.map(({ row }) => row),
      request,
    );
    const includeDirty = request.includeDirty === true && dirty.count > 0;
    if (request.keepBase !== true)
      this.#base = includeDirty ? { branch: null, commit: await snapshotDirty({ root: layout.root }) } : base;
    const { notes: kept } = this.#store;
    await this.#store.write(() => {
      kept.set('swarm.base', this.#base);
      kept.set('swarm.desired', 'up');
      if (request.trust === true) kept.set('swarm.trusted', true);
    });
    await this.want(everyone);
    const notes = request.keepBase === true ? [] : baseNotes(base, dirty, includeDirty);
    return { notes, wanted: everyone.filter(({ desired }) => desired === 'up').map(({ id }) => id) };
  }

  /** The file has changed how many agents these roles have, or what tasks start from. */
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

  /** Who is named is to be there, or not, from now on. */
  async want(everyone: readonly WantedAgent[]): Promise<void> {
    const tried: Promise<void>[] = [];
    for (const wanted of everyone) {
      const record =
        this.#fleet.get(wanted.id) ??
        (await this.#recruit({ ...wanted, sessionId: null, restarts: 0, usage: NO_USAGE }));
      record.row = { ...record.row, kind: wanted.kind, desired: wanted.desired };
      // First into the store: nobody is to run whom the next supervisor would not know.
      await this.save(record);
      this.#fleet.add(record);
      if (wanted.desired === 'up') tried.push(this.#fleet.tryAgain(record));
    }
    await Promise.all(tried);
  }

  /** One that had been removed belongs to the swarm again, as it was. */
  async restore({ id, role, kind, desired, sessionId, restarts, usage }: StoredAgent): Promise<void> {
    const record = await this.#recruit({ id, role, kind, desired, sessionId, restarts, usage });
    await this.save(record);
    this.#fleet.add(record);
    // Judged at once, so that `status` knows it.
    this.#fleet.settle(record, record.lifecycle);
  }

  /** `down`: nobody is to be there, but who was is remembered. */
  async down(): Promise<void> {
    await this.#store.write(() => this.#store.notes.set('swarm.desired', 'down'));
  }

  async save(record: AgentRecord): Promise<void> {
    const { agents } = this.#store;
    const known = agents.get(record.id);
    const checkpoint = record.snapshot?.checkpoint?.n ?? known?.checkpoint ?? null;
    await agents.put({ ...record.row, spec: null, checkpoint, createdAt: known?.createdAt ?? Date.now() });
  }

  async #recruit(row: AgentRow): Promise<AgentRecord> {
    const { layout, config } = this.#project;
    const known = await readSpec(layout, row.id);
    const token = known?.token ?? randomBytes(24).toString('base64url');
    const record = new AgentRecord(row, path.join(layout.worktreesDir, row.id), token, Date.now());
    record.spec = known;
    const ports = config.worktree.ports ?? DEFAULT_PORTS;
    record.portBase = await claimPorts({
      directory: layout.portsDir,
      project: layout.hash,
      agent: row.id,
      root: layout.root,
      ...ports,
    });
    return record;
  }
}
