import { printable } from '../bytes.ts';
import { gitText, runGit } from '../git.ts';
import { markersBrought } from './conflict-markers.ts';
import { carrySubmodules } from './submodule-commits.ts';

export interface InspectResult {
  /** The person's checkout. */
  root: string;
  worktree: string;
  /** What the task started from. */
  base: { branch: string | null; commit: string };
  /** The result. */
  commit: string;
}

/**
 * Looks at everything that a task brings, also what the agent itself committed. `unresolved`: files with conflict
 * markers from a merge, which the agent has to resolve; `notes`: sentences for people. Commits of submodules are carried
 * over into the copies that the person's checkout has.
 */
export async function inspectResult(options: InspectResult): Promise<{ unresolved: string[]; notes: string[] }> {
  const { root, worktree, commit } = options;
  const from = await startOf(options);
  const notes = await carrySubmodules({ root, worktree, from, to: commit });
  if (from === null || from === commit) return { unresolved: [], notes };
  const marked = (await markersBrought(worktree, from, commit)).map(printable);
  if (marked.length === 0) return { unresolved: [], notes };
  const merges = await gitText(['rev-list', '--merges', '--max-count=1', commit, `^${from}`], { cwd: worktree });
  if (merges !== '') {
    const cure = `(conflict markers were committed; where they are meant as text, give the file another ${ATTRIBUTE} in .gitattributes)`;
    return { unresolved: [...marked, cure], notes };
  }
  return {
    unresolved: [],
    notes: [...notes, `${marked.join(', ')}: it has conflict markers, which \`merge\` refuses.`],
  };
}

export const ATTRIBUTE = 'conflict-marker-size';

/** The commit at which the result left the base; null: they have none in common. */
async function startOf({ worktree, base, commit }: InspectResult): Promise<string | null> {
  const names = [...(base.branch === null ? [] : [`refs/heads/${base.branch}`]), base.commit];
  for (const name of names) {
    // 1: no common commit; 128: a name that is gone.
    const { stdout, exitCode } = await runGit(['merge-base', name, commit], { cwd: worktree, okCodes: [1, 128] });
    if (exitCode !== 128) return exitCode === 0 ? stdout.toString('latin1').trim() : null;
  }
  return null;
}
