import type { Config } from '../config/index.ts';
import type { WorktreeSetup } from '../coordination/link.ts';

/** The set-up of a worktree in the words of those who carry it out. */
export function setupSettings({ copy, link, setup, setupTimeout }: Config['worktree']): WorktreeSetup {
  return { copy, link, commands: setup, timeoutMs: setupTimeout };
}
