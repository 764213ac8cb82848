import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { printable } from '../git/bytes.ts';
import { runGit } from '../git/git.ts';
import { listAllCheckpoints } from './refs.ts';
import { parseBatch } from '../git/batch.ts';
import type { Checkpoint, CheckpointPlace } from './types.ts';

/** Of agents that are gone too: nothing of this needs a worktree. */
export type Keeper = Pick<CheckpointPlace, 'gitCommonDir' | 'shadowGit'>;

export interface Purged {
  /** Objects that are gone from the repository's own store. */
  objects: number;
  /** Files of the dropped checkpoint that other checkpoints hold as well, and which (at most 20 files). */
  stillHeld: { path: string; checkpoints: { agent: string; n: number }[] }[];
  /** Why objects that only this checkpoint held are there all the same; empty when none is. */
  remaining: string[];
}

/**
 * Removes from the object store what nothing refers to since a checkpoint was dropped: its own objects and no others.
 * Checkpoints write into the repository itself, so this is done there: what any ref, reflog or index of any worktree
 * reaches stays, and so does what the person's own unreachable commits and tags reach (a dropped stash, an amended
 * commit), which git could still bring back. Where the objects lie in a pack it is written anew; unreachable objects of
 * others then lie loose, as after `git gc`. A bare unreachable tree keeps nothing: git names no way back to one.
 */
export async function purgeObjects(keeper: Keeper, dropped: readonly Checkpoint[]): Promise<Purged> {
  const git = { cwd: keeper.gitCommonDir, env: { GIT_DIR: keeper.gitCommonDir } };
  const tips = dropped.flatMap(({ commit, meta }) => [commit, meta]);
  const files = await privateFiles(git, dropped);
  const unreachable = await findUnreachable(git);
  // fsck looks at neither the indexes nor the reflogs of other worktrees in every version of git.
  const kept = await objectsOf(git, unreachable.own, { also: ['--reflog', '--indexed-objects'] });
  const forgotten = await objectsOf(git, [...tips, ...unreachable.checkpoints]);
  const gone = new Set([...forgotten.keys()].filter((oid) => unreachable.all.has(oid) && !kept.has(oid)));
  for (const tree of brokenTrees(unreachable.trees, gone, kept)) gone.add(tree);
  // A cached entry would make the next capture believe that its blob is stored.
  await forgetIndexes(keeper);
  await removeObjects(keeper, git, [...gone]);
  const left = await present(git, [...gone]);
  if (left.length < gone.size && hasCommitGraph(keeper)) await runGit(['commit-graph', 'write', '--reachable'], git);
  return {
    objects: gone.size - left.length,
    stillHeld: await holdersOf(keeper, git, files),
    remaining: left.length === 0 ? [] : whyRemaining(keeper, left.length),
  };
}

interface Git {
  cwd: string;
  env: Record<string, string>;
}

/**
 * Object ids with the path they were met at; missing ones are passed over. What `except` names, and with it everything
 * that refs reach, only shortens the list: of what the excluded commits know, git leaves out what it happens to meet.
 * There can be more tips than fit into a command line.
 */
async function objectsOf(
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

async function forgetIndexes({ shadowGit }: Keeper): Promise<void> {
  if (!existsSync(shadowGit)) return;
  for (const name of await readdir(shadowGit))
    if (name.endsWith('.index')) await rm(path.join(shadowGit, name), { force: true });
}

/** What no ref, reflog or index reaches. */
interface Unreachable {
  all: Set<string>;
  /** Of checkpoints that were dropped or pruned before: nothing brings them back. */
  checkpoints: string[];
  /** Commits and tags of the person's. */
  own: string[];
  trees: Map<string, Buffer>;
}

async function findUnreachable(git: Git): Promise<Unreachable> {
  const { stdout } = await runGit(['fsck', '--unreachable', '--connectivity-only', '--no-progress', '--no-dangling'], {
    ...git,
    // Damage elsewhere in the repository is not ours to judge; what is listed is listed.
    okCodes: [1, 2, 3, 4, 5, 6, 7, 8, 16],
  });
  const found = [...stdout.toString('latin1').matchAll(/^unreachable (commit|tag|tree|blob) ([0-9a-f]+)$/gm)];
  const all = new Set(found.map(([, , oid = '']) => oid));
  const listed = found.filter(([, kind]) => kind !== 'blob');
  const batch = await runGit(['cat-file', '--batch'], {
    ...git,
    input: listed.map(([, , oid]) => `${oid}\n`).join(''),
  });
  const contents = parseBatch(batch.stdout, listed.length);
  const result: Unreachable = { all, checkpoints: [], own: [], trees: new Map() };
  for (const [at, [, kind, oid = '']] of listed.entries()) {
    const content = contents[at]?.bytes ?? Buffer.alloc(0);
    if (kind === 'tree') result.trees.set(oid, content);
    else if (kind === 'commit' && isCheckpoint(content.toString('utf8'))) result.checkpoints.push(oid);
    else result.own.push(oid);
  }
  return result;
}

/** Trees that hold something of `gone`, at any depth: they would be broken, and nothing names them. */
function brokenTrees(
  trees: ReadonlyMap<string, Buffer>,
  gone: ReadonlySet<string>,
  kept: ReadonlyMap<string, string>,
): string[] {
  const broken = new Set<string>();
  for (let before = -1; before !== broken.size;) {
    before = broken.size;
    for (const [oid, content] of trees) {
      if (kept.has(oid) || gone.has(oid) || broken.has(oid)) continue;
      if (entriesOf(content, oid.length / 2).some((entry) => gone.has(entry) || broken.has(entry))) broken.add(oid);
    }
  }
  return [...broken];
}

/** Object ids of a raw tree: `mode name NUL id`, one after the other. */
function entriesOf(tree: Buffer, idBytes: number): string[] {
  const ids: string[] = [];
  for (let at = tree.indexOf(0); at !== -1; at = tree.indexOf(0, at + 1 + idBytes))
    ids.push(tree.toString('hex', at + 1, at + 1 + idBytes));
  return ids;
}

function isCheckpoint(commit: string): boolean {
  const message = commit.slice(commit.indexOf('\n\n') + 2);
  return (
    /^checkpoint \d+ of \S+: [^]*^Swarm-State: /m.test(message) || /^state beside checkpoints? (\d+ )?of /.test(message)
  );
}

async function removeObjects(keeper: Keeper, git: Git, oids: readonly string[]): Promise<void> {
  const loose = (oid: string): string => path.join(keeper.gitCommonDir, 'objects', oid.slice(0, 2), oid.slice(2));
  const unlinkAll = async (): Promise<void> => {
    for (const oid of oids) await rm(loose(oid), { force: true });
  };
  await unlinkAll();
  if ((await present(git, oids)).length === 0) return;
  // Some lie in packs. Written anew, the packs hold what is reachable, and the rest lies loose.
  await runGit(['repack', '-A', '-d', '-q'], git);
  await unlinkAll();
}

async function present(git: Git, oids: readonly string[]): Promise<string[]> {
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

function hasCommitGraph({ gitCommonDir }: Keeper): boolean {
  const info = path.join(gitCommonDir, 'objects', 'info');
  return existsSync(path.join(info, 'commit-graph')) || existsSync(path.join(info, 'commit-graphs'));
}

function whyRemaining({ gitCommonDir }: Keeper, count: number): string[] {
  const alternates = existsSync(path.join(gitCommonDir, 'objects', 'info', 'alternates'));
  const where = alternates
    ? 'another repository that this one borrows objects from'
    : 'a pack that is marked to be kept';
  return [`${count} of its objects are there all the same: they also lie in ${where}`];
}

const MOST_PATHS = 20;

/** Files of these checkpoints that no commit outside of checkpoints knows: what a purge is about. */
async function privateFiles(git: Git, dropped: readonly Checkpoint[]): Promise<Map<string, string>> {
  const blobsOnly = ['--filter=object:type=blob', '--filter-provided-objects'];
  // Commits, not trees: of a tree alone git does not look at what the excluded commits know of it.
  const tips = dropped.map(({ commit }) => commit);
  const meta = dropped.map((checkpoint) => checkpoint.meta);
  return objectsOf(git, tips, { also: blobsOnly, except: meta, refs: ['--exclude=refs/swarm/*', '--all'] });
}

/** What makes a purge of a secret incomplete: the same contents at the same place in other checkpoints. */
async function holdersOf(keeper: Keeper, git: Git, files: ReadonlyMap<string, string>): Promise<Purged['stillHeld']> {
  const left = new Set(await present(git, [...files.keys()]));
  const asked = [...files].filter(([oid, name]) => left.has(oid) && name !== '').slice(0, MOST_PATHS);
  const checkpoints = await listAllCheckpoints(keeper.gitCommonDir);
  if (asked.length === 0 || checkpoints.length === 0) return [];
  const names = asked.flatMap(([, name]) => checkpoints.map(({ commit }) => `${commit}:${name}`));
  const { stdout } = await runGit(['cat-file', '--batch-check=%(objectname)'], {
    ...git,
    input: Buffer.from(`${names.join('\n')}\n`, 'latin1'),
  });
  const answers = stdout.toString('latin1').split('\n');
  return asked.flatMap(([oid, name], row) => {
    const holders = checkpoints.filter((_, column) => answers[row * checkpoints.length + column] === oid);
    if (holders.length === 0) return [];
    return [{ path: printable(name), checkpoints: holders.map(({ agent, n }) => ({ agent, n })) }];
  });
}
