import { runGit } from '../../git/git.ts';

export interface Git {
  cwd: string;
  env: Record<string, string>;
}

/**
 * Object ids, each with a path at which it was met; missing objects are passed over. `except` and `refs` shorten the
 * list but are no exact filter: git leaves out those objects of excluded commits that it happens to meet. The ids go
 * through stdin, since there can be more tips than fit into a command line.
 */
export async function objectsOf(
  git: Git,
  tips: readonly string[],
  { also = [], except = [], refs = ['--all'] }: { also?: string[]; except?: string[]; refs?: string[] } = {},
): Promise<Map<string, string>> {
  const args = ['rev-list', '--objects', '--missing=allow-any', '--ignore-missing', ...also];
  const input = [...tips, ...except.map((oid) => `^${oid}`)].map((line) => `${line}\n`).join('');
  const { stdout } = await runGit([...args, '--stdin', '--not', ...refs], { ...git, input });
  const found = new Map<string, string>();
  for (const line of stdout.toString('latin1').split('\n')) {
    const [, oid, name = ''] = /^([0-9a-f]{40,64})(?: (.*))?$/.exec(line) ?? [];
    if (oid !== undefined) found.set(oid, name);
  }
  return found;
}

/** The objects that exist. */
export async function present(git: Git, oids: readonly string[]): Promise<string[]> {
  if (oids.length === 0) return [];
  const { stdout } = await runGit(['cat-file', '--batch-check=%(objectname)'], {
    ...git,
    input: `${oids.join('\n')}\n`,
  });
  return stdout
    .toString('latin1')
    .split('\n')
    .filter((line) => /^[0-9a-f]{40,64}$/.test(line));
}
