import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { joinNul, splitNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { runGit } from '../git.ts';
import type { GitOptions } from '../git.ts';
import { whileLocked } from '../lock.ts';
import { readIndexFile } from './index-file.ts';
import { worktreeGitDir } from './operations.ts';

/** An entry that names a commit of another repository instead of a file. */
export interface Gitlink {
  path: RawPath;
  commit: string;
}

type Place = Pick<GitOptions, 'cwd' | 'env' | 'signal'>;

/** The links in a commit. */
export async function gitlinksOf(cwd: string, commit: string): Promise<Gitlink[]> {
  const { stdout } = await runGit(['ls-tree', '-r', '-z', '--full-tree', commit], { cwd });
  return splitNul(stdout).flatMap((record) => {
    const [, oid, name] = /^160000 commit ([0-9a-f]+)\t(.*)$/s.exec(record) ?? [];
    return oid === undefined || name === undefined ? [] : [{ path: name, commit: oid }];
  });
}

/** Links that `to` has and `from` has not, or has at another commit. */
export async function changedGitlinks(
  cwd: string,
  from: string,
  to: string,
): Promise<(Gitlink & { before: string | null })[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-abbrev', '--no-renames', '--ignore-submodules=none', from, to];
  const fields = splitNul((await runGit(args, { cwd })).stdout);
  const found: (Gitlink & { before: string | null })[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, was = '', before = '', commit] = /^:(\d+) 160000 ([0-9a-f]+) ([0-9a-f]+) /.exec(fields[at] ?? '') ?? [];
    if (commit !== undefined)
      found.push({ path: fields[at + 1] ?? '', commit, before: was === '160000' ? before : null });
  }
  return found;
}

/** The links without an entry in the .gitmodules of the same commit: `git submodule` fails for all of them. */
export async function unmappedGitlinks(cwd: string, commit: string): Promise<RawPath[]> {
  const links = await gitlinksOf(cwd, commit);
  return links.length === 0
    ? []
    : withoutMapping(
        links.map((link) => link.path),
        { cwd },
        `${commit}:.gitmodules`,
      );
}

/**
 * Takes the links without an entry in .gitmodules out of the index, so that no commit has them; the repositories stay
 * where they are. Links that a `known` commit has in the same way are left alone. Starts no process where the
 * index has no link.
 * @param oid any object id of the repository
 */
export async function leaveOutRepositories(
  place: Place,
  oid: string,
  known: () => Promise<readonly string[]>,
): Promise<RawPath[]> {
  const links = await indexGitlinks(place, oid);
  if (links.length === 0) return [];
  const unmapped = await withoutMapping(links, place, ':.gitmodules');
  if (unmapped.length === 0) return [];
  const before = await Promise.all((await known()).map((commit) => unmappedGitlinks(place.cwd, commit)));
  const tolerated = new Set(before.flat());
  const out = unmapped.filter((name) => !tolerated.has(name));
  const remove = ['update-index', '-z', '--force-remove', '--stdin'];
  if (out.length > 0) await whileLocked(() => runGit(remove, { ...place, input: joinNul(out) }));
  return out;
}

async function indexGitlinks(place: Place, oid: string): Promise<RawPath[]> {
  const file = place.env?.['GIT_INDEX_FILE'] ?? path.join(worktreeGitDir(place.cwd), 'index');
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (bytes === null) return [];
  const index = readIndexFile(bytes, oid);
  if (index !== null) {
    const found: RawPath[] = [];
    for (let at = 0; at < index.count; at += 1) if (index.isRepository(at)) found.push(index.name(at));
    return found;
  }
  const { stdout } = await runGit(['ls-files', '-s', '-z'], place);
  const names = splitNul(stdout).flatMap((record) => /^160000 [0-9a-f]+ \d\t(.*)$/s.exec(record)?.[1] ?? []);
  return [...new Set(names)];
}

/** @param blob name of a .gitmodules; one that is absent, or that git cannot read, maps nothing */
async function withoutMapping(links: readonly RawPath[], place: Place, blob: string): Promise<RawPath[]> {
  const args = ['config', `--blob=${blob}`, '-z', '--get-regexp', String.raw`^submodule\..*\.path$`];
  const { stdout, exitCode } = await runGit(args, { ...place, okCodes: [1, 128] });
  const mapped = exitCode === 0 ? splitNul(stdout).map((entry) => entry.slice(entry.indexOf('\n') + 1)) : [];
  const paths = new Set(mapped.map((name) => name.replace(/\/+$/, '')));
  return links.filter((name) => !paths.has(name));
}
