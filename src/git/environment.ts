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

/** Configuration of every call, whatever the person has configured. */
export const ALWAYS: readonly string[] = [
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'commit.gpgSign=false',
  '-c',
  'tag.gpgSign=false',
  // A collection in the background would race with objects that no ref names yet.
  '-c',
  'gc.auto=0',
  '-c',
  'maintenance.auto=false',
  '-c',
  'core.quotePath=false',
  // A checkout would throw away changes in submodules, of which a checkpoint holds no more than the commit.
  '-c',
  'submodule.recurse=false',
  // Git's default leaves loose objects to the page cache: after a power cut, a finished task's branch would name a
  // commit that is not there. One flush for each command (batch), not for each object.
  '-c',
  'core.fsync=committed',
  '-c',
  'core.fsyncMethod=batch',
];
