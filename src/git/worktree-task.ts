import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** In the worktree's own git directory, where nothing that works on files comes by. */
const FILE = 'swarm-task';

/**
 * The task whose first word was said in a worktree that was prepared for it; null: none, or that is still to come. Only
 * there may an attempt at that task go on: anywhere else its commits would land on the branch of another one, and before
 * its first word the conversation in hand is that of another one.
 */
export async function readWorktreeTask(gitDir: string): Promise<string | null> {
  try {
    return (await readFile(path.join(gitDir, FILE), 'utf8')).trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function writeWorktreeTask(gitDir: string, task: string | null): Promise<void> {
  const file = path.join(gitDir, FILE);
  if (task === null) return await rm(file, { force: true });
  const young = `${file}.new`;
  await writeFile(young, `${task}\n`);
  await rename(young, file);
}
