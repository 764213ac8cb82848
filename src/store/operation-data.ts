import * as z from 'zod';
import { AGENT_KINDS } from '../domain/agent.ts';

/** A point in a conversation; `uuid`: that of its last line, null before the first. */
const point = z.object({ sessionId: z.string(), uuid: z.string().nullable() });
/** A branch and its tip. */
const tip = z.object({ branch: z.string(), commit: z.string() });
/** A task with which an agent goes on, and the conversation of it. */
const rests = z.object({ task: z.string(), sessionId: z.string().nullable() }).nullable();

const rollback = z.object({
  n: z.number(),
  /**
   * Stored step by step, so that the next start can end it whatever was killed. `begun`: nothing was changed.
   * `restoring`: the files before are in checkpoint `safety`, those on disk may be half changed. `restored`: the files
   * are as wanted, the conversation is not yet.
   */
  step: z.enum(['begun', 'restoring', 'restored']),
  filesOnly: z.boolean(),
  hold: z.boolean(),
  safety: z.number().nullable(),
  changed: z.array(z.string()),
  warnings: z.array(z.string()),
  /** The conversation before; null: the agent had none. */
  from: point.nullable(),
  /** The conversation to restore instead of that of checkpoint `n`: the one before an undone rollback. */
  to: point.nullable(),
  /** Session of the conversation that is cut, chosen before so that a repeated step gives the same one. */
  cutInto: z.string(),
  /** The tip of the branch of checkpoint `n` before, where that branch was not the one in hand. */
  beside: tip.nullable().exactOptional(),
  /** For an undo: the rollback that becomes undone when this one is done. */
  undoes: z
    .object({
      /** The operation that becomes undone. */
      operation: z.number(),
      /** A branch that the rollback moved: its tip before, and where it was left; null: none. */
      branch: z.object({ tip, left: z.string() }).nullable(),
      /** The task with which its agent would have gone on before the rollback. */
      rests: rests.exactOptional(),
    })
    .exactOptional(),
  /** The task that was in hand. */
  task: z.string().nullable(),
  /** Without a task in hand: the one with which the agent will go on. */
  rests: rests.exactOptional(),
  /** Set by swarm's own rollback, which begins a new conversation with this text; absent: a person ordered it. */
  why: z.string().exactOptional(),
  /** The decision about the conversation; absent until then. */
  how: z.enum(['none', 'kept', 'cut', 'fresh']).exactOptional(),
});

/** `before` and `after` are commits of the branch `into`. */
const merge = z.object({ task: z.string(), into: z.string(), before: z.string(), after: z.string() });

const usage = z.object({
  costUsd: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cacheReadTokens: z.number(),
  cacheCreationTokens: z.number(),
});

/** The data with which a removed agent is restored. */
export const removedAgentSchema = z.object({
  /** Its row of `AgentTable`. */
  row: z.object({
    id: z.string(),
    role: z.string(),
    kind: z.enum(AGENT_KINDS),
    desired: z.enum(['up', 'paused', 'stopped']),
    spec: z.unknown(),
    sessionId: z.string().nullable(),
    restarts: z.number(),
    checkpoint: z.number().nullable(),
    usage,
    createdAt: z.number(),
  }),
  /** The worktrees of its further slots, then its own. */
  worktrees: z.array(z.object({ path: z.string(), checkpoint: z.number().nullable() })),
});

/**
 * The data with which an operation of each kind is ended, or undone. Version 0.1.0 writes all of these: a field that is
 * added later must be optional, so that what is there stays readable.
 */
export const OPERATIONS = { rollback, merge, rm: removedAgentSchema, purge: removedAgentSchema } as const;

export type OperationKind = keyof typeof OPERATIONS;
export type OperationData<Kind extends OperationKind> = z.infer<(typeof OPERATIONS)[Kind]>;
