import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * The places where this repository was before its folder was renamed, by what its linked worktrees still say: each names
 * its repository, and the repository names each. Git directories; those that are there now are left out, since they are
 * other repositories.
 */
export function formerPlaces(gitCommonDir: string, exists: (place: string) => boolean): string[] {
  const found = new Set<string>();
  for (const name of namesIn(path.join(gitCommonDir, 'worktrees'))) {
    const kept = path.join(gitCommonDir, 'worktrees', name);
    const dotGit = read(path.join(kept, 'gitdir'));
    if (dotGit === null) continue;
    const worktree = path.dirname(path.resolve(kept, dotGit));
    const named = /^gitdir: (.*)$/s.exec(read(path.join(worktree, '.git')) ?? '')?.[1];
    const tail = path.join(path.sep, 'worktrees', name);
    const place = named === undefined ? '' : path.resolve(worktree, named);
    if (place.endsWith(tail)) found.add(place.slice(0, -tail.length));
    // Where the worktrees were renamed too: swarm puts them beside the checkout.
    const beside = path.dirname(worktree);
    if (beside.endsWith('.swarm')) found.add(path.join(beside.slice(0, -'.swarm'.length), '.git'));
  }
  return [...found].filter((place) => place !== gitCommonDir && !exists(place));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // It has no linked worktrees.
    return [];
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch {
    // The worktree is gone, or elsewhere.
    return null;
  }
}
