import * as z from 'zod';
import type { ClaudeEvent } from './events.ts';

const schema = z.looseObject({
  session_id: z.string().default(''),
  cost: z.looseObject({ total_cost_usd: z.number().nullish() }).nullish(),
  context_window: z.looseObject({ used_percentage: z.number().nullish() }).nullish(),
});

/** Pure: what Claude Code pipes into a status line command. Throws a ZodError where it is something else. */
export function readStatusLine(raw: unknown, at: string): Extract<ClaudeEvent, { type: 'status-line' }> {
  const status = schema.parse(raw);
  return {
    type: 'status-line',
    sessionId: status.session_id,
    at,
    costUsd: status.cost?.total_cost_usd ?? null,
    contextPercent: status.context_window?.used_percentage ?? null,
  };
}
