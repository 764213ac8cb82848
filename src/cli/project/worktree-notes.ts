import { existsSync } from 'node:fs';
import path from 'node:path';
import { findSources } from '../../worktree/setup-sources.ts';
import { CONFIG_FILE, type Config } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { untrackedBelow } from '../../git/repository/untracked.ts';
import { setupSettings } from '../../worktree/setup-settings.ts';
import type { Context } from './context.ts';
import { namedProblems } from './named-programs.ts';

/** Files that tests and programs most often need and git does not bring. */
const OFTEN_NEEDED = ['.env', '.env.*', 'node_modules', '.venv', 'venv', 'vendor', 'CLAUDE.local.md', '.claude'];

/**
 * Notes such files where the person has not decided yet what worktrees get: their lack is usually the first trouble
 * there.
 */
export async function noteLacking(
  { output }: Context,
  { root, worktreesDir }: ProjectLayout,
  { copy, link, setup }: Config['worktree'],
): Promise<void> {
  if (copy.length + link.length + setup.length > 0) return;
  // A person who has a swarm.yaml and configures none of it may know what they do.
  if (existsSync(path.join(root, CONFIG_FILE)) && existsSync(worktreesDir)) return;
  const lacking = await untrackedBelow(root, OFTEN_NEEDED);
  if (lacking.length === 0) return;
  output.note(
    `note: the agents' worktrees will lack ${lacking.join(', ')}, which git does not track; \`swarm init\` proposes the cure (worktree.copy, link, setup)`,
  );
}

/**
 * Notes programs that would be missing later. Missing ones of a set-up are reported by the agents at once; a program of
 * the repository may be made in the worktrees alone.
 */
export function notePrograms({ output, env }: Context, { root }: ProjectLayout, config: Config): void {
  for (const { key, program, problem, cause } of namedProblems(config, root, env)) {
    if (key === 'worktree.setup' || (program.includes('/') && !path.isAbsolute(program))) continue;
    output.note(`note: ${key}: ${problem.message}. ${cause} ${problem.hint ?? ''}`);
  }
}

/** Notes entries of worktree.copy and worktree.link that match no file, most often by a slip. */
export async function noteMissing(
  { output }: Context,
  { root, worktreesDir }: ProjectLayout,
  worktree: Config['worktree'],
): Promise<void> {
  const { missing } = await findSources(root, worktreesDir, setupSettings(worktree));
  for (const text of missing) output.note(`note: worktree.${text}`);
}
