import * as z from 'zod';
import { AGENT_STATUSES } from '../domain/agent.ts';
import type { ErrorDocument } from '../domain/errors.ts';
import { PRIORITIES, TASK_STATES } from '../domain/task.ts';
import { eventNames } from './events/event-names.ts';
import { checkpointSchemas } from './checkpoints/schemas.ts';
import type {
  CheckpointBranchDocument,
  CheckpointDiffDocument,
  CheckpointDropDocument,
  CheckpointPruneDocument,
  CheckpointRestoreDocument,
  CheckpointShowDocument,
} from './checkpoint-service.ts';
import type {
  Agent,
  AlertDocument,
  CheckpointDocument,
  EventDocument,
  ExplainDocument,
  HistoryDocument,
  MergeDocument,
  MessageDocument,
  RemovedDocument,
  RollbackDocument,
  RollbackPlanDocument,
  StatusDocument,
  Task,
  TaskAddedDocument,
  UndoDocument,
  UpDocument,
} from './documents.ts';
import type { TaskDiffDocument } from './service.ts';

/**
 * The documents as schemas, for programs that read them (templates/schema) and for tests. Kept apart from the types,
 * so that a verb does not load zod to print one. A document may gain fields: readers ignore what they do not know.
 */
const time = z.string().describe('ISO 8601');
const usd = z.number().min(0).describe('USD');
const text = z.string().nullable();
const number = z.number().nullable();

const agent = z.object({
  id: z.string(),
  role: z.string(),
  kind: z.enum(['claude', 'shell']),
  status: z.enum(AGENT_STATUSES),
  since: time,
  reason: text.describe('Why this status, for a person.'),
  pid: number,
  session: text.describe('tmux session'),
  pane: text,
  worktree: z.string(),
  portBase: number.describe('First of the ports that are its own.'),
  branch: text,
  task: text,
  sessionId: text.describe('Conversation of Claude Code.'),
  restarts: z.number(),
  checkpoint: number.describe('Number of the newest checkpoint.'),
  costUsd: usd,
  tokens: z.number(),
  contextPercent: number,
  cpuPercent: number,
  rssBytes: number,
  lastActivityAt: text.describe('ISO 8601'),
  granted: z
    .string()
    .optional()
    .describe(
      'Only of the answer to `resume` and the like: what it granted of a budget that was spent, and until when.',
    ),
});

const needsYou = z.object({
  id: z.string(),
  agent: z.string(),
  kind: z.enum(['permission', 'question', 'trust', 'login']),
  text: z.string(),
  task: text,
  tool: z.string().optional(),
  input: z.unknown().optional(),
  since: time,
});

const base = z.object({ branch: text, commit: z.string() });

const status = z.object({
  version: z.string(),
  project: z.object({ hash: z.string(), name: z.string(), root: z.string(), base: base.nullable() }),
  supervisor: z.object({
    state: z.enum(['up', 'stopping', 'down']).describe('stopping: `down` was said, and not everything has ended yet.'),
    pid: number,
    since: text.describe('ISO 8601'),
    epoch: number,
    buildId: text,
  }),
  broker: z.object({
    state: z.enum(['absent', 'installing', 'starting', 'up', 'down']),
    url: text.describe('Without credentials.'),
    pid: number,
    private: z.boolean(),
    reason: text,
  }),
  degraded: z.array(z.string()).exactOptional().describe('What does not work now; absent while all is well.'),
  config: z
    .object({
      version: text.describe('What git calls the swarm.yaml in force, abbreviated; null: the defaults count.'),
      since: time,
      refused: z
        .object({ message: z.string(), hint: text })
        .nullable()
        .describe('Why the file as it is does not count.'),
      later: z.array(z.string()).describe('Keys that count from the next `down` and `up` on.'),
      outdated: z.array(z.string()).describe('Agents that live with the settings of before until they start again.'),
    })
    .nullable()
    .describe('swarm.yaml as it counts now; null while nothing is up.'),
  agents: z.array(agent),
  tasks: z.record(z.enum(TASK_STATES), z.number()).describe('How many are in each state.'),
  queues: z.array(z.object({ name: z.string(), messages: z.number(), consumers: z.number() })),
  needsYou: z.array(needsYou),
});

const attempt = z.object({
  n: z.number(),
  agent: z.string(),
  startedAt: time,
  endedAt: text.describe('ISO 8601'),
  outcome: z.enum(['done', 'failed', 'timeout', 'lost', 'released', 'cancelled']).nullable(),
  errorClass: z
    .enum(['agent', 'verify', 'timeout', 'conflict', 'setup', 'program', 'api', 'budget', 'lost'])
    .nullable(),
  error: text,
  sessionId: text,
});

const task = z.object({
  id: z.string(),
  title: z.string(),
  kind: z.enum(['claude', 'shell']),
  state: z.enum(TASK_STATES),
  reason: text.describe('Why it is where it is, for a person.'),
  priority: z.enum(PRIORITIES),
  prompt: text,
  command: z.array(z.string()).nullable(),
  after: z.array(z.string()),
  on: text,
  needs: z.array(z.string()),
  agent: text,
  timeoutMs: number,
  retries: z.number(),
  verify: text,
  budgetUsd: number,
  key: text,
  createdAt: time,
  updatedAt: time,
  attempts: z.array(attempt),
  result: z.object({ summary: z.string(), commit: text, branch: text, costUsd: usd }).nullable(),
});

const how = z.enum(['cut', 'fresh', 'kept', 'none']);
const fromTo = z.object({ from: text, to: text });

const rollback = z.object({
  agent: z.string(),
  n: z.number(),
  safety: z.number().describe('The checkpoint of what was there before.'),
  changed: z.array(z.string()),
  warnings: z.array(z.string()),
  conversation: z.object({
    how,
    session: text,
    before: text.describe('The conversation of before, which is still there.'),
    why: text,
  }),
  task: text,
  held: z.boolean(),
});

export const documentSchemas = {
  agent,
  alert: z.object({
    key: z.string().describe('The same trouble has the same key.'),
    severity: z.enum(['info', 'warning', 'critical']),
    state: z.enum(['raised', 'recovered']),
    agent: text,
    text: z.string(),
    since: time,
    at: time,
  }),
  ...checkpointSchemas,
  error: z.object({
    error: z.object({
      code: z.string().describe('Stable, kebab-case.'),
      message: z.string(),
      hint: z.string().describe('What to do next.').exactOptional(),
      retrySafe: z.boolean().describe('Doing the very same again can neither harm nor happen twice.'),
      exitCode: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    }),
  }),
  event: z.object({
    id: z.number(),
    at: time,
    name: z.string(),
    agent: text,
    task: text,
    data: z.record(z.string(), z.unknown()),
  }),
  history: z.object({
    agent: z.string(),
    from: time.describe('ISO 8601; since when something is known'),
    to: time,
    intervals: z.array(z.object({ status: z.enum(AGENT_STATUSES), reason: text, since: time, ms: z.number() })),
    lasted: z.partialRecord(z.enum(AGENT_STATUSES), z.number()).describe('ms in each status'),
  }),
  explain: z.object({
    agent: z.string(),
    status: z.enum(AGENT_STATUSES),
    since: time,
    rule: z.string().describe('Name of the rule that fired.'),
    reason: text,
    until: text.describe('ISO 8601: when a hold or a backoff ends.'),
    facts: z.array(z.object({ fact: z.string(), value: z.string(), ageMs: number })),
  }),
  message: z.object({
    id: z.string(),
    agent: z.string(),
    receipt: z.enum(['queued', 'delivered', 'injected', 'refused']).describe('All but queued are final.'),
    reason: text.describe('Why it was refused.'),
    at: time,
    since: time.describe('ISO 8601: when it got its receipt.'),
  }),
  merge: z.object({ task: z.string(), into: z.string(), before: z.string(), after: z.string(), merged: z.boolean() }),
  removed: z.object({ agent: z.string(), worktree: z.string(), checkpoint: number }),
  rollback,
  'rollback-plan': z.object({
    agent: z.string(),
    n: z.number(),
    at: time,
    reason: z.string(),
    files: z.array(z.object({ path: z.string(), added: number, removed: number })),
    head: fromTo,
    branch: fromTo,
    conversation: z.object({ how, why: text }),
    task: text,
    patch: z.string(),
  }),
  status,
  task,
  'task-added': z.object({ id: z.string(), existing: z.boolean() }),
  'task-diff': z.object({
    task: z.string(),
    base: z.string(),
    commit: z.string(),
    stat: z.string(),
    patch: z.string(),
  }),
  undo: z.object({
    agent: z.string(),
    kind: z.enum(['rollback', 'merge', 'rm', 'purge']),
    at: time,
    rollback: rollback.nullable(),
    merge: z.object({ task: z.string(), into: z.string(), before: z.string(), after: z.string() }).nullable(),
    restored: z.object({ worktree: z.string(), checkpoint: number }).nullable(),
  }),
  up: z.object({
    agents: z.array(agent),
    base,
    notes: z.array(z.string()),
    wanted: z.array(z.string()).describe('Who is to be there now; workers beyond N are stopped.'),
  }),
} as const;

/** JSON Schema of one document, as published under templates/schema. */
export function documentJsonSchema(name: keyof typeof documentSchemas): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(documentSchemas[name], { io: 'input' });
  if (name !== 'event') return { $schema, title: `swarm ${name}`, ...schema };
  const names = eventNames();
  const properties = { ...schema.properties, name: names.name };
  return { $schema, title: `swarm ${name}`, ...schema, properties, allOf: names.allOf };
}

interface Documents {
  agent: Agent;
  alert: AlertDocument;
  checkpoint: CheckpointDocument;
  'checkpoint-show': CheckpointShowDocument;
  'checkpoint-diff': CheckpointDiffDocument;
  'checkpoint-restore': CheckpointRestoreDocument;
  'checkpoint-branch': CheckpointBranchDocument;
  'checkpoint-prune': CheckpointPruneDocument;
  'checkpoint-drop': CheckpointDropDocument;
  error: ErrorDocument;
  event: EventDocument;
  history: HistoryDocument;
  explain: ExplainDocument;
  merge: MergeDocument;
  message: MessageDocument;
  removed: RemovedDocument;
  rollback: RollbackDocument;
  'rollback-plan': RollbackPlanDocument;
  status: StatusDocument;
  task: Task;
  'task-added': TaskAddedDocument;
  'task-diff': TaskDiffDocument;
  undo: UndoDocument;
  up: UpDocument;
}

/** Fails to compile where a schema and its type say different things, in either direction. */
type Differing = {
  [Name in keyof Documents]: [Documents[Name]] extends [z.infer<(typeof documentSchemas)[Name]>]
    ? [z.infer<(typeof documentSchemas)[Name]>] extends [Documents[Name]]
      ? never
      : Name
    : Name;
}[keyof Documents];
const _agree: [Differing] extends [never] ? true : Differing = true;
void _agree;
