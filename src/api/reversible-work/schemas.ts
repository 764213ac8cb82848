import * as z from 'zod';
import { number, text, time } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { workRoutes } from './routes.ts';

/** `cut`: back at the same point, in another session. `fresh`: begun anew. `kept`: unchanged. */
const how = z.enum(['cut', 'fresh', 'kept', 'none']);
const fromTo = z.object({ from: text, to: text });

export const rollback = z.object({
  agent: z.string(),
  n: z.number(),
  safety: z.number().describe('The checkpoint of what was there before.'),
  changed: z.array(z.string()),
  warnings: z.array(z.string()),
  conversation: z.object({
    how,
    session: text,
    before: text.describe('The earlier conversation, which still exists.'),
    why: text,
  }),
  /** The task with which it goes on. */
  task: text,
  /** It waits for `resume`. */
  held: z.boolean(),
});
export type RollbackDocument = z.infer<typeof rollback>;

/** The changes that a rollback would make; the patch is from the present files to the checkpoint. */
export const rollbackPlan = z.object({
  agent: z.string(),
  n: z.number(),
  at: time,
  reason: z.string(),
  files: z.array(z.object({ path: z.string(), added: number, removed: number })),
  head: fromTo,
  branch: fromTo,
  conversation: z.object({ how, why: text }),
  task: text,
  patch: z.string(),
});
export type RollbackPlanDocument = z.infer<typeof rollbackPlan>;

/** The operation that was undone, and when it had been done. */
export const undo = z.object({
  agent: z.string(),
  kind: z.enum(['rollback', 'merge', 'rm', 'purge']),
  at: time,
  rollback: rollback.nullable(),
  merge: z.object({ task: z.string(), into: z.string(), before: z.string(), after: z.string() }).nullable(),
  restored: z.object({ worktree: z.string(), checkpoint: number }).nullable(),
});
export type UndoDocument = z.infer<typeof undo>;

/** Path of its worktree, and the checkpoint with the files that were in it; null: the worktree was gone already. */
export const removed = z.object({ agent: z.string(), worktree: z.string(), checkpoint: number });
export type RemovedDocument = z.infer<typeof removed>;

export const rollbackBody = z.strictObject({
  n: z.number().int().positive(),
  /** The conversation is not rolled back. */
  filesOnly: z.boolean().default(false),
  /** The agent waits afterwards. */
  hold: z.boolean().default(false),
});
export type RollbackRequest = z.infer<typeof rollbackBody>;

export const removeBody = z.strictObject({ force: z.boolean().default(false) });

export const workSchemas = {
  rollback: { takes: rollbackBody, answers: rollback },
  plan: { takes: rollbackBody, answers: rollbackPlan },
  undo: { answers: undo },
  remove: { takes: removeBody, answers: removed },
} satisfies Schemas<typeof workRoutes>;

export interface WorkService extends ServiceOf<typeof workRoutes, typeof workSchemas> {}
export interface WorkClient extends ClientOf<typeof workRoutes, typeof workSchemas> {}
