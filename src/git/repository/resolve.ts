import { runGit } from '../git.ts';

/**
 * Object ids of many names in one process; null for a name that does not exist. Names must not hold line breaks.
 * Append `^{commit}` to be sure of a commit.
 */
export async function resolveAll(cwd: string, names: readonly string[]): Promise<(string | null)[]> {
  if (names.length === 0) return [];
  const { stdout } = await runGit(['cat-file', '--batch-check=%(objectname)'], { cwd, input: `${names.join('\n')}\n` });
  const lines = stdout.toString('utf8').split('\n');
  return names.map((_, at) => {
    const line = lines[at] ?? '';
    return /^[0-9a-f]{40,64}$/.test(line) ? line : null;
  });
}

/** The name with the condition that it is a commit. */
export function commitOf(name: string): string {
  return `${name}^{commit}`;
}
