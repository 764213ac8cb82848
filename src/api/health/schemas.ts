import * as z from 'zod';
import { AGENT_STATUSES } from '../../domain/agent.ts';
import { text, time } from '../contract/words.ts';

/** Why an agent has its status: what is known of it, how old that is in ms, and the rule that fired. */
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

/** What an agent's status was in the last 24 hours. */
export const history = z.object({
  agent: z.string(),
  from: time.describe('ISO 8601; since when something is known'),
  to: time,
  intervals: z.array(z.object({ status: z.enum(AGENT_STATUSES), reason: text, since: time, ms: z.number() })),
  lasted: z.partialRecord(z.enum(AGENT_STATUSES), z.number()).describe('ms in each status'),
});
export type HistoryDocument = z.infer<typeof history>;
