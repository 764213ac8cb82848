import type { Agent } from '../api/agents/schemas.ts';
import type { AlertDocument } from '../api/alerts/schemas.ts';
import type { CheckpointDocument } from '../api/checkpoints/schemas.ts';
import type { EventDocument } from '../api/events/schemas.ts';
import type { ExplainDocument, HistoryDocument } from '../api/health/schemas.ts';
import type { MergeDocument, TaskAddedDocument } from '../api/tasks/schemas.ts';
import type { MessageDocument } from '../api/messages/schemas.ts';
import type { RemovedDocument, RollbackDocument, RollbackPlanDocument, UndoDocument } from '../api/work/schemas.ts';
import type { StatusDocument } from '../api/status/schemas.ts';
import type { UpDocument, UpRequest } from '../api/swarm/schemas.ts';
import type { CheckpointService } from '../api/checkpoint-service.ts';
import type { AnswerRequest } from '../api/agents/schemas.ts';
import type { RollbackRequest } from '../api/work/schemas.ts';
import type { SubmittedTask } from '../api/tasks/schemas.ts';
import type { SwarmService } from '../api/service.ts';
import type { TaskDiffDocument } from '../api/tasks/schemas.ts';
import { unknownCheckpoint } from '../checkpoint/refs/refs.ts';
import type { Order } from '../coordination/link.ts';
import type { AgentDesired } from '../domain/agent.ts';
import { SwarmError } from '../domain/errors.ts';
import type { Task } from '../domain/task-document.ts';
import type { CheckpointDesk } from './history/checkpoint-desk.ts';
import type { AgentRecord } from './project/agent-record.ts';
import type { EventLog } from './project/event-log.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Roster } from './fleet/roster.ts';
import { refuseWhile } from './history/refuse-rollback.ts';
import { openQuestions } from './agents/agent-document.ts';
import type { MessageDesk } from './links/message-desk.ts';
import type { Purge } from './history/purge.ts';
import type { TaskDesk } from './tasks/task-desk.ts';
import { unknownAgent } from '../domain/unknown-agent.ts';
import type { ReversibleWork } from './history/reversible-work.ts';

const ORDER_TIMEOUT_MS = 10_000;
/** A first checkpoint of a large worktree reads many files. */
const CHECKPOINT_TIMEOUT_MS = 120_000;

export interface ServiceDeps {
  fleet: Fleet;
  events: EventLog;
  tasks: TaskDesk;
  status(): Promise<StatusDocument>;
  document(record: AgentRecord): Agent;
  explain(record: AgentRecord): ExplainDocument;
  history(agent: string): HistoryDocument;
  alerts(): AlertDocument[];
  messages: Pick<MessageDesk, 'send' | 'get'>;
  up(request: UpRequest): Promise<UpDocument>;
  down(purge: Purge | null): Promise<void>;
  works: Pick<ReversibleWork, 'remove' | 'plan' | 'rollback' | 'undo' | 'knows' | 'handoff' | 'point'>;
  order(agent: string, order: Order, timeoutMs: number): Promise<unknown>;
  roster: Pick<Roster, 'wants'>;
  hasWorktree(record: AgentRecord): boolean;
  /** It may take as much again as its limits allow. */
  renew(record: AgentRecord): void;
  /** A person wants it to go on: what holds the fleet is tried, or granted, at once; says what was granted. */
  goOn(record: AgentRecord): string | null;
  checkpoints: CheckpointDesk;
  metrics(status: StatusDocument): Promise<string>;
  degraded(): string[];
}

/** What the API offers, in terms of the fleet, the tasks and the checkpoints. */
export class Service implements SwarmService {
  readonly #deps: ServiceDeps;
  readonly checkpointing: CheckpointService;

  constructor(deps: ServiceDeps) {
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

  async alerts(): Promise<AlertDocument[]> {
    return this.#deps.alerts();
  }

  async history(id: string): Promise<HistoryDocument> {
    return this.#deps.history(this.#record(id).id);
  }

  async explain(id: string): Promise<ExplainDocument> {
    return this.#deps.explain(this.#record(id));
  }

  async setDesired(id: string, desired: AgentDesired): Promise<Agent> {
    const record = this.#record(id);
    // Nobody who says pause expects something to start.
    if (desired === 'paused' && record.row.desired === 'stopped') {
      throw new SwarmError('agent-stopped', `${id} is stopped: there is nothing to pause`, {
        hint: `\`swarm resume ${id}\` starts it.`,
      });
    }
    await this.#deps.roster.wants(record, desired);
    if (desired === 'up') this.#deps.renew(record);
    if (desired !== 'stopped') await this.#deps.fleet.tryAgain(record);
    const granted = desired === 'up' ? this.#deps.goOn(record) : null;
    this.#deps.events.emit('agent.wanted', { agent: id, data: { desired } });
    this.#deps.fleet.wake();
    return this.#answer(record, granted);
  }

  async restart(id: string): Promise<Agent> {
    const record = this.#record(id);
    if (record.row.desired === 'stopped') return await this.setDesired(id, 'up');
    const granted = this.#deps.goOn(record);
    if (record.observed.linked) await this.#restartLinked(record);
    this.#deps.fleet.revive(record);
    this.#deps.fleet.wake();
    return this.#answer(record, granted);
  }

  /** Its wrapper begins it anew; a worktree that somebody has removed only a start from the beginning makes. */
  async #restartLinked(record: AgentRecord): Promise<void> {
    const { fleet, hasWorktree, order } = this.#deps;
    if (hasWorktree(record)) await order(record.id, { do: 'restart' }, ORDER_TIMEOUT_MS);
    else await fleet.whileStopped(record, { name: 'a new worktree', leases: 'given-back' }, () => Promise.resolve());
  }

  #answer(record: AgentRecord, granted: string | null): Agent {
    return { ...this.#deps.document(record), ...(granted === null ? {} : { granted }) };
  }

  async checkpoint(id: string, reason: string): Promise<CheckpointDocument> {
    const record = this.#record(id);
    const { checkpoints } = this.#deps;
    if (!record.observed.linked) {
      const { fleet, works } = this.#deps;
      return await fleet.alone(record, async () =>
        checkpoints.capture(id, record.worktree, { reason, ...(await works.point(record)) }),
      );
    }
    const done = (await this.#deps.order(id, { do: 'checkpoint', reason }, CHECKPOINT_TIMEOUT_MS)) as { n: number };
    const found = (await checkpoints.list(id)).find((entry) => entry.n === done.n);
    if (found === undefined) {
      throw new SwarmError('checkpoint-missing', `checkpoint ${done.n} of ${id} was taken but cannot be read`);
    }
    return found;
  }

  async rollback(id: string, { n, filesOnly, hold }: RollbackRequest): Promise<RollbackDocument> {
    const record = await this.#mayRollBack(id, n);
    return await this.#deps.works.rollback(record, n, { filesOnly, hold });
  }

  async rollbackPlan(id: string, { n, filesOnly }: RollbackRequest): Promise<RollbackPlanDocument> {
    const record = await this.#mayRollBack(id, n);
    return await this.#deps.works.plan(record, n, filesOnly);
  }

  async undo(id: string): Promise<UndoDocument> {
    if (!this.#deps.works.knows(id)) this.#record(id);
    return await this.#deps.works.undo(id);
  }

  async #mayRollBack(id: string, n: number): Promise<AgentRecord> {
    const record = this.#record(id);
    const known = await this.#deps.checkpoints.list(id);
    const wanted = known.find((entry) => entry.n === n);
    if (wanted === undefined) throw unknownCheckpoint(id, n, known);
    refuseWhile(record, wanted);
    return record;
  }

  async send(id: string, text: string): Promise<{ id: string; receipt: string }> {
    const record = this.#record(id);
    if (record.row.kind === 'shell') {
      throw new SwarmError('no-conversation', `${id} runs shell commands and reads no messages`, {
        hint: 'Give it work: `swarm task add TITLE -- COMMAND`.',
      });
    }
    // Its wrapper takes nothing with it into the stop, and one that is not there hears nothing.
    if (this.#deps.fleet.desired(record) === 'stopped') {
      throw new SwarmError('agent-stopped', `${id} is stopped and reads no messages`, {
        hint: `Let it go on, then send it again: \`swarm resume ${id}\`.`,
        retrySafe: true,
      });
    }
    const first = await this.#deps.works.handoff(record);
    const said = first === null ? text : `${first}\n\n${text}`;
    return await this.#deps.messages.send(id, said);
  }

  async message(id: string): Promise<MessageDocument> {
    return this.#deps.messages.get(id);
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
  }

  async checkpoints(id: string): Promise<CheckpointDocument[]> {
    const record = this.#deps.fleet.get(id);
    if (record === undefined && !(await this.#deps.checkpoints.owners()).includes(id)) throw this.#unknownAgent(id);
    return await this.#deps.checkpoints.list(id);
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
    if (this.#deps.works.knows(id)) {
      return new SwarmError('unknown-agent', `${id} was removed`, {
        hint: `\`swarm undo ${id}\` brings it back; \`swarm checkpoint ls ${id}\` lists its checkpoints.`,
        exitCode: 2,
      });
    }
    return unknownAgent(
      id,
      this.#deps.fleet.records.map((record) => record.id),
    );
  }
}
