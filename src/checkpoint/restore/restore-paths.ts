import { chmodSync, lstatSync } from 'node:fs';
import { mkdir, rmdir, unlink } from 'node:fs/promises';
import { SwarmError } from '../../domain/errors.ts';
import { bytesBelow, joinNul, printable } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { nearest } from '../../lib/nearest.ts';
import { changedFiles, shadowGit } from '../tree/observe.ts';
import type { Shadow } from '../tree/observe.ts';
import { statOrNull } from '../../git/repository/on-disk.ts';
import type { RestoreContext } from './restore.ts';
import { indexPath } from '../tree/shadow.ts';
import { openWorkIndex } from '../tree/shadow-index.ts';
import { loadNumber } from '../refs/load.ts';
import type { LoadedCheckpoint } from '../refs/load.ts';
import type { Checkpoint } from '../tree/types.ts';

/**
 * The files of a tree that `paths` name: each a file, or a directory with everything below it; relative to the
 * worktree's root. Error: `unknown-path`, with the nearest that there is.
 */
export function select(files: readonly RawPath[], paths: readonly string[], where: string): RawPath[] {
  const chosen = new Set<RawPath>();
  for (const given of paths) {
    const wanted = Buffer.from(given.replace(/^(\.\/)+/, '').replace(/\/+$/, ''), 'utf8').toString('latin1');
    const found =
      wanted === '' || wanted === '.'
        ? files
        : files.filter((file) => file === wanted || file.startsWith(`${wanted}/`));
    if (found.length === 0) throw unknownPath(given, files, where);
    for (const file of found) chosen.add(file);
  }
  return [...chosen];
}

function unknownPath(given: string, files: readonly RawPath[], where: string): SwarmError {
  const name = given.split('/').at(-1) ?? given;
  const [near] = nearest(given, files.map(printable), 1);
  const named = files.map(printable).filter((file) => file.split('/').at(-1) === name);
  const hint =
    near !== undefined || named[0] !== undefined
      ? `Did you mean ${near ?? named[0]}?`
      : 'Paths count from the root of the worktree; ignored files are in no checkpoint.';
  return new SwarmError('unknown-path', `${where} has no ${given}`, { hint, exitCode: 2 });
}

/**
 * Makes the files at `paths` what they are in `target`; `safety` is the checkpoint of the present files, captured
 * before. Git's own index, HEAD and all other files stay. Where git fails half way, they are put back.
 * @returns the files that were changed, in the order of git
 */
export async function restorePaths(
  context: RestoreContext,
  safety: Pick<Checkpoint, 'n' | 'tree'>,
  target: LoadedCheckpoint,
  paths: readonly string[],
): Promise<RawPath[]> {
  const { place } = context;
  const then = await changedFiles(place, null, target.checkpoint.tree);
  const where = `checkpoint ${target.checkpoint.n} of ${place.agent}`;
  const wanted = new Set(select(then, paths, where));
  const differing = await changedFiles(place, safety.tree, target.checkpoint.tree);
  const now = new Set(await changedFiles(place, null, safety.tree));
  const below = directoriesAmong(paths);
  const write = differing.filter((file) => wanted.has(file));
  const leftOut = new Set(target.saved.leftOut);
  const remove = differing.filter(
    (file) => now.has(file) && !wanted.has(file) && !leftOut.has(file) && liesBelow(file, below),
  );
  try {
    // A file of the checkpoint may lie where another one lies now: the way is cleared first, and all of it is captured.
    for (const file of remove) await removeFile(place.worktree, file);
    await writeFiles(context, target, write);
  } catch (error) {
    await putBack(context, await loadNumber(place, safety.n), [...remove, ...write], now);
    throw error;
  }
  const modes = [...wanted].filter((file) => !write.includes(file));
  setModes(place.worktree, target, [...write, ...modes]);
  return [...remove, ...write].sort();
}

/** Makes the files what they were; `held`: those that were there. */
async function putBack(
  context: RestoreContext,
  was: LoadedCheckpoint,
  files: readonly RawPath[],
  held: ReadonlySet<RawPath>,
): Promise<void> {
  const { worktree } = context.place;
  for (const file of files) if (!held.has(file)) await removeFile(worktree, file);
  const back = files.filter((file) => held.has(file));
  await writeFiles(context, was, back);
  setModes(worktree, was, back);
  for (const dir of was.saved.emptyDirs) await mkdir(bytesBelow(worktree, dir), { recursive: true });
}

const directoriesAmong = (paths: readonly string[]): RawPath[] =>
  paths.map((given) =>
    Buffer.from(given.replace(/^(\.\/)+/, '').replace(/\/+$/, ''), 'utf8')
      .toString('latin1')
      .replace(/^\.$/, ''),
  );

function liesBelow(file: RawPath, directories: readonly RawPath[]): boolean {
  return directories.some((directory) => directory === '' || file === directory || file.startsWith(`${directory}/`));
}

async function removeFile(worktree: string, file: RawPath): Promise<void> {
  const stat = statOrNull(worktree, file);
  if (stat === null || stat.isDirectory()) return;
  await unlink(bytesBelow(worktree, file));
  for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) {
    try {
      await rmdir(bytesBelow(worktree, file.slice(0, end)));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
      throw error;
    }
  }
}

async function writeFiles(
  { place, config }: RestoreContext,
  target: LoadedCheckpoint,
  files: readonly RawPath[],
): Promise<void> {
  if (files.length === 0) return;
  const work = await openWorkIndex(`${indexPath(place)}.paths`);
  try {
    const shadow: Shadow = { place, index: work.path, config };
    await shadowGit(shadow, ['read-tree', target.checkpoint.tree]);
    await shadowGit(shadow, ['checkout-index', '-f', '-z', '--stdin'], joinNul(files));
  } finally {
    await work.discard();
  }
}

function setModes(worktree: string, { saved }: LoadedCheckpoint, files: readonly RawPath[]): void {
  const then = new Map(saved.modes);
  for (const file of files) {
    const stat = lstatSync(bytesBelow(worktree, file), { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) continue;
    const usual = (stat.mode & 0o100) === 0 ? saved.base.file : saved.base.executable;
    const mode = then.get(file) ?? usual;
    if ((stat.mode & 0o7777) !== mode) chmodSync(bytesBelow(worktree, file), mode);
  }
}
