import type { Task, TaskSpec } from '../domain/task.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import type {
  Agent,
  AlertDocument,
  CheckpointDocument,
  EventDocument,
  ExplainDocument,
  HistoryDocument,
  MessageDocument,
  MergeDocument,
  RemovedDocument,
  RollbackDocument,
  RollbackPlanDocument,
  StatusDocument,
  TaskAddedDocument,
  UndoDocument,
  UpDocument,
  UpRequest,
} from './documents.ts';

export interface TaskDiffDocument {
  task: string;
  base: string;
  commit: string;
  stat: string;
  patch: string;
}

/** A task as a submitter may write it. */
export type SubmittedTask = Omit<TaskSpec, 'retries'> & { retries?: number | undefined };

export interface AnswerRequest {
  needsYou?: string | undefined;
  decision: 'allow' | 'deny' | 'text';
  text?: string | undefined;
}

export interface RollbackRequest {
  n: number;
  /** The conversation stays as it is. */
  filesOnly: boolean;
  /** The agent waits afterwards. */
  hold: boolean;
}

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
