import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';

/** In the worktree's own git directory, where nothing that works on files comes by. */
const FILE = 'swarm-task';

/** What was begun in a worktree that was prepared for it, as its wrapper knew it when it said the first word. */
export interface BegunTask {
  task: string;
  /** The newest attempt at it here; 0: a rollback set the worktree back to it, or nobody noted it. */
  attempt: number;
  /** The conversation that it was in last; null: none, or not the one to go on in. */
  sessionId: string | null;
}

/**
 * Null: nothing is begun, or its first word is still to come. Only where a task is begun may an attempt at it go on:
 * anywhere else its commits would land on the branch of another one, and before its first word the conversation in hand
 * is that of another one.
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

/** What goes on there does so in another conversation. */
export async function forgetSession(gitDir: string): Promise<void> {
  const begun = await readBegunTask(gitDir);
  if (begun !== null) await writeBegunTask(gitDir, { ...begun, sessionId: null });
}
