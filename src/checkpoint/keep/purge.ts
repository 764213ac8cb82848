import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { runGit } from '../../git/git.ts';
import { objectsOf, present } from '../tree/objects.ts';
import type { Git } from '../tree/objects.ts';
import { holdersOf, ownFiles } from './purge-holders.ts';
import type { OwnFiles } from './purge-holders.ts';
import { parseBatch } from '../../git/batch.ts';
import type { Checkpoint, CheckpointPlace } from '../tree/types.ts';

/** The place of an agent's checkpoints, also of an agent that was removed: no purge needs a worktree. */
export type Keeper = Pick<CheckpointPlace, 'gitCommonDir' | 'shadowGit'>;

export interface Purged {
  /** Number of objects that are gone from the repository's own store. */
  objects: number;
  /** Files of the dropped checkpoint that other checkpoints hold as well, with those checkpoints (at most 20 files). */
  stillHeld: { path: string; checkpoints: { agent: string; n: number }[] }[];
  /** Why files of this checkpoint still exist elsewhere than in checkpoints; empty when none does. */
  remaining: string[];
}

/** The objects that a purge will remove, and the files that it is about. */
export interface PurgePlan {
  gone: Set<string>;
  files: OwnFiles;
}

/**
 * Finds the objects that nothing refers to since checkpoints were dropped: those of the checkpoints and no others.
 * Checkpoints write into the repository itself, so the search is done there: objects that any ref, reflog or index of
 * any worktree reaches stay, and so do those that the person's own unreachable commits and tags reach (a dropped stash,
 * an amended commit), which git could still bring back. A bare unreachable tree keeps nothing: git has no way back to
 * one.
 */
export async function planPurge(keeper: Keeper, dropped: readonly Checkpoint[]): Promise<PurgePlan> {
  const git = gitOf(keeper);
  const tips = dropped.flatMap(({ commit, meta }) => [commit, meta]);
  const files = await ownFiles(git, dropped);
  const unreachable = await findUnreachable(git);
  // Not every version of git makes fsck look at the indexes and reflogs of other worktrees.
  const kept = await objectsOf(git, unreachable.own, { also: ['--reflog', '--indexed-objects'] });
  const forgotten = await objectsOf(git, [...tips, ...unreachable.checkpoints]);
  const gone = new Set([...forgotten.keys()].filter((oid) => unreachable.all.has(oid) && !kept.has(oid)));
  for (const tree of brokenTrees(unreachable.trees, gone, kept)) gone.add(tree);
  return { gone, files };
}

/**
 * Removes the objects from the object store. A pack that holds some of them is written anew; other unreachable objects
 * then lie loose, as after `git gc`.
 */
export async function purgeObjects(keeper: Keeper, { gone, files }: PurgePlan): Promise<Purged> {
  const git = gitOf(keeper);
  // With a cached entry the next capture would take the blob for stored.
  await forgetIndexes(keeper);
  await removeObjects(keeper, git, [...gone]);
  const left = await present(git, [...gone]);
  if (left.length < gone.size && hasCommitGraph(keeper)) await runGit(['commit-graph', 'write', '--reachable'], git);
  const { stillHeld, told } = await holdersOf(git, files);
  return {
    objects: gone.size - left.length,
    stillHeld,
    remaining: [...(left.length === 0 ? [] : whyRemaining(keeper, left.length)), ...told],
  };
}

function gitOf({ gitCommonDir }: Keeper): Git {
  return { cwd: gitCommonDir, env: { GIT_DIR: gitCommonDir } };
}

async function forgetIndexes({ shadowGit }: Keeper): Promise<void> {
  if (!existsSync(shadowGit)) return;
  for (const name of await readdir(shadowGit))
    if (name.endsWith('.index')) await rm(path.join(shadowGit, name), { force: true });
}

/** Objects that no ref, reflog or index reaches. */
interface Unreachable {
  all: Set<string>;
  /** Commits of checkpoints that were dropped or pruned before: there is no way back to them. */
  checkpoints: string[];
  /** Commits and tags of the person's. */
  own: string[];
  trees: Map<string, Buffer>;
}

async function findUnreachable(git: Git): Promise<Unreachable> {
  const { stdout } = await runGit(['fsck', '--unreachable', '--connectivity-only', '--no-progress', '--no-dangling'], {
    ...git,
    // Damage elsewhere in the repository does not matter here: fsck lists the rest all the same.
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

/** Trees that hold an object of `gone`, at any depth: they would be broken, and no commit names them. */
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
  // Some objects lie in packs. Written anew, the packs hold reachable objects, and the others lie loose.
  await runGit(['repack', '-A', '-d', '-q'], git);
  await unlinkAll();
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
