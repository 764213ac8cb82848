import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';

/** In the worktree's own git directory, where no program that works on the files comes. */
const FILE = 'swarm-task';

/** The task that was begun in a worktree, noted by the wrapper when the first prompt was said. */
export interface BegunTask {
  task: string;
  /** The newest attempt at it here; 0: a rollback set the worktree back to the task, or no attempt was noted. */
  attempt: number;
  /** The conversation of that attempt; null: none, or one that must not be resumed. */
  sessionId: string | null;
}

/**
 * Reads the task that was begun in the worktree. Null: none, or its first prompt is still to come. Only where a task is
 * begun may an attempt at it go on: in any other worktree its commits would land on another task's branch, and before
 * its first prompt the conversation in hand is another task's.
 */
export async function readBegunTask(gitDir: string): Promise<BegunTask | null> {
  try {
    const [task, attempt, sessionId] = (await readFile(path.join(gitDir, FILE), 'utf8')).trim().split(' ');
    if (task === undefined || task === '') return null;
    return { task, attempt: Number(attempt ?? 0), sessionId: sessionId ?? null };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function writeBegunTask(gitDir: string, begun: BegunTask | null): Promise<void> {
  const file = path.join(gitDir, FILE);
  if (begun === null) return await rm(file, { force: true });
  const { task, attempt, sessionId } = begun;
  await writeFileAtomic(file, `${[task, attempt, ...(sessionId === null ? [] : [sessionId])].join(' ')}\n`);
}

/** Forgets the conversation, so that the task goes on in another one. */
export async function forgetSession(gitDir: string): Promise<void> {
  const begun = await readBegunTask(gitDir);
  if (begun !== null) await writeBegunTask(gitDir, { ...begun, sessionId: null });
}
