import { parseBatch } from '../../git/batch.ts';
import type { GitObject } from '../../git/batch.ts';
import { runGit } from '../../git/git.ts';
import { parseList } from './checkpoint-commit.ts';
import type { Checkpoint } from '../tree/types.ts';

/**
 * Reads a list in which some commits are missing or corrupt: those are marked as damaged.
 * @param refs lines of `<ref> <oid>`
 */
export async function listDamaged(gitCommonDir: string, refs: string, agent: string | null): Promise<Checkpoint[]> {
  const named = refs.split('\n').flatMap((line) => {
    const [ref = '', oid = ''] = line.split(' ');
    return oid === '' ? [] : [{ ref, oid }];
  });
  const found = await readCommits(
    gitCommonDir,
    named.map(({ oid }) => oid),
  );
  const fields = named.map(({ ref, oid }, at) => listFields(ref, oid, found[at]?.bytes.toString('utf8') ?? null));
  const list = parseList(fields.join('\n'), agent);
  const unreadable = new Set(named.flatMap(({ ref }, at) => (found[at] === null ? [ref] : [])));
  for (const [at, checkpoint] of list.entries()) if (unreadable.has(checkpoint.ref)) mark(checkpoint, list[at - 1]);
  return list;
}

/** The time of a damaged checkpoint is unknown: that of the checkpoint before is near. */
function mark(checkpoint: Checkpoint, before: Checkpoint | undefined): void {
  checkpoint.damaged = true;
  if (before?.agent === checkpoint.agent) checkpoint.at = before.at;
  checkpoint.reason = 'damaged: it cannot be read';
  checkpoint.warnings = [`its commit ${checkpoint.commit} is missing or corrupt; \`git fsck\` tells more`];
}

/** Git ends at an object that is corrupt; it is started again for the objects behind it. */
async function readCommits(gitCommonDir: string, oids: readonly string[]): Promise<(GitObject | null)[]> {
  const found: (GitObject | null)[] = [];
  while (found.length < oids.length) {
    const rest = oids.slice(found.length);
    const { stdout } = await runGit(['cat-file', '--batch'], {
      cwd: gitCommonDir,
      env: { GIT_DIR: gitCommonDir },
      input: `${rest.join('\n')}\n`,
      okCodes: [1, 128],
    });
    found.push(...parseBatch(stdout, rest.length));
    if (found.length < oids.length) found.push(null);
  }
  return found;
}

/** The fields in the form of `LIST_FORMAT`. */
function listFields(ref: string, oid: string, commit: string | null): string {
  const end = commit?.indexOf('\n\n') ?? 0;
  const head = commit?.slice(0, end) ?? '';
  const tree = /^tree ([0-9a-f]+)$/m.exec(head)?.[1] ?? '';
  const parents = [...head.matchAll(/^parent ([0-9a-f]+)$/gm)].map(([, parent]) => parent).join(' ');
  const seconds = /^committer .* (\d+) [+-]\d+$/m.exec(head)?.[1] ?? '0';
  return [ref, oid, tree, parents, seconds, commit?.slice(end + 2) ?? '', ''].join('\0');
}
