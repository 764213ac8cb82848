import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import type { RollbackDocument } from '../../api/reversible-work/schemas.ts';
import { CheckpointStore } from '../../checkpoint/store.ts';
import type { Checkpoint, CheckpointLimits } from '../../checkpoint/tree/types.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { branchBeside, putBranchBack } from '../../git/merge/branch-beside.ts';
import { addWorktree } from '../../git/worktree/worktrees.ts';
import type { Resting } from '../../scheduler/set-aside.ts';
import type { PutBack } from '../../scheduler/settle.ts';
import type { Operation, OperationOf } from '../../store/operations.ts';
import type { Store } from '../../store/store.ts';
import type { Task } from '../../domain/task-document.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Conversations } from './conversations.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Roster } from '../fleet/roster.ts';
import {
  isBeforeTask,
  isOfTask,
  planConversation,
  putBackOf,
  safetyAmong,
  undoneText,
  type ConversationPlan,
  type ConversationPoint,
  type RollbackData,
  type Undoes,
} from './rollback-data.ts';

export interface RollbackOptions {
  filesOnly: boolean;
  /** The agent waits afterwards, with its task, until a person lets it go on. */
  hold: boolean;
  /** Set where no person ordered it: the agent begins a new conversation with this text. */
  why?: string | undefined;
}

export interface RollbacksDeps {
  log: Logger;
  layout: ProjectLayout;
  store: Store;
  fleet: Fleet;
  events: EventLog;
  limits: CheckpointLimits;
  conversations: Conversations;
  engine: {
    leases(agent: string): { task: string; slot: number }[];
    get(task: string): Task;
    resting(agent: string): Resting | null;
    putBack(agent: string, how: PutBack): Promise<string[]>;
  };
  roster: Pick<Roster, 'converses' | 'wants'>;
}

const HOPELESS = new Set(['unknown-checkpoint', 'damaged-checkpoint', 'rollback-undone']);

type Result = Pick<RollbackDocument, 'conversation'> & { putBack: PutBack; sessionId: string | null };

/**
 * Rolls files, then the conversation, back to one checkpoint. Each step is stored and can be repeated, so that the next
 * start ends a rollback that a kill cut short.
 */
export class Rollbacks {
  readonly #deps: RollbacksDeps;

  constructor(deps: RollbacksDeps) {
    this.#deps = deps;
  }

  storeOf({ id, worktree }: AgentRecord): CheckpointStore {
    const { layout, limits } = this.#deps;
    const { gitCommonDir, shadowGit } = layout;
    return new CheckpointStore({ gitCommonDir, shadowGit, worktree, agent: id }, limits);
  }

  /** The decision about the conversation that a rollback would make. */
  async conversationPlan(
    record: AgentRecord,
    checkpoint: Checkpoint,
    { filesOnly, to, why }: { filesOnly: boolean; to?: ConversationPoint | null; why?: string | undefined },
  ): Promise<ConversationPlan> {
    if (why !== undefined) return { how: 'fresh', why };
    const held = this.heldTask(record);
    const { sessionId, transcriptUuid } = checkpoint;
    const plan = planConversation({
      kind: record.row.kind,
      filesOnly,
      n: checkpoint.n,
      sessionId: record.row.sessionId,
      point: to ?? (sessionId === null ? null : { sessionId, uuid: transcriptUuid }),
      beforeTask: (to ?? null) === null && held !== null && isBeforeTask(checkpoint, held),
    });
    if (plan.how !== 'cut') return plan;
    if (held !== null && (to ?? null) === null && !isOfTask(checkpoint, this.#deps.engine.get(held)))
      return { how: 'fresh', why: `the conversation at checkpoint ${checkpoint.n} was not that of the task` };
    const file = await this.#deps.conversations.find(record.worktree, plan.from.sessionId);
    return file === null ? { how: 'fresh', why: 'the transcript of that conversation is gone' } : plan;
  }

  /** Text for an agent that was rolled back without its conversation, to be said before any other. */
  async handoff({ id, worktree, row }: AgentRecord): Promise<string | null> {
    const last = this.#deps.store.operations.lastDone(id);
    if (last?.kind !== 'rollback') return null;
    const { how, n, task } = last.data;
    // An agent with a task gets it in the task's prompt.
    if (how !== 'fresh' || task !== null) return null;
    const begun = row.sessionId === null ? null : await this.#deps.conversations.find(worktree, row.sessionId);
    if (begun !== null) return null;
    return `A person set the files of this worktree back to checkpoint ${n}; the conversation that led there is not available. Look at git log, git status and the files first.`;
  }

  /** The task in the agent's own worktree; null: none. */
  heldTask({ id }: AgentRecord): string | null {
    return this.#deps.engine.leases(id).find(({ slot }) => slot === 0)?.task ?? null;
  }

  /** @throws SwarmError why it cannot be begun or done; nothing was changed then, unless it says so */
  async run(
    record: AgentRecord,
    n: number,
    { filesOnly, hold, to, why, undoes }: RollbackOptions & { to: ConversationPoint | null; undoes?: Undoes },
  ): Promise<RollbackDocument> {
    const { store, fleet, events, engine } = this.#deps;
    const data: RollbackData = {
      n,
      step: 'begun',
      filesOnly,
      hold,
      safety: null,
      changed: [],
      warnings: [],
      from: null,
      to,
      cutInto: randomUUID(),
      task: this.heldTask(record),
      rests: engine.resting(record.id),
      ...(why === undefined ? {} : { why }),
      ...(undoes === undefined ? {} : { undoes }),
    };
    events.emit('rollback.asked', { agent: record.id, data: { n } });
    const id = await store.write(() => store.operations.begin('rollback', record.id, data));
    let stopped = false;
    const work = (): Promise<RollbackDocument> => {
      stopped = true;
      return this.#carryOut(record, id, data);
    };
    return await fleet
      .whileStopped(record, { name: `the rollback to checkpoint ${n}`, leases: 'left' }, work)
      .catch(async (error: unknown) => {
        if (data.step === 'begun') await this.#drop(record, id, data, errorText(error), stopped);
        throw error;
      });
  }

  /**
   * At the start of a supervisor: forgets rollbacks that had changed nothing yet. An agent that lives on need not hear
   * of them.
   */
  async forgetUnbegun(): Promise<void> {
    const { store, events } = this.#deps;
    const unbegun = store.operations
      .open()
      .filter((operation) => isRollback(operation))
      .filter(({ data }) => data.step === 'begun');
    await store.write(() => {
      for (const { id, data } of unbegun) store.operations.change(id, 'dropped', data);
    });
    for (const { agent, data } of unbegun) {
      const { n, task } = data;
      events.emit('rollback.dropped', { agent, task, data: { n, why: 'swarm ended before it began' } });
    }
  }

  /** Ends a rollback that a kill cut short. @throws while it cannot be ended: no process may start there */
  async settle(record: AgentRecord): Promise<void> {
    for (const operation of this.#deps.store.operations.open(record.id)) {
      if (isRollback(operation)) await this.#end(record, operation);
    }
    // A rollback whose record was lost with the store.
    if (existsSync(record.worktree)) await this.storeOf(record).recover();
  }

  async #end(record: AgentRecord, { id, data }: OperationOf<'rollback'>): Promise<void> {
    if (data.step === 'begun') return await this.#drop(record, id, data, 'swarm ended before it began');
    this.#deps.log.warn({ agent: record.id, n: data.n, step: data.step }, 'an interrupted rollback goes on');
    try {
      await this.#carryOut(record, id, data);
    } catch (error) {
      // A checkpoint that will never be readable again must not keep the agent from ever starting.
      if (!(error instanceof SwarmError) || !HOPELESS.has(error.code)) throw error;
      await this.#drop(record, id, data, errorText(error));
    }
  }

  async #carryOut(record: AgentRecord, id: number, data: RollbackData): Promise<RollbackDocument> {
    const checkpoints = this.storeOf(record);
    const target = await this.#target(record, checkpoints, data);
    const again = data.step !== 'begun';
    // Also for a worktree that was deleted in the middle of it: the checkpoints are not in it.
    if (data.step !== 'restored' && !existsSync(record.worktree))
      await addWorktree({ root: this.#deps.layout.root, path: record.worktree, commit: target.head ?? 'HEAD' });
    if (data.step === 'begun') await this.#prepare(record, id, data, checkpoints, target);
    if (data.step === 'restoring') await this.#restore(record, id, data, { checkpoints, target, again });
    const result = await this.#converse(record, data, target);
    const branch = data.undoes?.branch ?? null;
    const kept = branch === null ? null : await putBranchBack(this.#deps.layout.root, branch.tip, branch.left);
    if (kept !== null) data.warnings = [...data.warnings, kept];
    await this.#finish(record, id, data, result);
    const { n, safety, changed, warnings, task, hold } = data;
    this.#deps.events.emit('rollback.done', {
      agent: record.id,
      task,
      data: { n, safety, conversation: result.conversation.how },
    });
    const { conversation } = result;
    return { agent: record.id, n, safety: safety ?? n, changed, warnings, conversation, task, held: hold };
  }

  async #target(record: AgentRecord, checkpoints: CheckpointStore, { n }: RollbackData): Promise<Checkpoint> {
    const found = (await checkpoints.list()).find((checkpoint) => checkpoint.n === n);
    if (found === undefined) throw new SwarmError('unknown-checkpoint', `${record.id} has no checkpoint ${n} any more`);
    return found;
  }

  /** Takes a checkpoint of the present files, with the point of the conversation. */
  async #prepare(
    record: AgentRecord,
    id: number,
    data: RollbackData,
    checkpoints: CheckpointStore,
    target: Checkpoint,
  ): Promise<void> {
    const { conversations } = this.#deps;
    const { sessionId } = record.row;
    data.from = sessionId === null ? null : { sessionId, uuid: await conversations.end(record.worktree, sessionId) };
    const { n, warnings } = await checkpoints.capture({
      reason: `before rollback to ${data.n}`,
      task: data.task,
      sessionId,
      transcriptUuid: data.from?.uuid ?? null,
      force: true,
    });
    data.safety = n;
    data.warnings = warnings;
    data.beside = await branchBeside(record.worktree, target.branch);
    await this.#step(id, data, 'restoring');
  }

  /** Restores the files. @param how `again`: a kill came in between, perhaps after everything was done */
  async #restore(
    record: AgentRecord,
    id: number,
    data: RollbackData,
    how: { checkpoints: CheckpointStore; target: Checkpoint; again: boolean },
  ): Promise<void> {
    const { checkpoints, target, again } = how;
    try {
      const recovered = await checkpoints.recover();
      if (recovered?.outcome === 'undone') throw new SwarmError('rollback-undone', undoneText(data));
      const done = await checkpoints.rollback(data.n);
      // With ignored files in the way, the store took one more checkpoint, which holds them too.
      data.safety = again ? safetyAmong(await checkpoints.list(), data, target) : done.safety;
      data.changed = done.changed;
      // Each of the checkpoints warns of the same files.
      data.warnings = [...new Set([...data.warnings, ...done.warnings])];
    } catch (error) {
      // Half changed files keep the operation open: the next start tries again, and no process starts before.
      if ((await checkpoints.recover())?.outcome !== 'finished') {
        await this.#drop(record, id, data, errorText(error));
        throw error;
      }
    }
    await this.#step(id, data, 'restored');
  }

  async #converse(record: AgentRecord, data: RollbackData, target: Checkpoint): Promise<Result> {
    const { conversations, engine } = this.#deps;
    const plan = await this.conversationPlan(record, target, data);
    const before = data.from?.sessionId ?? null;
    const result = (how: ConversationPlan['how'], session: string | null, why: string | null): Result => {
      const task = data.task ?? data.rests?.task ?? null;
      const own = how !== 'cut' || data.to !== null || task === null || isOfTask(target, engine.get(task));
      const kept = how === 'none' || how === 'kept';
      const putBack = putBackOf(data, target, kept ? undefined : session, own);
      return { conversation: { how, session, before, why }, putBack, sessionId: session };
    };
    switch (plan.how) {
      case 'none':
        return result('none', record.row.sessionId, null);
      case 'kept':
        return result('kept', plan.sessionId, null);
      case 'cut': {
        const cut = await conversations.cut(record.worktree, plan.from, data.cutInto);
        return cut.verified ? result('cut', data.cutInto, null) : result('fresh', null, cut.why);
      }
      case 'fresh':
        return result('fresh', null, plan.why);
    }
  }

  /** Stores the end, in one batch. */
  async #finish(record: AgentRecord, id: number, data: RollbackData, result: Result): Promise<void> {
    const { store, engine, roster } = this.#deps;
    const desired = data.hold && record.row.desired === 'up' ? 'paused' : record.row.desired;
    data.how = result.conversation.how;
    roster.converses(record, result.sessionId);
    await Promise.all([
      store.write(() => {
        store.operations.change(id, 'done', data);
        if (data.undoes !== undefined) store.operations.takeBack(data.undoes.operation);
      }),
      roster.wants(record, desired),
      engine.putBack(record.id, result.putBack),
    ]);
  }

  async #step(id: number, data: RollbackData, step: RollbackData['step']): Promise<void> {
    const { store } = this.#deps;
    data.step = step;
    await store.write(() => store.operations.change(id, 'open', data));
  }

  /**
   * Gives the rollback up: nothing was changed, and the agent goes on.
   * @param stopped no process of it lives: only then the task in hand may be given on
   */
  async #drop(record: AgentRecord, id: number, data: RollbackData, why: string, stopped = true): Promise<void> {
    const { store, engine, events } = this.#deps;
    await Promise.all([
      store.write(() => store.operations.change(id, 'dropped', data)),
      // A living wrapper keeps its task; an agent that was stopped for this takes it up again.
      stopped && !record.observed.linked
        ? engine.putBack(record.id, {
            worktree: 'as-it-is',
            reason: `a rollback was not carried out: ${why}`,
          })
        : Promise.resolve([]),
    ]);
    events.emit('rollback.dropped', { agent: record.id, task: data.task, data: { n: data.n, why } });
  }
}

function isRollback(operation: Operation): operation is OperationOf<'rollback'> {
  return operation.kind === 'rollback';
}
