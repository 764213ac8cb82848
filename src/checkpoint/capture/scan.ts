import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { addAll } from '../../git/task/add-all.ts';
import { bytesBelow, joinNul, printable, splitNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { isGitError, skippedByAdd } from '../../git/errors.ts';
import { runGit } from '../../git/git.ts';
import { formatSize } from '../../lib/size.ts';
import { isReadable } from './would-overwrite.ts';
import { nestedHead, nestedIsDirty } from '../tree/nested.ts';
import { countChanges } from '../tree/count-changes.ts';
import { readListing, shadowGit } from '../tree/observe.ts';
import type { Shadow } from '../tree/observe.ts';
import { secretNames } from '../tree/secrets.ts';
import { shadowEnvironment } from '../tree/shadow.ts';
import { parseListing } from '../tree/tree-extras.ts';
import type { Listing } from '../tree/tree-extras.ts';
import type { CheckpointLimits } from '../tree/types.ts';

/** The worktree, compared with the shadow index, which is up to date now. */
export interface Scan {
  listing: Listing;
  listingBytes: Buffer;
  /** Files whose stat data differed: earlier findings about all others still hold. */
  touched: RawPath[];
  /** Files on disk that are not in the index, for their size or because they cannot be read. */
  leftOut: RawPath[];
  /** A repository inside the worktree came, went or moved to another commit. */
  nestedStirred: boolean;
  /** Number of files that differ from what the index held before; null when counting them would cost too much. */
  changes: number | null;
  warnings: string[];
}

interface Differences {
  /** Files that the index knows and that look different. */
  modified: RawPath[];
  deleted: RawPath[];
  /** Files that the index does not know. */
  added: RawPath[];
  /** Repositories inside the worktree, as far as they look different or are new. */
  nested: RawPath[];
}

/**
 * Brings the shadow index up to date. Not by `add -A`: that would hash a file before its size is known. Two processes
 * side by side first find what differs, and only that is added.
 */
export async function scan(shadow: Shadow, limits: CheckpointLimits): Promise<Scan> {
  const [records, first] = await Promise.all([readRecords(shadow), list(shadow)]);
  const tracked = trackedDifferences(records);
  if (tracked.deleted.length > 0) await remove(shadow, tracked.deleted);
  // Below a directory that was a file before, git lists nothing while its index knows the file.
  const listed = tracked.deleted.length > 0 ? await list(shadow) : first;
  const warnings = [...listed.warnings];
  const found = await withUntracked(shadow, tracked, listed.bytes);
  const { add, drop, leftOut } = await choose(shadow, found, limits, warnings);
  if (add.length > 0 || drop.length > 0) await update(shadow, add, drop, warnings);
  const changedSet = found.added.length > 0 || found.nested.length > 0 || drop.length > 0;
  const { bytes, listing } = changedSet
    ? await readListing(shadow)
    : { bytes: listed.bytes, listing: parseListing(listed.bytes) };
  const touched = [...found.modified, ...found.added];
  const skipped = leftOut.length > 0 || drop.length > 0 || warnings.length > 0 || found.nested.length > 0;
  const changes = skipped ? null : countChanges(shadow.place.worktree, records, found.added.length);
  return { listing, listingBytes: bytes, touched, leftOut, nestedStirred: found.nested.length > 0, changes, warnings };
}

/** `:oldmode newmode oldid newid status`, path, …; submodules too, whatever their settings tell git to pass over. */
async function readRecords(shadow: Shadow): Promise<string[]> {
  const args = ['diff-files', '--raw', '-z', '--no-renames', '--ignore-submodules=untracked'];
  return splitNul(await shadowGit(shadow, args));
}

async function list(shadow: Shadow): Promise<{ bytes: Buffer; warnings: string[] }> {
  const args = ['ls-files', '-z', '-t', '--cached', '--others', '--directory', '--exclude-standard'];
  const { stdout, stderr } = await runShadow(shadow, args);
  return { bytes: stdout, warnings: skippedByAdd(stderr).map(unreadable) };
}

function runShadow(shadow: Shadow, args: readonly string[], env: Record<string, string> = {}) {
  return runGit([...shadow.config, ...args], {
    cwd: shadow.place.worktree,
    env: { ...shadowEnvironment(shadow.place, shadow.index), ...env },
    signal: shadow.signal,
  });
}

function trackedDifferences(records: readonly string[]): Differences {
  const found: Differences = { modified: [], deleted: [], added: [], nested: [] };
  for (let at = 0; at + 1 < records.length; at += 2) {
    const [head = '', file = ''] = [records[at], records[at + 1]];
    if (head.endsWith(' D')) found.deleted.push(file);
    else if (/^:160000 | 160000 /.test(head)) found.nested.push(file);
    else found.modified.push(file);
  }
  return found;
}

async function withUntracked(shadow: Shadow, tracked: Differences, listed: Buffer): Promise<Differences> {
  const found = { ...tracked, added: [...tracked.added], nested: [...tracked.nested] };
  const others = splitNul(listed).flatMap((record) => (record.startsWith('? ') ? [record.slice(2)] : []));
  const directories = others.filter((name) => name.endsWith('/'));
  const below = directories.length === 0 ? [] : await expand(shadow, directories);
  for (const name of [...others.filter((other) => !other.endsWith('/')), ...below]) {
    if (name.endsWith('/')) found.nested.push(name.slice(0, -1));
    else found.added.push(name);
  }
  return found;
}

/** The kernel refuses longer argument lists; then everything is listed, and the files in question are found in it. */
const MOST_ARGUMENT_BYTES = 100_000;

/** The untracked files below directories that git has only named; a repository inside stays one name with a `/`. */
async function expand(shadow: Shadow, directories: readonly RawPath[]): Promise<RawPath[]> {
  const names = directories.map(printable);
  const asIs = names.every((name, at) => Buffer.from(name, 'utf8').toString('latin1') === directories[at]);
  const fits = names.reduce((sum, name) => sum + name.length + 1, 0) < MOST_ARGUMENT_BYTES;
  const args = ['ls-files', '-z', '--others', '--exclude-standard', ...(asIs && fits ? ['--', ...names] : [])];
  const { stdout } = await runShadow(shadow, args, { GIT_LITERAL_PATHSPECS: '1' });
  return splitNul(stdout).filter((name) => directories.some((directory) => name.startsWith(directory)));
}

/** Chooses the files that go into the index and those that go out of it; `warnings` are for the person. */
async function choose(
  shadow: Shadow,
  found: Differences,
  { maxFileBytes }: CheckpointLimits,
  warnings: string[],
): Promise<{ add: RawPath[]; drop: RawPath[]; leftOut: RawPath[] }> {
  const { worktree } = shadow.place;
  const add: RawPath[] = [];
  const drop: RawPath[] = [];
  const leftOut: RawPath[] = [];
  for (const [file, known] of [...pairs(found.modified, true), ...pairs(found.added, false)]) {
    const stat = statOf(worktree, file);
    if (stat === null) {
      if (known) drop.push(file);
    } else if (stat.isFile() && stat.size > maxFileBytes) {
      warnings.push(`left out, ${formatSize(stat.size)} is more than checkpoints.maxFileSize: ${printable(file)}`);
      leftOut.push(file);
      if (known) drop.push(file);
    } else if (stat.isFile() && !isReadable(worktree, file)) {
      warnings.push(unreadable(printable(file)));
      leftOut.push(file);
      // Its former content in the index says nothing of its present content.
      if (known) drop.push(file);
    } else add.push(file);
  }
  for (const file of found.nested) {
    const name = printable(file);
    if ((await nestedHead(worktree, file)) === null) {
      warnings.push(`left out, a repository without a commit: ${name}`);
      continue;
    }
    add.push(file);
    if (await nestedIsDirty(worktree, file))
      warnings.push(`only its commit is kept, not the changes inside the repository ${name}`);
  }
  const taken = new Set(add);
  const fresh = found.added.filter((file) => taken.has(file));
  warnings.push(...(await secretNames(worktree, fresh)));
  return { add, drop, leftOut: leftOut.sort() };
}

const pairs = (files: readonly RawPath[], known: boolean): [RawPath, boolean][] => files.map((file) => [file, known]);

/** Of a repository inside, which may have another kind of object ids, git gives the name with a slash. */
const passedOver = (name: string): string =>
  name.endsWith('/') ? `left out, a repository that git cannot add: ${name.slice(0, -1)}` : unreadable(name);

const unreadable = (name: string): string => `left out, it cannot be read: ${name}`;

function statOf(worktree: string, file: RawPath): Stats | null {
  try {
    return lstatSync(bytesBelow(worktree, file), { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'EACCES') return null;
    throw error;
  }
}

async function remove(shadow: Shadow, files: readonly RawPath[]): Promise<void> {
  await shadowGit(shadow, ['update-index', '-z', '--force-remove', '--stdin'], joinNul(files));
}

/**
 * Changes the index. Removals first: a directory may have become a file. `add -A` passes over files at which
 * update-index fails (an agent may be changing them at this moment), and names them.
 */
async function update(
  shadow: Shadow,
  add: readonly RawPath[],
  drop: readonly RawPath[],
  warnings: string[],
): Promise<void> {
  if (drop.length > 0) await remove(shadow, drop);
  if (add.length === 0) return;
  try {
    await shadowGit(shadow, ['update-index', '-z', '--add', '--remove', '--replace', '--stdin'], joinNul(add));
  } catch (error) {
    if (!isGitError(error) || ['disk-full', 'git-aborted', 'git-timeout', 'read-only'].includes(error.code))
      throw error;
    const env = { ...shadowEnvironment(shadow.place, shadow.index) };
    const options = { cwd: shadow.place.worktree, env, signal: shadow.signal };
    warnings.push(...(await addAll(options, shadow.config, add)).map(passedOver));
  }
}
