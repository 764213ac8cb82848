import * as z from 'zod';
import { AGENT_KINDS, AGENT_STATUSES, NEEDS_YOU_KINDS } from '../../domain/agent.ts';
import { number, text, time, usd } from '../contract/words.ts';

export const agent = z.object({
  id: z.string(),
  role: z.string(),
  kind: z.enum(AGENT_KINDS),
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
export type Agent = z.infer<typeof agent>;

/** One thing that waits for a person. Its id is unique within the agent while it is open. */
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

export const answerBody = z.strictObject({
  needsYou: z.string().optional(),
  decision: z.enum(['allow', 'deny', 'text']),
  text: z.string().max(100_000).optional(),
});
export type AnswerRequest = z.infer<typeof answerBody>;
