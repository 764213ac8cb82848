import * as z from 'zod';
import { PRIORITIES, TASK_STATES } from '../domain/task.ts';

/** Bodies and queries that the API accepts; what does not fit is answered 400 with the place. */
export const upBody = z.strictObject({
  workers: z.number().int().min(1).max(200).optional(),
  includeDirty: z.boolean().optional(),
  trust: z.boolean().optional(),
  /** What tasks start from stays what the last `up` found. */
  keepBase: z.boolean().optional(),
});

export const downBody = z.strictObject({
  purge: z.boolean().default(false),
  /** Work that lies in the worktrees is moved to checkpoints; without it such a worktree is kept. */
  force: z.boolean().default(false),
});
export const removeBody = z.strictObject({ force: z.boolean().default(false) });
export const checkpointBody = z.strictObject({ reason: z.string().max(500).default('by hand') });
export const rollbackBody = z.strictObject({
  n: z.number().int().positive(),
  filesOnly: z.boolean().default(false),
  hold: z.boolean().default(false),
});
export const messageBody = z.strictObject({ text: z.string().min(1).max(100_000) });
export const answerBody = z.strictObject({
  needsYou: z.string().optional(),
  decision: z.enum(['allow', 'deny', 'text']),
  text: z.string().max(100_000).optional(),
});
export const mergeBody = z.strictObject({ into: z.string().min(1).optional() });

export const taskBody = z.strictObject({
  title: z.string().trim().min(1).max(500),
  prompt: z.string().max(1_000_000).optional(),
  command: z.array(z.string()).min(1).max(1_000).optional(),
  priority: z.enum(PRIORITIES).default('normal'),
  after: z.array(z.string()).max(1_000).default([]),
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

export const tasksBody = z.union([taskBody, z.strictObject({ tasks: z.array(taskBody).min(1).max(10_000) })]);

export const taskQuery = z.strictObject({
  state: z.enum(TASK_STATES).optional(),
  limit: z.coerce.number().int().min(1).max(100_000).optional(),
});

export const EVENT_PAGE_LIMIT = 1_000;

/** One page of what happened: events with a greater id than `after`, oldest first. */
export const eventQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(EVENT_PAGE_LIMIT).default(EVENT_PAGE_LIMIT),
});

export const emptyBody = z.strictObject({}).optional();
