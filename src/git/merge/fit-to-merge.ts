import { printable } from '../bytes.ts';
import { SwarmError } from '../../domain/errors.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { changedGitlinks, unmappedGitlinks } from '../repository/gitlinks.ts';
import { markersBrought } from '../task/conflict-markers.ts';
import { ATTRIBUTE } from '../task/inspect-result.ts';
import { carryCommits, onlyThere } from '../task/submodule-commits.ts';
import { listWorktrees } from '../worktree/worktrees.ts';

export interface Unfit {
  /** Where the merge was made. */
  scratch: string;
  before: string;
  merged: string;
  /** The result that was merged. */
  commit: string;
}

/**
 * Refuses a merge that would bring what no branch should have, whatever made it: a link to another repository without
 * an entry in .gitmodules (`unmapped-repository`), conflict markers (`conflict-markers`).
 */
export async function refuseUnfit({ scratch, before, merged, commit }: Unfit): Promise<void> {
  const byHand = `or merge it by hand: \`git merge ${commit.slice(0, 12)}\``;
  const [there, now] = await Promise.all([unmappedGitlinks(scratch, before), unmappedGitlinks(scratch, merged)]);
  const unmapped = now.filter((name) => !there.includes(name)).map(printable);
  if (unmapped.length > 0) {
    throw new SwarmError(
      'unmapped-repository',
      `it would bring a git repository without an entry in .gitmodules (${unmapped.join(', ')}), for which \`git submodule\` fails in every clone`,
      { hint: `Nothing was changed. Give a task to take it out, or to make it a submodule, ${byHand}.` },
    );
  }
  const marked = (await markersBrought(scratch, before, merged)).map(printable);
  if (marked.length > 0) {
    throw new SwarmError('conflict-markers', `it would bring conflict markers in ${marked.join(', ')}`, {
      hint: `Nothing was changed. Give a task to resolve them; if they are meant as text, give the file another ${ATTRIBUTE} in .gitattributes, ${byHand}.`,
    });
  }
}

export interface CarryForMerge {
  root: string;
  /** The worktree that has the branch checked out; null: none has. */
  checkedOut: string | null;
  before: string;
  merged: string;
}

/**
 * Carries the commits of submodules that a merge brings into the copies of the person's checkout.
 * @returns sentences for people
 * @throws SwarmError `submodule-commit`: one of them is in an agent's worktree alone, with no copy to carry it to
 */
export async function carryForMerge({ root, checkedOut, before, merged }: CarryForMerge): Promise<string[]> {
  const changed = await changedGitlinks(root, before, merged);
  if (changed.length === 0) return [];
  const targets = [...new Set([checkedOut ?? root, root])];
  const sources = (await listWorktrees(root)).filter(({ missing, bare }) => !missing && !bare).map(({ path }) => path);
  const { only, unknown } = await carryCommits({ cwd: root, from: before, to: merged, targets, sources });
  const [first] = only;
  if (first !== undefined) {
    throw new SwarmError('submodule-commit', `${onlyThere(first)}, which no one else could check out`, {
      hint: `Nothing was changed. Push it from there, or check the submodule out here and merge again: \`git -C ${shellQuote(root)} submodule update --init ${shellQuote(first.submodule)}\`.`,
    });
  }
  const names = changed.map((link) => printable(link.path));
  return [
    ...unknown.map(
      ({ submodule, commit }) =>
        `the submodule ${submodule} is at commit ${commit.slice(0, 12)} now, which no copy here has.`,
    ),
    ...(checkedOut === null
      ? []
      : [
          `the merge changes ${names.join(', ')}; to check that out: git -C ${shellQuote(checkedOut)} submodule update --init`,
        ]),
  ];
}
