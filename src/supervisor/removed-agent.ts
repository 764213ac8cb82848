import { readFile, rm } from 'node:fs/promises';
import type { ProjectLayout } from '../domain/layout.ts';
import type { AgentRecord as StoredAgent } from '../store/agents.ts';
import type { Store } from '../store/store.ts';

/** What brings a removed agent back: kept with the operation that removed it. */
export interface RemovedAgent {
  /** As the store knew it. */
  row: StoredAgent;
  /** Those of its further slots, then its own. */
  worktrees: { path: string; checkpoint: number | null }[];
}

/** Takes over what an earlier `down --purge` left beside the state directory, so that it can be taken back. */
export async function recallPurged({ purgedFile }: Pick<ProjectLayout, 'purgedFile'>, store: Store): Promise<void> {
  let text: string;
  try {
    text = await readFile(purgedFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const agents = JSON.parse(text) as RemovedAgent[];
  await store.write(() => {
    for (const agent of agents) store.operations.begin('purge', agent.row.id, agent, 'done');
  });
  await rm(purgedFile, { force: true });
}
