import * as z from 'zod';
import type { ClaudeEvent } from './events.ts';

const limitSchema = z.looseObject({ used_percentage: z.number().nullish(), resets_at: z.number().nullish() }).nullish();

const schema = z.looseObject({
  session_id: z.string().default(''),
  cost: z.looseObject({ total_cost_usd: z.number().nullish() }).nullish(),
  context_window: z.looseObject({ used_percentage: z.number().nullish() }).nullish(),
  // Only with a subscription, and not before its first answer.
  rate_limits: z.looseObject({ five_hour: limitSchema, seven_day: limitSchema }).nullish().catch(null),
});

/** Reads the input of a status line command. Pure. Throws a ZodError for any other input. */
export function readStatusLine(raw: unknown, at: string): Extract<ClaudeEvent, { type: 'status-line' }> {
  const status = schema.parse(raw);
  return {
    type: 'status-line',
    sessionId: status.session_id,
    at,
    costUsd: status.cost?.total_cost_usd ?? null,
    contextPercent: status.context_window?.used_percentage ?? null,
    resetsAt: resetOf(status.rate_limits),
    limit: fullestOf(status.rate_limits),
  };
}

/** The most used limit, in whole percents, since smaller changes are no news. */
function fullestOf(limits: z.infer<typeof schema>['rate_limits']): { usedPercent: number; resetsAt: number } | null {
  const uses = [limits?.five_hour, limits?.seven_day].flatMap((limit) => {
    const { used_percentage: used, resets_at: resets } = limit ?? {};
    if (typeof used !== 'number' || typeof resets !== 'number' || resets <= 0) return [];
    return [{ usedPercent: Math.max(0, Math.floor(used)), resetsAt: resets * 1_000 }];
  });
  return uses.toSorted((a, b) => a.usedPercent - b.usedPercent).at(-1) ?? null;
}

/** Of the used-up limits the end of the one that lasts longest, epoch ms. */
function resetOf(limits: z.infer<typeof schema>['rate_limits']): number | null {
  const spent = [limits?.five_hour, limits?.seven_day].filter((limit) => (limit?.used_percentage ?? 0) >= 100);
  const times = spent.map((limit) => limit?.resets_at ?? 0).filter((seconds) => seconds > 0);
  return times.length === 0 ? null : Math.max(...times) * 1_000;
}
