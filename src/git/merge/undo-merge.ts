import { SwarmError } from '../../domain/errors.ts';
import { printable } from '../bytes.ts';
import { lyingInTheWay } from '../worktree/clear-way.ts';
import { isGitError } from '../errors.ts';
import { runGit } from '../git.ts';
import { merges, whileLocked } from '../lock.ts';
import { porcelain } from '../porcelain.ts';
import { branchDirty, cleanCheckout } from './merge-task.ts';
import { commitOf, resolveAll } from '../repository/resolve.ts';

export interface UndoMerge {
  root: string;
  /** Branch that received the merge. */
  into: string;
  /** Its tip before and after. */
  before: string;
  after: string;
}

/**
 * Puts a branch back to where it was before a merge. Errors, after which nothing is changed: `merge-built-upon` (the
 * branch has moved since), `branch-dirty` (it is checked out with changes).
 */
export async function undoMerge(merge: UndoMerge): Promise<void> {
  const { root, into, before, after } = merge;
  await merges.run(root, async () => {
    const [tip = null] = await resolveAll(root, [commitOf(`refs/heads/${into}`)]);
    if (tip !== after) throw builtUpon(merge, tip);
    const place = await cleanCheckout({ root, into });
    try {
      if (place !== null) {
        // Git's reset overwrites ignored files, and repositories, without a word.
        const lying = await lyingInTheWay(place, after, before);
        if (lying.length > 0) throw branchDirty(into, place, lying.map(printable));
        await whileLocked(() => porcelain({ cwd: place }, (git) => git.reset(['--keep', before])));
      } else
        await whileLocked(() =>
          runGit(['update-ref', '-m', 'swarm: undo of a merge', `refs/heads/${into}`, before, after], { cwd: root }),
        );
    } catch (error) {
      if (isGitError(error, 'ref-changed')) throw builtUpon(merge, null, error);
      throw error;
    }
  });
}

function builtUpon({ into, after }: UndoMerge, tip: string | null, cause?: unknown): SwarmError {
  const now = tip === null ? `${into} is elsewhere` : `${into} is at ${tip.slice(0, 12)} now`;
  return new SwarmError(
    'merge-built-upon',
    `${now}, not at the merge ${after.slice(0, 12)}, so putting it back would lose what came after`,
    {
      hint: `Take the merge back by a commit of its own: git revert -m 1 ${after.slice(0, 12)} (on ${into})`,
      cause,
    },
  );
}
