import type { Config } from '../config/index.ts';
import type { WorktreeSetup } from '../coordination/link.ts';

/** The settings of the set-up, taken from the config. */
export function setupSettings({ copy, link, setup, setupTimeout }: Config['worktree']): WorktreeSetup {
  return { copy, link, commands: setup, timeoutMs: setupTimeout };
}
