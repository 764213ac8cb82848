import * as z from 'zod';
import { AGENT_KINDS } from './agent.ts';
import { ATTEMPT_OUTCOMES, ERROR_CLASSES, FAILURE_POLICIES, PRIORITIES, TASK_STATES } from './task.ts';

const time = z.string().describe('ISO 8601');
const text = z.string().nullable();
const number = z.number().nullable();
const usd = z.number().min(0).describe('USD');

const attempt = z.object({
  n: z.number(),
  agent: z.string(),
  startedAt: time,
  endedAt: text.describe('ISO 8601'),
  outcome: z.enum(ATTEMPT_OUTCOMES).nullable(),
  errorClass: z.enum(ERROR_CLASSES).nullable(),
  error: text,
  sessionId: text,
});
export type Attempt = z.infer<typeof attempt>;

const notes = z.array(z.string()).describe('What the result does not hold, or what is odd about it: sentences.');
const result = z.object({ summary: z.string(), commit: text, branch: text, costUsd: usd, notes });
export type TaskResultSummary = z.infer<typeof result>;

/**
 * A task as `task show` prints it and `/v1/tasks/:id` answers it. Its reason reads like "waits for t1, t2", "retry in
 * 12 s after: …".
 */
export const task = z.object({
  id: z.string(),
  title: z.string(),
  kind: z.enum(AGENT_KINDS),
  state: z.enum(TASK_STATES),
  reason: text.describe('Why it is where it is, for a person.'),
  priority: z.enum(PRIORITIES),
  prompt: text,
  command: z.array(z.string()).nullable(),
  after: z.array(z.string()),
  onFailure: z
    .record(z.string(), z.enum(FAILURE_POLICIES).exclude(['block']))
    .optional()
    .describe('Of the tasks in `after` for which it does not wait when they fail.'),
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
  result: result.nullable(),
});
export type Task = z.infer<typeof task>;
