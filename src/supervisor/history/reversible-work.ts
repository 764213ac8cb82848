import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import type { MergeDocument } from '../../api/tasks/schemas.ts';
import type {
  RemovedDocument,
  RollbackDocument,
  RollbackPlanDocument,
  RollbackRequest,
  UndoDocument,
  WorkService,
} from '../../api/reversible-work/schemas.ts';
import type { CaptureRequest } from '../../checkpoint/tree/types.ts';
import type { Config } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { errorText } from '../../domain/errors.ts';
import type { Task } from '../../domain/task-document.ts';
import { readHead } from '../../git/repository/repository.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import type { Store } from '../../store/store.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { AgentNames } from '../fleet/agent-names.ts';
import { limitsOf } from './checkpoint-settings.ts';
import { refuseWhile } from './refuse-rollback.ts';
import { unknownCheckpoint } from '../../checkpoint/refs/refs.ts';
import type { Checkpoint } from '../../checkpoint/tree/types.ts';
import { Conversations } from './conversations.ts';
import { loadEnvironment } from '../project/environment-snapshot.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { recallPurged } from './removed-agent.ts';
import { Removals } from './remove-agent.ts';
import { Rollbacks, type RollbackOptions } from './rollbacks.ts';
import type { Roster } from '../fleet/roster.ts';
import type { OngoingWork } from '../project/ongoing-work.ts';
import { teardownOf, type TeardownDeps } from '../worktree/teardown.ts';
import { Undo, type MergeData } from './undo.ts';

export interface ReversibleWorkDeps {
  log: Logger;
  layout: ProjectLayout;
  env: Record<string, string>;
  store: Store;
  names: AgentNames;
  fleet: Fleet;
  events: EventLog;
  engine: TaskEngine;
  roster: Roster;
  project: TeardownDeps['project'] & { config: Pick<Config, 'checkpoints'> };
  ongoing: OngoingWork;
}

type Wanted = { id: string } & RollbackRequest;

/** Swarm's operations on people's work that can be undone (rollback, merge, `rm`), and their undo. */
export class ReversibleWork implements WorkService {
  readonly #deps: ReversibleWorkDeps;
  readonly #removals: Removals;
  readonly rollbacks: Rollbacks;
  readonly #undo: Undo;
  readonly #conversations: Conversations;

  constructor(deps: ReversibleWorkDeps) {
    this.#deps = deps;
    // By the environment of the last `up`: the person may have moved Claude Code's directory.
    const conversations = new Conversations(() => loadEnvironment(deps.layout.envSnapshot, deps.env));
    this.#conversations = conversations;
    const limits = limitsOf(deps.project.config);
    const parts = { ...deps, limits, conversations };
    this.#removals = new Removals({
      ...parts,
      teardown: (worktree) =>
        teardownOf({ ...deps, env: loadEnvironment(deps.layout.envSnapshot, deps.env) })(worktree),
    });
    this.rollbacks = new Rollbacks(parts);
    this.#undo = new Undo({ ...deps, limits, rollbacks: this.rollbacks });
  }

  /** At the start of a supervisor: ends operations that a kill cut short, whether or not their agent is to start. */
  async load(): Promise<void> {
    const { layout, store, fleet, log } = this.#deps;
    await recallPurged(layout, store);
    await this.rollbacks.forgetUnbegun();
    const unfinished = store.operations.open().filter(({ kind }) => kind === 'rollback');
    for (const agent of new Set(unfinished.map((operation) => operation.agent))) {
      const record = fleet.get(agent);
      if (record === undefined) continue;
      this.#deps.ongoing
        .during(() =>
          fleet.whileStopped(record, { name: 'the end of an interrupted rollback', leases: 'left' }, () =>
            this.settle(record),
          ),
        )
        .catch((error: unknown) =>
          log.error({ agent, detail: errorText(error) }, 'what was cut short is not ended yet'),
        );
    }
  }

  /** Ends operations that a kill cut short, while no process of the agent lives. */
  async settle(record: AgentRecord): Promise<void> {
    await this.#removals.settle(record);
    await this.rollbacks.settle(record);
  }

  /**
   * Every second: keeps a task reserved for the agent that goes on with it after a rollback, however long a person
   * takes.
   */
  tick(): void {
    const { store, fleet, engine, log } = this.#deps;
    const waiting = fleet.records
      .filter(({ row }) => row.desired === 'paused')
      .map(({ id }) => store.operations.lastDone(id))
      .filter((last) => last?.kind === 'rollback' && last.data.hold)
      .map((last) => last?.agent ?? '');
    if (waiting.length === 0) return;
    engine
      .keepReserved(new Set(waiting))
      .catch((error: unknown) => log.warn({ err: error }, 'what a held agent waits with could not be kept for it'));
  }

  /** @throws SwarmError `worktree-kept` */
  async remove({ id, force }: { id: string; force: boolean }): Promise<RemovedDocument> {
    const record = this.#deps.names.agent(id);
    return await this.#deps.ongoing.during(() => this.#removals.remove(record, force));
  }

  /** The changes that a rollback would make. Takes a checkpoint, to compare with. */
  async plan({ id, n, filesOnly }: Wanted): Promise<RollbackPlanDocument> {
    const { record, target } = await this.#mayRollBack(id, n);
    const checkpoints = this.rollbacks.storeOf(record);
    const plan = await this.rollbacks.conversationPlan(record, target, { filesOnly });
    const gone = !existsSync(record.worktree);
    const reason = `to compare with ${n}`;
    const now = gone ? null : await checkpoints.capture({ reason, ...(await this.point(record)) });
    const [{ text, files }, head] = await Promise.all([
      now === null ? { text: '', files: [] } : checkpoints.diff(now.n, n),
      gone ? { commit: null, branch: null } : readHead(record.worktree),
    ]);
    return {
      agent: record.id,
      n,
      at: target.at,
      reason: target.reason,
      files,
      head: { from: head.commit, to: target.head },
      branch: { from: head.branch, to: target.branch },
      conversation: { how: plan.how, why: plan.how === 'fresh' ? plan.why : null },
      task: this.rollbacks.heldTask(record),
      patch: text,
    };
  }

  async rollback({ id, n, filesOnly, hold }: Wanted): Promise<RollbackDocument> {
    const { record } = await this.#mayRollBack(id, n);
    return await this.rollBack(record, n, { filesOnly, hold });
  }

  /** @throws SwarmError `unknown-checkpoint`, or why the attempt in hand forbids the rollback */
  async #mayRollBack(id: string, n: number): Promise<{ record: AgentRecord; target: Checkpoint }> {
    const record = this.#deps.names.agent(id);
    const known = await this.rollbacks.storeOf(record).list();
    const target = known.find((checkpoint) => checkpoint.n === n);
    if (target === undefined) throw unknownCheckpoint(id, n, known);
    refuseWhile(record, target);
    return { record, target };
  }

  /** Rolls an agent back, whatever it does now. */
  rollBack(record: AgentRecord, n: number, options: RollbackOptions): Promise<RollbackDocument> {
    return this.#deps.ongoing.during(() => this.rollbacks.run(record, n, { ...options, to: null }));
  }

  /** Takes a checkpoint of its work with its conversation, under this reason, although nothing may have changed. */
  async keep(record: AgentRecord, reason: string): Promise<void> {
    await this.rollbacks.storeOf(record).capture({ reason, ...(await this.point(record)), force: true });
  }

  /**
   * The task and conversation of a checkpoint taken now: without them no agent could go on from it in the same
   * conversation.
   */
  async point(record: AgentRecord): Promise<Pick<CaptureRequest, 'task' | 'sessionId' | 'transcriptUuid'>> {
    const { sessionId } = record.row;
    const transcriptUuid = await this.#conversations.end(record.worktree, sessionId);
    return { task: this.rollbacks.heldTask(record), sessionId, transcriptUuid };
  }

  /** Undoes the newest operation, also that of a removed agent. */
  async undo({ id }: { id: string }): Promise<UndoDocument> {
    const { store, names, ongoing } = this.#deps;
    if (store.operations.lastDone(id) === undefined) names.agent(id);
    return await ongoing.during(() => this.#undo.undo(id));
  }

  /**
   * Before a merge: takes checkpoints of the agent whose work it brings in, and of the agent that has its branch
   * checked out.
   */
  async merging({ attempts }: Task, into: string): Promise<void> {
    const by = attempts.at(-1)?.agent;
    for (const record of this.#deps.fleet.records) {
      const { id, worktree } = record;
      if (!existsSync(worktree)) continue;
      if (id !== by && (await readHead(worktree)).branch !== into) continue;
      await this.rollbacks.storeOf(record).capture({ reason: 'before-merge', ...(await this.point(record)) });
    }
  }

  /** After a merge: records it for the agent whose work it brought in. */
  async merged({ id, attempts }: Task, { into, before, after, merged }: Omit<MergeDocument, 'task'>): Promise<void> {
    const { store } = this.#deps;
    const agent = attempts.at(-1)?.agent;
    if (!merged || agent === undefined) return;
    const data: MergeData = { task: id, into, before, after };
    await store.write(() => store.operations.begin('merge', agent, data, 'done'));
  }
}
