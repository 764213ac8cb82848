import * as z from 'zod';

export const HOLD_KINDS = ['rate-limit', 'auth', 'overload', 'budget', 'mass-death'] as const;
export type HoldKind = (typeof HOLD_KINDS)[number];

/** Whether an agent may ask the model: what the supervisor knows of the account that all of them share. Level-triggered. */
export const modelPermitSchema = z.object({
  /** Null: it may. A probe finds out for all, so it may too. */
  hold: z.object({ kind: z.enum(HOLD_KINDS), until: z.string().nullable(), detail: z.string() }).nullable(),
  /** A turn under way ends at its next tool edge, before it asks again; else it goes on while it succeeds. */
  stops: z.boolean(),
  /** May, and yet waits so long, ms: not all at the same moment. */
  afterMs: z.number().nonnegative(),
  /** The wrapper's own total at which the fleet's budget is spent, USD; null: no budget. */
  costLimitUsd: z.number().nullable(),
  /** How many failures of this wrapper's snapshot (`api.failures`) this takes account of. */
  heard: z.number().int().nonnegative(),
});
export type ModelPermit = z.infer<typeof modelPermitSchema>;

/** How the model answers this wrapper. */
export const apiFactsSchema = z.object({
  /** Turns that the API failed, after Claude Code's own retries. */
  failures: z.number().int().nonnegative(),
  /** Of the last one. `error` is Claude Code's word. */
  failed: z.object({ error: z.string(), details: z.string().nullable(), at: z.string() }).nullable(),
  answeredAt: z.string().nullable(),
  /** When the limit that is used up is given anew, from Claude Code's own status line. */
  resetsAt: z.string().nullable(),
  /** The limit of the subscription that is used most, from there too; 0–100, and whole. */
  limit: z.object({ usedPercent: z.number(), resetsAt: z.string() }).nullable().default(null),
});
export type ApiFacts = z.infer<typeof apiFactsSchema>;
