import { environmentFor } from '../domain/environment.ts';

/** The environment of every git call. The call's directory, or `extra`, names the repository. */
export function gitEnvironment(
  base: Readonly<Record<string, string | undefined>>,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...environmentFor('git', base),
    LC_ALL: 'C',
    // A plain `git status` takes index.lock and makes the agent's own git fail.
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_EDITOR: ':',
    GIT_PAGER: 'cat',
    ...extra,
  };
}

/**
 * Settings against an index that loses files. With `index.skipHash`, which `feature.manyFiles` sets, git 2.40 to 2.55
 * cannot find the shared half of a split index: the next `git add` leaves what it adds alone in it, and the next commit
 * deletes everything else.
 */
export const SAFE_INDEX = { 'core.splitIndex': 'false' } as const;

/**
 * Settings of every call, whatever the person has configured: what git writes into commits, and what it says to swarm,
 * is the same for all. An option of the call itself outranks them. What a person means for their repository stays:
 * conflict style, merge drivers, filters, line endings, attributes.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  // A signing program may ask for a passphrase, for which no one may be there.
  'commit.gpgSign': 'false',
  'tag.gpgSign': 'false',
  // A collection in the background would race with objects that no ref names yet.
  'gc.auto': '0',
  'maintenance.auto': 'false',
  // A checkout would throw away changes in submodules, of which a checkpoint holds no more than the commit.
  'submodule.recurse': 'false',
  ...SAFE_INDEX,
  // From git 2.55 on a plain `git status` would leave a daemon behind for each worktree.
  'core.fsmonitor': 'false',
  // Git's default leaves loose objects to the page cache: after a power cut, a finished task's branch would name a
  // commit that is not there. One flush for each command (batch), not for each object.
  'core.fsync': 'committed',
  'core.fsyncMethod': 'batch',
  // Commits are written, and logs read, in UTF-8.
  'i18n.commitEncoding': 'UTF-8',
  'i18n.logOutputEncoding': 'UTF-8',
  // Lines that a merge would add to its message.
  'merge.log': 'false',
  'merge.branchdesc': 'false',
  // A remote of another name would leave a submodule without the address that is set for `origin`.
  'clone.defaultRemoteName': 'origin',
  // From here on: the form of answers.
  'core.quotePath': 'false',
  'core.abbrev': 'auto',
  'core.commentChar': '#',
  'color.ui': 'false',
  'column.ui': 'never',
  'log.showSignature': 'false',
  'log.decorate': 'false',
  'log.follow': 'false',
  'log.mailmap': 'false',
  'status.showUntrackedFiles': 'normal',
  'status.relativePaths': 'true',
  'status.renames': 'false',
  'status.showStash': 'false',
  'status.branch': 'false',
  'status.aheadBehind': 'true',
  'diff.algorithm': 'default',
  'diff.context': '3',
  'diff.interHunkContext': '0',
  'diff.indentHeuristic': 'true',
  'diff.suppressBlankEmpty': 'false',
  'diff.orderFile': '/dev/null',
  'diff.noPrefix': 'false',
  'diff.mnemonicPrefix': 'false',
  'diff.srcPrefix': 'a/',
  'diff.dstPrefix': 'b/',
  'diff.relative': 'false',
  'diff.renames': 'false',
  'diff.submodule': 'short',
  'diff.ignoreSubmodules': 'none',
};

/** The settings as options before the command. */
export const ALWAYS: readonly string[] = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
