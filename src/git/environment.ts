/**
 * The environment of every git call. Whatever a caller's shell, hook or alias set about *which* repository, index or
 * object store to use is dropped: a supervisor started from a git hook must not write into that hook's index.
 */
const KEPT = new Set([
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_SYSTEM',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_COUNT',
  'GIT_EXEC_PATH',
  'GIT_CEILING_DIRECTORIES',
  'GIT_AUTHOR_NAME',
  'GIT_AUTHOR_EMAIL',
  'GIT_COMMITTER_NAME',
  'GIT_COMMITTER_EMAIL',
]);

function isKept(name: string): boolean {
  return KEPT.has(name) || name.startsWith('GIT_CONFIG_KEY_') || name.startsWith('GIT_CONFIG_VALUE_');
}

export function gitEnvironment(
  base: Readonly<Record<string, string | undefined>>,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) {
    if (value === undefined) continue;
    if (name.startsWith('GIT_') && !isKept(name)) continue;
    env[name] = value;
  }
  // LANGUAGE outranks LC_ALL in gettext, and stderr is parsed.
  delete env['LANGUAGE'];
  return {
    ...env,
    LC_ALL: 'C',
    // A plain `git status` takes index.lock and makes the agent's own git fail.
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_EDITOR: ':',
    GIT_PAGER: 'cat',
    ...extra,
  };
}

/** Configuration that holds for every call, whatever the person configured. */
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
  // A checkout would throw away what lies in submodules, of which a checkpoint holds no more than their commit.
  '-c',
  'submodule.recurse=false',
  // Git's default leaves loose objects to the page cache: after a power cut, a finished task's branch would name a
  // commit that is not there. One flush for each command (batch), not for each object.
  '-c',
  'core.fsync=committed',
  '-c',
  'core.fsyncMethod=batch',
];
