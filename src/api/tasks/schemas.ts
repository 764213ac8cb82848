import * as z from 'zod';
import { FAILURE_POLICIES, PRIORITIES, TASK_STATES } from '../../domain/task.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { taskRoutes } from './routes.ts';
import { task } from '../../domain/task-document.ts';

/** `existing`: the key named a stored task. */
export const taskAdded = z.object({ id: z.string(), existing: z.boolean() });
export type TaskAddedDocument = z.infer<typeof taskAdded>;

/** `merged`: false when the branch already held it. */
export const merge = z.object({
  task: z.string(),
  into: z.string(),
  before: z.string(),
  after: z.string(),
  merged: z.boolean(),
  notes: z.array(z.string()).describe('What the merge did not bring, or what is left to do: sentences.'),
});
export type MergeDocument = z.infer<typeof merge>;

export const taskDiff = z.object({
  task: z.string(),
  base: z.string(),
  commit: z.string(),
  stat: z.string(),
  patch: z.string(),
  notes: z.array(z.string()).describe('What the result does not hold, or what is odd about it: sentences.'),
});
export type TaskDiffDocument = z.infer<typeof taskDiff>;

export const mergeBody = z.strictObject({ into: z.string().min(1).optional() });

export const taskBody = z.strictObject({
  title: z.string().trim().min(1).max(500),
  prompt: z.string().max(1_000_000).optional(),
  command: z.array(z.string()).min(1).max(1_000).optional(),
  priority: z.enum(PRIORITIES).default('normal'),
  after: z
    .array(
      z.union([z.string(), z.strictObject({ task: z.string(), onFailure: z.enum(FAILURE_POLICIES).default('block') })]),
    )
    .max(1_000)
    .default([])
    .describe('Tasks that must be done first; a name alone waits for a person when that one fails.'),
  on: z.string().optional(),
  needs: z.array(z.string()).max(50).default([]),
  agent: z.string().optional(),
  timeoutMs: z
    .number()
    .int()
    .positive()
    .max(7 * 86_400_000)
    .optional(),
  retries: z.number().int().min(0).max(100).optional(),
  verify: z.string().optional(),
  budgetUsd: z.number().positive().optional(),
  key: z.string().min(1).max(200).optional(),
});
/** A task as a submitter writes it: only the title is required. */
export type NewTask = z.input<typeof taskBody>;
/** The same with its defaults, but for one: where `retries` is absent the config decides. */
export type SubmittedTask = z.infer<typeof taskBody>;

export const tasksBody = z.union([taskBody, z.strictObject({ tasks: z.array(taskBody).min(1).max(10_000) })]);

const groupName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

/** Their names, under which they name each other in `after` and `on`. */
export const groupBody = z.strictObject({
  name: groupName,
  key: z.string().min(1).max(200).optional().describe('A second submit with the same key adds nothing.'),
  tasks: z
    .array(taskBody.omit({ key: true }).extend({ name: z.string().min(1).max(200) }))
    .min(1)
    .max(10_000),
});
/** As a submitter writes it. */
export type NewGroup = z.input<typeof groupBody>;
export type SubmittedGroupBody = z.infer<typeof groupBody>;

/** `existing`: the key named a stored group. */
export const groupAdded = z.object({
  group: z.string(),
  tasks: z.array(z.object({ name: z.string(), id: z.string() })),
  existing: z.boolean(),
});
export type GroupAddedDocument = z.infer<typeof groupAdded>;

export const taskQuery = z.strictObject({
  state: z.enum(TASK_STATES).optional(),
  limit: z.coerce.number().int().min(1).max(100_000).optional(),
});

export const taskSchemas = {
  add: { takes: tasksBody, answers: z.union([taskAdded, z.object({ tasks: z.array(taskAdded) })]) },
  run: { takes: groupBody, answers: groupAdded },
  list: { takes: taskQuery, answers: z.array(task) },
  show: { answers: task },
  cancel: { answers: task },
  retry: { answers: task },
  merge: { takes: mergeBody, answers: merge },
  diff: { answers: taskDiff },
} satisfies Schemas<typeof taskRoutes>;

export interface TasksService extends ServiceOf<typeof taskRoutes, typeof taskSchemas> {}
type Client = ClientOf<typeof taskRoutes, typeof taskSchemas>;
/** The answer to one task is one document, to several it is several. */
export interface TasksClient extends Omit<Client, 'add'> {
  add(task: NewTask): Promise<TaskAddedDocument>;
  add(several: { tasks: readonly NewTask[] }): Promise<{ tasks: TaskAddedDocument[] }>;
}
