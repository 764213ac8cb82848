import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { worktreeGitDir } from '../git/repository/operations.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';

const FILE = 'swarm-setup.json';

const recordSchema = z.object({
  v: z.literal(1),
  /** Digest of settings and sources (see setup-sources.ts). */
  hash: z.string(),
  /** `running`, with no set-up at work: it was interrupted. */
  state: z.enum(['running', 'done', 'failed']),
  at: z.string(),
  /** Why it failed. */
  detail: z.string().nullable(),
  /** Links that the set-up made. */
  links: z.array(z.string()),
  /** Paths copied and linked ever since this worktree was made: never to be committed. */
  brought: z.array(z.string()),
  /** Files that the commands made and git does not ignore: they are no task's work either. */
  made: z.array(z.string()),
});
export type SetupNote = z.infer<typeof recordSchema>;

/** Reads the note. Null: nothing was set up there yet. */
export function readSetupNote(worktree: string): SetupNote | null {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path.join(worktreeGitDir(worktree), FILE), 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    // Damaged, or of another version: the worktree is set up anew.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}

/**
 * Writes the note into the worktree's own git directory, so that it can never speak of another worktree at the same
 * place.
 */
export async function writeSetupNote(worktree: string, record: SetupNote): Promise<void> {
  await writeFileAtomic(path.join(worktreeGitDir(worktree), FILE), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}
