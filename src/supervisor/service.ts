import type {
  Agent,
  CheckpointDocument,
  EventDocument,
  ExplainDocument,
  MergeDocument,
  RemovedDocument,
  RollbackDocument,
  StatusDocument,
  TaskAddedDocument,
  UpDocument,
  UpRequest,
} from '../api/documents.ts';
import type { CheckpointService } from '../api/checkpoint-service.ts';
import type { AnswerRequest, SubmittedTask, SwarmService, TaskDiffDocument } from '../api/service.ts';
import { unknownCheckpoint } from '../checkpoint/refs.ts';
import type { Order } from '../coordination/link.ts';
import type { AgentDesired } from '../domain/agent.ts';
import { SwarmError } from '../domain/errors.ts';
import type { Task } from '../domain/task.ts';
import { nearest } from '../lib/nearest.ts';
import type { AgentRecord } from './agent-record.ts';
import type { EventLog } from './event-log.ts';
import type { Fleet } from './fleet.ts';
import { openQuestions } from './status.ts';
import type { Purge } from './power.ts';
import type { TaskDesk } from './task-desk.ts';
import type { Works } from './works.ts';

const ORDER_TIMEOUT_MS = 10_000;
/** A rollback of a large worktree writes many files. */
const ROLLBACK_TIMEOUT_MS = 120_000;

export interface ServiceDependencies {
  fleet: Fleet;
  events: EventLog;
  tasks: TaskDesk;
  status(): Promise<StatusDocument>;
  document(record: AgentRecord): Agent;
  explain(record: AgentRecord): ExplainDocument;
  up(request: UpRequest): Promise<UpDocument>;
  down(purge: Purge | null): Promise<void>;
  works: Pick<Works, 'remove'>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  saveRow(record: AgentRecord): Promise<void>;
  checkpoints: {
    list(agent: string, worktree: string): Promise<CheckpointDocument[]>;
    /** For an agent that is stopped; a living one does it itself. */
    capture(agent: string, worktree: string, reason: string): Promise<CheckpointDocument>;
    rollback(agent: string, worktree: string, n: number): Promise<Omit<RollbackDocument, 'agent'>>;
    /** Agents that have checkpoints, removed ones too. */
    owners(): Promise<string[]>;
    verbs(fleet: Pick<Fleet, 'get' | 'records'>): CheckpointService;
  };
  metrics(status: StatusDocument): Promise<string>;
  degraded(): string[];
}

/** What the API offers, in terms of the fleet, the tasks and the checkpoints. */
export class Service implements SwarmService {
  readonly #deps: ServiceDependencies;
  readonly checkpointing: CheckpointService;

  constructor(deps: ServiceDependencies) {
    this.#deps = deps;
    this.checkpointing = deps.checkpoints.verbs(deps.fleet);
  }

  status(): Promise<StatusDocument> {
    return this.#deps.status();
  }

  up(request: UpRequest): Promise<UpDocument> {
    return this.#deps.up(request);
  }

  down({ purge, force }: { purge: boolean; force: boolean }): Promise<void> {
    return this.#deps.down(purge ? { force } : null);
  }

  async remove(id: string, { force }: { force: boolean }): Promise<RemovedDocument> {
    return await this.#deps.works.remove(this.#record(id), force);
  }

  async agents(): Promise<Agent[]> {
    return this.#deps.fleet.records.map((record) => this.#deps.document(record));
  }

  async agent(id: string): Promise<Agent> {
    return this.#deps.document(this.#record(id));
  }

  async explain(id: string): Promise<ExplainDocument> {
    return this.#deps.explain(this.#record(id));
  }

  async setDesired(id: string, desired: AgentDesired): Promise<Agent> {
    const record = this.#record(id);
    record.row = { ...record.row, desired };
    await this.#deps.saveRow(record);
    if (desired !== 'stopped') this.#deps.fleet.revive(record);
    this.#deps.events.emit('agent.wanted', { agent: id, data: { desired } });
    this.#deps.fleet.wake();
    return this.#deps.document(record);
  }

  async restart(id: string): Promise<Agent> {
    const record = this.#record(id);
    if (record.row.desired === 'stopped') return await this.setDesired(id, 'up');
    if (record.linked) await this.#deps.order(id, { do: 'restart' }, ORDER_TIMEOUT_MS);
    this.#deps.fleet.revive(record);
    this.#deps.fleet.wake();
    return this.#deps.document(record);
  }

  async checkpoint(id: string, reason: string): Promise<CheckpointDocument> {
    const record = this.#record(id);
    const { checkpoints } = this.#deps;
    if (!record.linked) {
      return await this.#deps.fleet.alone(record, () => checkpoints.capture(id, record.worktree, reason));
    }
    const done = (await this.#deps.order(id, { do: 'checkpoint', reason }, ROLLBACK_TIMEOUT_MS)) as { n: number };
    const found = (await checkpoints.list(id, record.worktree)).find((entry) => entry.n === done.n);
    if (found === undefined) {
      throw new SwarmError('checkpoint-missing', `checkpoint ${done.n} of ${id} was taken but cannot be read`);
    }
    return found;
  }

  async rollback(id: string, n: number): Promise<RollbackDocument> {
    const record = this.#record(id);
    const known = await this.#deps.checkpoints.list(id, record.worktree);
    if (!known.some((entry) => entry.n === n)) {
      throw unknownCheckpoint(id, n, known);
    }
    refuseOtherTask(
      record,
      known.find((entry) => entry.n === n),
    );
    this.#deps.events.emit('rollback.asked', { agent: id, data: { n } });
    const done = record.linked
      ? ((await this.#deps.order(id, { do: 'rollback', n }, ROLLBACK_TIMEOUT_MS)) as Omit<RollbackDocument, 'agent'>)
      : await this.#deps.fleet.alone(record, () => this.#deps.checkpoints.rollback(id, record.worktree, n));
    this.#deps.events.emit('rollback.done', { agent: id, data: { n, safety: done.safety } });
    return { agent: id, ...done };
  }

  async send(id: string, text: string): Promise<{ id: string; receipt: string }> {
    const record = this.#record(id);
    if (record.row.kind === 'shell') {
      throw new SwarmError('no-conversation', `${id} runs shell commands and reads no messages`, {
        hint: 'Give it work: `swarm task add TITLE -- COMMAND`.',
      });
    }
    const messageId = crypto.randomUUID();
    await this.#deps.order(id, { do: 'send', id: messageId, text }, ORDER_TIMEOUT_MS);
    this.#deps.events.emit('message.queued', { agent: id, data: { id: messageId } });
    return { id: messageId, receipt: 'queued' };
  }

  async answer(id: string, answer: AnswerRequest): Promise<void> {
    const record = this.#record(id);
    const open = openQuestions(record);
    if (open.length === 0) {
      throw new SwarmError('nothing-asked', `${id} asks nothing now`, {
        hint: '`swarm status` shows what waits for you.',
      });
    }
    const needsYou = answer.needsYou ?? null;
    if (needsYou !== null && !open.some((item) => item.id === needsYou)) {
      throw new SwarmError('unknown-question', `${id} has no open question ${needsYou}`, {
        hint: `Open: ${open.map((item) => item.id).join(', ')}`,
      });
    }
    const asked = open.find((item) => needsYou === null || item.id === needsYou);
    if (asked !== undefined && record.lifecycle.phase === 'blocked') {
      throw new SwarmError('answer-elsewhere', `${id} waits for something that swarm cannot decide: ${asked.text}`);
    }
    const order: Order = { do: 'answer', needsYou, decision: answer.decision, text: answer.text ?? null };
    await this.#deps.order(id, order, ORDER_TIMEOUT_MS);
    this.#deps.events.emit('agent.answered', {
      agent: id,
      data: { decision: answer.decision, kind: asked?.kind ?? null },
    });
  }

  async checkpoints(id: string): Promise<CheckpointDocument[]> {
    const record = this.#deps.fleet.get(id);
    if (record === undefined && !(await this.#deps.checkpoints.owners()).includes(id)) throw this.#unknownAgent(id);
    return await this.#deps.checkpoints.list(id, record?.worktree ?? '');
  }

  submit(tasks: SubmittedTask[]): Promise<TaskAddedDocument[]> {
    return this.#deps.tasks.submit(tasks);
  }

  async tasks(filter: { state?: string | undefined; limit?: number | undefined }): Promise<Task[]> {
    return this.#deps.tasks.list(filter);
  }

  async task(id: string): Promise<Task> {
    return this.#deps.tasks.get(id);
  }

  cancel(id: string): Promise<Task> {
    return this.#deps.tasks.cancel(id);
  }

  retry(id: string): Promise<Task> {
    return this.#deps.tasks.retry(id);
  }

  merge(id: string, into: string | undefined): Promise<MergeDocument> {
    return this.#deps.tasks.merge(id, into);
  }

  diff(id: string): Promise<TaskDiffDocument> {
    return this.#deps.tasks.diff(id);
  }

  eventsAfter(id: number, limit: number): EventDocument[] {
    return this.#deps.events.after(id, limit);
  }

  subscribe(listener: (event: EventDocument) => void): () => void {
    return this.#deps.events.subscribe(listener);
  }

  async metrics(): Promise<string> {
    return await this.#deps.metrics(await this.status());
  }

  health(): { ok: boolean; degraded: string[] } {
    const degraded = this.#deps.degraded();
    return { ok: degraded.length === 0, degraded };
  }

  #record(id: string): AgentRecord {
    const record = this.#deps.fleet.get(id);
    if (record === undefined) throw this.#unknownAgent(id);
    return record;
  }

  #unknownAgent(id: string): SwarmError {
    const names = this.#deps.fleet.records.map((record) => record.id);
    const [near = null] = nearest(id, names, 1);
    const hint =
      near === null
        ? names.length === 0
          ? 'There are none yet: `swarm up 3`.'
          : `There are: ${names.join(', ')}`
        : `Did you mean ${near}?`;
    return new SwarmError('unknown-agent', `there is no agent ${id}`, { hint, exitCode: 2 });
  }
}

/**
 * A checkpoint holds the branch too: brought back in the middle of another task, that task's work would go on where it
 * does not belong.
 */
function refuseOtherTask(record: AgentRecord, checkpoint: CheckpointDocument | undefined): void {
  const held = record.snapshot?.tasks.find((task) => task.slot === 0)?.task;
  if (!record.linked || held === undefined || checkpoint === undefined || checkpoint.task === held) return;
  const whose = checkpoint.task === null ? 'belongs to no task' : `belongs to ${checkpoint.task}`;
  throw new SwarmError('other-task', `${record.id} works on ${held}, and checkpoint ${checkpoint.n} ${whose}`, {
    hint: `Pick one of ${held} (\`swarm checkpoint ls ${record.id}\`), or first: \`swarm task cancel ${held}\``,
  });
}
