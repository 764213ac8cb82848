import { existsSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../bytes.ts';
import { isGitError } from '../errors.ts';
import { gitText, runGit } from '../git.ts';
import { clearOperation, worktreeGitDir } from '../repository/operations.ts';
import { checkoutSubmodules, lacksSubmodules, submoduleStates } from '../repository/submodules.ts';
import { Aside } from '../worktree/aside.ts';
import { heldBy, removeLeftovers } from '../worktree/leftovers.ts';
import { snapshotDirty } from './snapshot.ts';
import { carryCommit } from './submodule-commits.ts';

export interface SyncSubmodules {
  /** The person's checkout, from whose copies submodules are made. */
  root: string;
  worktree: string;
  signal?: AbortSignal | undefined;
}

/**
 * Sets the submodules of a worktree to the commits that its index names. Changes that lie there are kept as a commit of
 * the submodule, in the checkout's copy too, where it has one.
 * @returns sentences for people: what was kept, and what could not be checked out
 */
export async function syncSubmodules(options: SyncSubmodules): Promise<string[]> {
  if (!existsSync(path.join(options.worktree, '.gitmodules'))) return [];
  const kept: string[] = [];
  try {
    const found = await clearSubmodules(options, '', kept);
    if (!found && !(await lacksSubmodules(options))) return kept;
    return [...kept, ...(await checkoutSubmodules(options))];
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isGitError(error)) throw error;
    // A submodule that git cannot read keeps no task from its work on all the rest.
    return [...kept, `submodules are not as the task's start has them: ${error.message}`];
  }
}

/** @param kept gets the sentences. @returns whether a submodule was not as the index names it */
async function clearSubmodules(
  { root, worktree, signal }: SyncSubmodules,
  prefix: string,
  kept: string[],
): Promise<boolean> {
  const states = await submoduleStates(worktree);
  for (const { path: raw, dirty } of states) {
    const name = printable(raw);
    const copy = path.join(worktree, name);
    if (!existsSync(path.join(copy, '.git'))) continue;
    const original = path.join(root, name);
    await clearSubmodules({ root: original, worktree: copy, signal }, `${prefix}${name}/`, kept);
    const head = await gitText(['rev-parse', 'HEAD'], { cwd: copy });
    const commit = dirty ? (await snapshotDirty({ root: copy })).commit : head;
    const place = existsSync(path.join(original, '.git')) ? original : copy;
    // Also a commit that no branch names: the submodule is about to be set to another one.
    await (place === copy
      ? runGit(['update-ref', `refs/swarm/kept/${commit}`, commit], { cwd: copy })
      : carryCommit(copy, original, commit));
    if (commit !== head)
      kept.push(
        `the submodule ${prefix}${name} had changes of earlier work, which are kept: git -C ${place} show ${commit.slice(0, 12)}`,
      );
    await clearOperation(copy);
    await runGit(['checkout', '-q', '-f', '--detach', 'HEAD'], { cwd: copy, signal });
    const aside = new Aside(copy, worktreeGitDir(copy));
    await removeLeftovers({ worktree: copy, held: heldBy(copy, commit), aside });
    for (const folder of aside.folders)
      kept.push(`what no commit can hold of the submodule ${prefix}${name} was put aside in ${folder}.`);
  }
  return states.length > 0;
}
