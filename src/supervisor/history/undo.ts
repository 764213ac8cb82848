import { existsSync } from 'node:fs';
import path from 'node:path';
import type { UndoDocument } from '../../api/reversible-work/schemas.ts';
import { CheckpointStore } from '../../checkpoint/store.ts';
import type { CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { SwarmError } from '../../domain/errors.ts';
import { undoMerge } from '../../git/merge/undo-merge.ts';
import { addWorktree, isRegisteredWorktree } from '../../git/worktree/worktrees.ts';
import type { OperationData } from '../../store/operation-data.ts';
import type { Operation } from '../../store/operations.ts';
import type { Store } from '../../store/store.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { ownerOf } from './remove-worktree.ts';
import { refuseUndoWhile } from './refuse-rollback.ts';
import type { RemovedAgent } from './removed-agent.ts';
import type { RollbackData } from './rollback-data.ts';
import type { Rollbacks } from './rollbacks.ts';
import type { Roster } from '../fleet/roster.ts';
import { removedMeanwhile } from '../../domain/unknown-agent.ts';

export type MergeData = OperationData<'merge'>;

export interface UndoDeps {
  layout: ProjectLayout;
  store: Store;
  fleet: Fleet;
  events: EventLog;
  roster: Roster;
  limits: CheckpointLimits;
  rollbacks: Rollbacks;
}

type Restored = NonNullable<UndoDocument['restored']>;

/** Undoes swarm's newest operation on an agent's work. */
export class Undo {
  readonly #deps: UndoDeps;

  constructor(deps: UndoDeps) {
    this.#deps = deps;
  }

  /** @throws SwarmError `nothing-to-undo`, or why that operation cannot be undone, with the cure */
  async undo(agent: string): Promise<UndoDocument> {
    const { store, events } = this.#deps;
    const operation = store.operations.lastDone(agent);
    if (operation === undefined) {
      throw new SwarmError('nothing-to-undo', `nothing of ${agent} can be taken back`, {
        hint: `A rollback, merge, rm or down --purge can. Its checkpoints: \`swarm checkpoint ls ${agent}\``,
      });
    }
    const { kind } = operation;
    const undone = await this.#takeBack(operation);
    await store.write(() => store.operations.takeBack(operation.id));
    events.emit('undo.done', { agent, data: { kind } });
    const none = { rollback: null, merge: null, restored: null };
    return { agent, kind, at: new Date(operation.at).toISOString(), ...none, ...undone };
  }

  async #takeBack({ id, agent, ...operation }: Operation): Promise<Partial<UndoDocument>> {
    switch (operation.kind) {
      case 'rollback':
        return { rollback: await this.#rollback(id, agent, operation.data) };
      case 'merge':
        return { merge: await this.#merge(operation.data) };
      case 'rm':
      case 'purge':
        return { restored: await this.#restore(operation.data, operation.kind) };
    }
  }

  async #rollback(operation: number, agent: string, data: RollbackData): Promise<UndoDocument['rollback']> {
    const { fleet, rollbacks } = this.#deps;
    const { n, safety, from, beside, rests = null } = data;
    // Where the task could not go on without its files, the conversation was begun anew all the same.
    const filesOnly = data.filesOnly && data.how !== 'fresh';
    const record = fleet.get(agent);
    if (record === undefined || safety === null) throw removedMeanwhile(agent);
    const all = await rollbacks.storeOf(record).list();
    const kept = all.find((checkpoint) => checkpoint.n === safety);
    if (kept !== undefined) refuseUndoWhile(record, kept);
    const left = all.find((checkpoint) => checkpoint.n === n)?.head ?? null;
    const branch = beside === undefined || beside === null || left === null ? null : { tip: beside, left };
    return await rollbacks.run(record, safety, {
      filesOnly,
      hold: false,
      to: from,
      undoes: { operation, branch, rests },
    });
  }

  async #merge(merge: MergeData): Promise<MergeData> {
    const { layout, roster } = this.#deps;
    await undoMerge({ root: layout.root, ...merge });
    roster.moved(merge.into, merge.before);
    return merge;
  }

  /** The worktree first: an agent without one would get a fresh one. */
  async #restore({ row, worktrees }: RemovedAgent, kind: 'rm' | 'purge'): Promise<Restored> {
    const { fleet, roster, layout } = this.#deps;
    const own = path.join(layout.worktreesDir, row.id);
    const isAnew = (): boolean => fleet.get(row.id) !== undefined && existsSync(own);
    const restore = async (): Promise<Restored> => {
      if (isAnew()) throw madeAnew(row.id);
      let checkpoint: number | null = null;
      for (const worktree of worktrees) {
        // Its folder may have been renamed since, with the repository.
        const place = path.join(layout.worktreesDir, path.basename(worktree.path));
        const n = await this.#bringBack(place, worktree.checkpoint);
        if (place === own) checkpoint = n;
      }
      return { worktree: own, checkpoint };
    };
    if (isAnew()) throw madeAnew(row.id);
    // A purge that had to keep another agent's worktree has kept all agents.
    const known = fleet.get(row.id);
    if (known !== undefined)
      return await fleet.whileStopped(known, { name: 'the undo of its removal', leases: 'given-back' }, restore);
    const restored = await restore();
    // After a purge no agent is up, and its undo starts none.
    if (kind === 'purge' && fleet.records.length === 0) {
      await roster.down();
      fleet.goDown();
    }
    await roster.restore(row);
    return restored;
  }

  /** Restores a worktree. Can be repeated after a kill: files that lie there by then are captured first. */
  async #bringBack(worktree: string, n: number | null): Promise<number | null> {
    const { layout, limits } = this.#deps;
    const { root, gitCommonDir, shadowGit } = layout;
    const agent = ownerOf(worktree).checkpoints;
    const checkpoints = new CheckpointStore({ gitCommonDir, shadowGit, worktree, agent }, limits);
    const all = await checkpoints.list();
    const wanted = all.find((checkpoint) => checkpoint.n === n) ?? all.at(-1);
    if (wanted === undefined) return null;
    if (!existsSync(worktree) || !(await isRegisteredWorktree(root, worktree)))
      await addWorktree({ root, path: worktree, commit: wanted.head ?? 'HEAD' });
    await checkpoints.recover();
    await checkpoints.rollback(wanted.n);
    return wanted.n;
  }
}

function madeAnew(agent: string): SwarmError {
  return new SwarmError('agent-exists', `${agent} has been made anew meanwhile`, {
    hint: `Its checkpoints are all there: \`swarm rollback ${agent}\``,
  });
}
