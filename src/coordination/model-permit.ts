import * as z from 'zod';

export const HOLD_KINDS = ['rate-limit', 'auth', 'overload', 'budget', 'mass-death'] as const;
export type HoldKind = (typeof HOLD_KINDS)[number];

/**
 * Whether an agent may ask the model: what the supervisor knows of the account that all agents share. Level-triggered.
 */
export const modelPermitSchema = z.object({
  /** Null: the agent may ask. So may the probe, which finds out for all agents. */
  hold: z.object({ kind: z.enum(HOLD_KINDS), until: z.string().nullable(), detail: z.string() }).nullable(),
  /** A turn under way ends at its next tool edge, before it asks again; otherwise it goes on while it succeeds. */
  stops: z.boolean(),
  /** The agent may ask after this delay, ms, so that not all agents begin at the same moment. */
  afterMs: z.number().nonnegative(),
  /** The wrapper's total at which the fleet's budget is spent, USD; null: no budget. */
  costLimitUsd: z.number().nullable(),
  /** Number of failures of this wrapper (`api.failures`) that the permit takes account of. */
  heard: z.number().int().nonnegative(),
});
export type ModelPermit = z.infer<typeof modelPermitSchema>;

/** How the model's API answers this wrapper. */
export const apiFactsSchema = z.object({
  /** Turns that failed by the API, after Claude Code's own retries. */
  failures: z.number().int().nonnegative(),
  /** The last such failure. `error` is Claude Code's word. */
  failed: z.object({ error: z.string(), details: z.string().nullable(), at: z.string() }).nullable(),
  answeredAt: z.string().nullable(),
  /** When a used-up limit is renewed, from Claude Code's status line. */
  resetsAt: z.string().nullable(),
  /** The most used limit of the subscription, from there too; 0–100, and whole. */
  limit: z.object({ usedPercent: z.number(), resetsAt: z.string() }).nullable().default(null),
});
export type ApiFacts = z.infer<typeof apiFactsSchema>;
