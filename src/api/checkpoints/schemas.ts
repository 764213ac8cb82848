import * as z from 'zod';

/** The documents of the checkpoint verbs, for programs that read them. */
const time = z.string().describe('ISO 8601');
const text = z.string().nullable();

export const checkpointShape = {
  agent: z.string(),
  n: z.number(),
  ref: z.string(),
  commit: z.string(),
  tree: z.string(),
  at: time,
  reason: z.string(),
  task: text,
  attempt: z.number().nullable(),
  sessionId: text,
  transcriptUuid: text.describe('The last entry of the conversation at that moment.'),
  head: text,
  branch: text,
  files: z.number().describe('Files that differ from the checkpoint before.'),
  pinned: z.boolean(),
  warnings: z.array(z.string()).describe('What it does not hold, and what a person should know of what it does.'),
};

const changed = z.array(
  z.object({
    path: z.string(),
    added: z.number().nullable().describe('Lines; null for a binary file.'),
    removed: z.number().nullable(),
  }),
);
const numbered = z.object({ agent: z.string(), n: z.number() });

export const checkpointSchemas = {
  checkpoint: z.object(checkpointShape),
  'checkpoint-show': z.object({
    ...checkpointShape,
    since: z.number().nullable().describe('The checkpoint before; null: counted from HEAD.'),
    changed,
    operationFiles: z.array(z.string()).describe('Of an unfinished merge, rebase, cherry-pick or revert.'),
    emptyDirectories: z.array(z.string()),
  }),
  'checkpoint-diff': z.object({
    agent: z.string(),
    from: z.number(),
    to: z.number().nullable().describe('Null: the worktree as it is now.'),
    changed,
    patch: z.string(),
  }),
  'checkpoint-restore': z.object({
    agent: z.string(),
    n: z.number(),
    safety: z.number().describe('The checkpoint taken of what was there before.'),
    changed: z.array(z.string()),
  }),
  'checkpoint-branch': z.object({ agent: z.string(), n: z.number(), branch: z.string(), commit: z.string() }),
  'checkpoint-prune': z.object({
    dryRun: z.boolean(),
    removed: z.array(z.object({ agent: z.string(), n: z.number(), at: time, reason: z.string() })),
    kept: z.number(),
  }),
  'checkpoint-drop': z.object({
    agent: z.string(),
    dropped: z.array(z.number()),
    purged: z
      .object({
        objects: z.number().describe('Objects that are gone from the repository.'),
        stillHeld: z.array(z.object({ path: z.string(), checkpoints: z.array(numbered) })),
        remaining: z.array(z.string()).describe('Why objects are there all the same.'),
      })
      .nullable(),
  }),
} as const;
