import * as z from 'zod';
import { AGENT_KINDS, AGENT_STATUSES, NEEDS_YOU_KINDS, PERMISSION_MODES } from '../../domain/agent.ts';
import { number, text, time, usd } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { agentRoutes } from './routes.ts';

export const agent = z.object({
  id: z.string(),
  role: z.string(),
  kind: z.enum(AGENT_KINDS),
  status: z.enum(AGENT_STATUSES),
  since: time,
  reason: text.describe('Why this status, for a person.'),
  permissionMode: z
    .enum(PERMISSION_MODES)
    .exactOptional()
    .describe('With which Claude Code is started; absent of kind shell, and before the first start.'),
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
export type Agent = z.infer<typeof agent>;

/** A question that waits for a person. Its id is unique within the agent while it is open. */
export const needsYou = z.object({
  id: z.string(),
  agent: z.string(),
  kind: z.enum(NEEDS_YOU_KINDS),
  text: z.string(),
  task: text,
  tool: z.string().optional(),
  input: z.unknown().optional(),
  since: time,
});
export type NeedsYou = z.infer<typeof needsYou>;

/** Why an agent has its status: the known facts with their age in ms, and the rule that fired. */
export const explain = z.object({
  agent: z.string(),
  status: z.enum(AGENT_STATUSES),
  since: time,
  rule: z.string().describe('Name of the rule that fired.'),
  reason: text,
  until: text.describe('ISO 8601: when a hold or a backoff ends.'),
  facts: z.array(z.object({ fact: z.string(), value: z.string(), ageMs: z.number().nullable() })),
});
export type ExplainDocument = z.infer<typeof explain>;

/** An agent's statuses in the last 24 hours. */
export const history = z.object({
  agent: z.string(),
  from: time.describe('ISO 8601; since when something is known'),
  to: time,
  intervals: z.array(z.object({ status: z.enum(AGENT_STATUSES), reason: text, since: time, ms: z.number() })),
  lasted: z.partialRecord(z.enum(AGENT_STATUSES), z.number()).describe('ms in each status'),
});
export type HistoryDocument = z.infer<typeof history>;

export const answerBody = z.strictObject({
  needsYou: z.string().optional(),
  decision: z.enum(['allow', 'deny', 'text']),
  text: z.string().max(100_000).optional(),
});
export type AnswerRequest = z.infer<typeof answerBody>;

export const agentSchemas = {
  list: { answers: z.array(agent) },
  show: { answers: agent },
  explain: { answers: explain },
  history: { answers: history },
  resume: { answers: agent },
  pause: { answers: agent },
  stop: { answers: agent },
  restart: { answers: agent },
  answer: { takes: answerBody },
} satisfies Schemas<typeof agentRoutes>;

export interface AgentsService extends ServiceOf<typeof agentRoutes, typeof agentSchemas> {}
export interface AgentsClient extends ClientOf<typeof agentRoutes, typeof agentSchemas> {}
