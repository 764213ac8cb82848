import * as z from 'zod';
import { number, text, time } from '../contract/words.ts';
import type { ClientOf, Schemas, ServiceOf } from '../contract/calls.ts';
import type { checkpointRoutes } from './routes.ts';

const shape = {
  agent: z.string(),
  n: z.number(),
  ref: z.string(),
  commit: z.string(),
  tree: z.string(),
  at: time,
  reason: z.string(),
  task: text,
  attempt: number,
  sessionId: text,
  transcriptUuid: text.describe('The last entry of the conversation at that moment.'),
  head: text,
  branch: text,
  files: z.number().describe('Files that differ from the checkpoint before.'),
  pinned: z.boolean(),
  warnings: z.array(z.string()).describe('What it does not hold, and what a person should know of what it does.'),
};

const fileChange = z.object({
  path: z.string(),
  added: number.describe('Lines; null for a binary file.'),
  removed: number,
});
export type FileChange = z.infer<typeof fileChange>;

const changed = z.array(fileChange);
const numbered = z.object({ agent: z.string(), n: z.number() });

export const checkpoint = z.object(shape);
export type CheckpointDocument = z.infer<typeof checkpoint>;

export const checkpointShow = z.object({
  ...shape,
  since: number.describe('The checkpoint before; null: counted from HEAD.'),
  changed,
  operationFiles: z.array(z.string()).describe('Of an unfinished merge, rebase, cherry-pick or revert.'),
  emptyDirectories: z.array(z.string()),
});
export type CheckpointShowDocument = z.infer<typeof checkpointShow>;

export const checkpointDiff = z.object({
  agent: z.string(),
  from: z.number(),
  to: number.describe('Null: the worktree as it is now.'),
  changed,
  patch: z.string(),
});
export type CheckpointDiffDocument = z.infer<typeof checkpointDiff>;

export const checkpointRestore = z.object({
  agent: z.string(),
  n: z.number(),
  safety: z.number().describe('The checkpoint taken of what was there before.'),
  changed: z.array(z.string()),
});
export type CheckpointRestoreDocument = z.infer<typeof checkpointRestore>;

export const checkpointBranch = z.object({ agent: z.string(), n: z.number(), branch: z.string(), commit: z.string() });
export type CheckpointBranchDocument = z.infer<typeof checkpointBranch>;

export const checkpointPrune = z.object({
  dryRun: z.boolean(),
  removed: z.array(z.object({ agent: z.string(), n: z.number(), at: time, reason: z.string() })),
  kept: z.number(),
});
export type CheckpointPruneDocument = z.infer<typeof checkpointPrune>;

export const checkpointDrop = z.object({
  agent: z.string(),
  dropped: z.array(z.number()),
  /** Null without --purge. */
  purged: z
    .object({
      objects: z.number().describe('Objects that are gone from the repository.'),
      stillHeld: z.array(z.object({ path: z.string(), checkpoints: z.array(numbered) })),
      remaining: z.array(z.string()).describe('Why objects are there all the same.'),
    })
    .nullable(),
});
export type CheckpointDropDocument = z.infer<typeof checkpointDrop>;

const n = z.number().int().positive();

export const takeBody = z.strictObject({ reason: z.string().max(500).default('by hand') });
export const diffQuery = z.strictObject({ to: z.coerce.number().int().positive().optional() });
export const restoreBody = z.strictObject({ paths: z.array(z.string().min(1)).min(1).max(10_000) });
export const branchBody = z.strictObject({ name: z.string().min(1).max(250) });
export const pinBody = z.strictObject({ pinned: z.boolean().default(true) });
export const pruneBody = z.strictObject({ agent: z.string().optional(), dryRun: z.boolean().default(false) });
export const dropBody = z.strictObject({ numbers: z.array(n).min(1).max(10_000), purge: z.boolean().default(false) });

export const checkpointSchemas = {
  take: { takes: takeBody, answers: checkpoint },
  all: { answers: z.array(checkpoint) },
  list: { answers: z.array(checkpoint) },
  show: { answers: checkpointShow },
  diff: { takes: diffQuery, answers: checkpointDiff },
  restore: { takes: restoreBody, answers: checkpointRestore },
  branch: { takes: branchBody, answers: checkpointBranch },
  pin: { takes: pinBody, answers: checkpoint },
  drop: { takes: dropBody, answers: checkpointDrop },
  prune: { takes: pruneBody, answers: checkpointPrune },
} satisfies Schemas<typeof checkpointRoutes>;

export interface CheckpointsService extends ServiceOf<typeof checkpointRoutes, typeof checkpointSchemas> {}
export interface CheckpointsClient extends ClientOf<typeof checkpointRoutes, typeof checkpointSchemas> {}
