import type { Task } from '../domain/task-document.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type { Agent, AnswerRequest } from './agents/schemas.ts';
import type { AlertDocument } from './alerts/schemas.ts';
import type { CheckpointDocument } from './checkpoints/schemas.ts';
import type { EventDocument } from './events/schemas.ts';
import type { ExplainDocument, HistoryDocument } from './health/schemas.ts';
import type { MessageDocument } from './messages/schemas.ts';
import type { MergeDocument, SubmittedTask, TaskAddedDocument, TaskDiffDocument } from './tasks/schemas.ts';
import type {
  RemovedDocument,
  RollbackDocument,
  RollbackPlanDocument,
  RollbackRequest,
  UndoDocument,
} from './work/schemas.ts';
import type { StatusDocument } from './status/schemas.ts';
import type { UpDocument, UpRequest } from './swarm/schemas.ts';

/** What the supervisor offers to the routes; the one interface that the CLI, the dashboard and others use. */
export interface SwarmService {
  readonly checkpointing: CheckpointService;
  status(): Promise<StatusDocument>;
  up(request: UpRequest): Promise<UpDocument>;
  down(request: { purge: boolean; force: boolean }): Promise<void>;
  agents(): Promise<Agent[]>;
  agent(id: string): Promise<Agent>;
  setDesired(id: string, desired: 'up' | 'paused' | 'stopped'): Promise<Agent>;
  restart(id: string): Promise<Agent>;
  checkpoint(id: string, reason: string): Promise<CheckpointDocument>;
  rollback(id: string, request: RollbackRequest): Promise<RollbackDocument>;
  rollbackPlan(id: string, request: RollbackRequest): Promise<RollbackPlanDocument>;
  /** Also of an agent that was removed. */
  undo(id: string): Promise<UndoDocument>;
  /** Those that are open. */
  alerts(): Promise<AlertDocument[]>;
  /** Reads what is known anew and judges it, as the supervisor does every second. */
  explain(id: string): Promise<ExplainDocument>;
  history(id: string): Promise<HistoryDocument>;
  remove(id: string, request: { force: boolean }): Promise<RemovedDocument>;
  message(id: string): Promise<MessageDocument>;
  send(id: string, text: string): Promise<{ id: string; receipt: string }>;
  answer(id: string, answer: AnswerRequest): Promise<void>;
  checkpoints(id: string): Promise<CheckpointDocument[]>;
  /** Where `retries` is absent the config decides. */
  submit(specs: SubmittedTask[]): Promise<TaskAddedDocument[]>;
  tasks(filter: { state?: string | undefined; limit?: number | undefined }): Promise<Task[]>;
  task(id: string): Promise<Task>;
  cancel(id: string): Promise<Task>;
  retry(id: string): Promise<Task>;
  merge(id: string, into: string | undefined): Promise<MergeDocument>;
  diff(id: string): Promise<TaskDiffDocument>;
  /** Oldest first; an id below zero means the last so many. */
  eventsAfter(id: number, limit: number): EventDocument[];
  subscribe(listener: (event: EventDocument) => void): () => void;
  metrics(): Promise<string>;
  health(): { ok: boolean; degraded: string[] };
}
