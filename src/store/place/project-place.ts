import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { nameOfBare, projectLayout, safeName, type LayoutInput, type ProjectLayout } from '../../domain/layout.ts';
import { belongingOf } from './belonging.ts';
import { readRecord, type ProjectRecord } from './project-record.ts';
import { withStateInUse } from './state-place.ts';

/** A repository as it is called in one of its worktrees. */
export interface CalledIn extends LayoutInput {
  /** Without a main worktree: `root` is the worktree that swarm is called in, or the repository itself outside of all. */
  bare: boolean;
}

/**
 * The layout of a project with its state directory in use. A bare repository has one root too, whichever of its
 * worktrees swarm is called in: the one that the first `up` was called in, for as long as it is there.
 */
export async function layoutInUse(called: CalledIn): Promise<ProjectLayout> {
  if (!called.bare) return withPlacesOf(await withStateInUse(projectLayout(called)));
  const layout = await withStateInUse(projectLayout({ ...called, name: nameOfBare(called.gitCommonDir) }));
  const record = readRecord(layout.recordFile);
  const root = rootOfBare(layout, record, worktreesOf(called.gitCommonDir));
  // Agents' worktrees stay where they are, even if the root has to be another one.
  return { ...layout, root, worktreesDir: called.worktreesDir ?? record?.worktreesDir ?? `${root}.swarm` };
}

/** Agents' worktrees stay where they are when the repository is renamed. */
function withPlacesOf(layout: ProjectLayout): ProjectLayout {
  const record = readRecord(layout.recordFile);
  if (record === null || belongingOf(layout).kind === 'foreign') return layout;
  return { ...layout, worktreesDir: record.worktreesDir };
}

/** Pure. @param worktrees those that exist */
export function rootOfBare(
  { root, stateDir, hash }: Pick<ProjectLayout, 'root' | 'stateDir' | 'hash'>,
  record: Pick<ProjectRecord, 'root'> | null,
  worktrees: readonly string[],
): string {
  if (record !== null) return worktrees.includes(record.root) ? record.root : root;
  // 0.1.0 wrote no record: its state directory is called after the worktree.
  const [first, second] = worktrees.filter((place) => `${safeName(place)}-${hash}` === path.basename(stateDir));
  return second === undefined ? (first ?? root) : root;
}

/** The linked worktrees that exist, by the files that git keeps of them: every verb would wait for git itself. */
function worktreesOf(gitCommonDir: string): string[] {
  const kept = path.join(gitCommonDir, 'worktrees');
  if (!existsSync(kept)) return [];
  return readdirSync(kept).flatMap((name) => {
    const place = path.join(kept, name);
    try {
      const dotGit = path.resolve(place, readFileSync(path.join(place, 'gitdir'), 'utf8').trim());
      return [path.dirname(realpathSync(dotGit))];
    } catch {
      // The worktree is gone, or not made yet.
      return [];
    }
  });
}
