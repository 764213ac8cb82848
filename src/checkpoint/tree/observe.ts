import { joinNul, splitNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { runGit } from '../../git/git.ts';
import { resolveAll } from '../../git/repository/resolve.ts';
import { holdOnlyDirectories, scanEmptyDirs } from './empty-dirs.ts';
import type { EmptyScan } from './empty-dirs.ts';
import { inTheWay, statOrNull } from '../../git/repository/on-disk.ts';
import { commitsOf } from './git-state.ts';
import type { IndexState } from './git-state.ts';
import type { OperationFile } from '../../git/repository/operations.ts';
import { shadowEnvironment } from './shadow.ts';
import { parseListing } from './tree-extras.ts';
import type { Listing } from './tree-extras.ts';
import type { CheckpointPlace } from './types.ts';

/** The git directory of the shadow, with one index file. */
export interface Shadow {
  place: CheckpointPlace;
  index: string;
  /** `-c core.excludesFile=…` of the repository. */
  config: readonly string[];
  signal?: AbortSignal | undefined;
}

export async function shadowGit(shadow: Shadow, args: readonly string[], input?: Buffer): Promise<Buffer> {
  const { stdout } = await runGit([...shadow.config, ...args], {
    cwd: shadow.place.worktree,
    env: shadowEnvironment(shadow.place, shadow.index),
    signal: shadow.signal,
    ...(input === undefined ? {} : { input }),
  });
  return stdout;
}

export async function readListing(shadow: Shadow): Promise<{ bytes: Buffer; listing: Listing }> {
  const bytes = await shadowGit(shadow, [
    'ls-files',
    '-z',
    '-t',
    '--cached',
    '--others',
    '--directory',
    '--exclude-standard',
  ]);
  return { bytes, listing: parseListing(bytes) };
}

/** Files that the shadow index holds although a pattern ignores them. */
export async function readHeldIgnored(shadow: Shadow): Promise<RawPath[]> {
  return splitNul(await shadowGit(shadow, ['ls-files', '-z', '--cached', '--ignored', '--exclude-standard']));
}

/**
 * Makes "ignored" mean what the person's git means by it: a file that is tracked although a pattern matches is added, a
 * file that the shadow index took before a pattern came is dropped.
 * @returns whether the shadow index changed
 */
export async function matchTrackedIgnored(
  shadow: Shadow,
  index: IndexState,
  wanted: ReadonlySet<RawPath>,
  held: readonly RawPath[],
): Promise<boolean> {
  const keep = new Set([...index.trackedIgnored, ...wanted]);
  const drop = held.filter((file) => !keep.has(file));
  const known = new Set(held);
  const add = [...keep].filter((file) => !known.has(file) && isCapturable(shadow.place.worktree, file));
  if (drop.length > 0) await shadowGit(shadow, ['update-index', '-z', '--force-remove', '--stdin'], joinNul(drop));
  if (add.length > 0) await shadowGit(shadow, ['update-index', '-z', '--add', '--replace', '--stdin'], joinNul(add));
  return drop.length > 0 || add.length > 0;
}

/** Whether a file that is tracked although ignored exists again and is not in the shadow index: no listing shows it. */
export function hasComeBack(worktree: string, { files }: Listing, { trackedIgnored }: IndexState): boolean {
  if (trackedIgnored.length === 0) return false;
  const held = new Set(files);
  return trackedIgnored.some((file) => !held.has(file) && isCapturable(worktree, file));
}

function isCapturable(worktree: string, file: RawPath): boolean {
  const stat = statOrNull(worktree, file);
  return stat !== null && (stat.isFile() || stat.isSymbolicLink()) && inTheWay(worktree, file) === null;
}

export async function readEmptyDirs(shadow: Shadow, listing: Listing): Promise<EmptyScan> {
  const { bareDirs } = listing;
  const { worktree } = shadow.place;
  if (holdOnlyDirectories(worktree, bareDirs)) return scanEmptyDirs(worktree, bareDirs, new Set());
  const output = await shadowGit(shadow, [
    'ls-files',
    '-z',
    '--others',
    '--ignored',
    '--exclude-standard',
    '--directory',
  ]);
  return scanEmptyDirs(worktree, bareDirs, new Set(splitNul(output).map((name) => name.replace(/\/$/, ''))));
}

/** The objects that an unfinished operation names, whether the repository has them or not. */
export function namesToKeep(operations: readonly OperationFile[]): { commits: string[]; tree: string | undefined } {
  const autoMerge = operations.find(({ name }) => name === 'AUTO_MERGE');
  return { commits: commitsOf(operations), tree: autoMerge?.content.toString('latin1').trim() };
}

/** The objects that an unfinished operation names and the repository has. */
export async function keptObjects(
  place: CheckpointPlace,
  operations: readonly OperationFile[],
): Promise<{ commits: string[]; trees: string[] }> {
  const { commits, tree } = namesToKeep(operations);
  const names = [...commits.map((oid) => `${oid}^{commit}`), ...(tree === undefined ? [] : [`${tree}^{tree}`])];
  const found = await resolveAll(place.worktree, names);
  const present = (part: (string | null)[]): string[] => part.filter((oid) => oid !== null);
  return { commits: present(found.slice(0, commits.length)), trees: present(found.slice(commits.length)) };
}

/**
 * Number of files of the shadow index that differ from a commit; needs no tree of them, and can run beside
 * `write-tree`.
 */
export async function countStaged(shadow: Shadow, from: string): Promise<number> {
  const args = ['diff-index', '--cached', '-z', '--no-renames', '--ignore-submodules=none', '--name-only', from, '--'];
  return splitNul(await shadowGit(shadow, args)).length;
}

/** Files that differ between two trees or commits; every file of `to` when there is nothing to compare with. */
export async function changedFiles(place: CheckpointPlace, from: string | null, to: string): Promise<RawPath[]> {
  const cwd = place.gitCommonDir;
  const env = { GIT_DIR: place.gitCommonDir };
  const args =
    from === null
      ? ['ls-tree', '-r', '-z', '--name-only', to]
      : ['diff-tree', '-r', '-z', '--no-renames', '--ignore-submodules=none', '--name-only', from, to];
  return splitNul((await runGit(args, { cwd, env })).stdout);
}

export interface TreeChanges {
  all: RawPath[];
  added: RawPath[];
  removed: RawPath[];
  /**
   * Files and links that are new, or replace another kind of entry (no gitlinks: git leaves an existing directory to
   * them).
   */
  placed: RawPath[];
}

/** `:oldmode newmode …` */
const isGitlink = (record: string): boolean => record.startsWith('160000 ', ':100644 '.length);

/** The files that differ between two trees, and those that are added and removed. */
export async function treeChanges(place: CheckpointPlace, from: string, to: string): Promise<TreeChanges> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--ignore-submodules=none', '--raw', from, to];
  const { stdout } = await runGit(args, { cwd: place.gitCommonDir, env: { GIT_DIR: place.gitCommonDir } });
  const fields = splitNul(stdout);
  const changes: TreeChanges = { all: [], added: [], removed: [], placed: [] };
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [record = '', file = ''] = [fields[at], fields[at + 1]];
    const status = record.at(-1);
    changes.all.push(file);
    if (status === 'A') changes.added.push(file);
    if (status === 'D') changes.removed.push(file);
    if ((status === 'A' || status === 'T') && !isGitlink(record)) changes.placed.push(file);
  }
  return changes;
}

export async function writeTree(shadow: Shadow): Promise<string> {
  return (await shadowGit(shadow, ['write-tree'])).toString('latin1').trim();
}
