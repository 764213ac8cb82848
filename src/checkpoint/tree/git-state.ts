import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { splitNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { runGit } from '../../git/git.ts';
import { directoriesOf, readIndexFile } from '../../git/repository/index-file.ts';
import type { Head } from '../../git/repository/repository.ts';
import { keepsRefsInFiles, readOperationRefs } from '../../git/repository/operation-refs.ts';
import { OPERATION_FILES } from '../../git/repository/operations.ts';
import type { OperationFile } from '../../git/repository/operations.ts';
import { parentsOf } from './tree-extras.ts';

async function ignoreMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/**
 * Files of an unfinished merge, rebase, …, and the shared part of a split index. A ref counts as a file with its object
 * id, which it is unless git keeps refs in another store: a checkpoint is the same with either.
 */
export async function readOperationFiles(worktree: string, gitDir: string): Promise<OperationFile[]> {
  const found: OperationFile[] = [];
  const present = new Set((await ignoreMissing(readdir(gitDir))) ?? []);
  const names = [
    ...OPERATION_FILES.filter((name) => present.has(name.split('/')[0] ?? '')),
    ...[...present].filter((name) => name.startsWith('sharedindex.')),
  ];
  for (const name of names) await collect(gitDir, name, found);
  if (!keepsRefsInFiles(gitDir))
    for (const [name, oid] of await readOperationRefs(worktree)) found.push({ name, content: Buffer.from(`${oid}\n`) });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function collect(gitDir: string, name: string, found: OperationFile[]): Promise<void> {
  const full = path.join(gitDir, name);
  const kind = await ignoreMissing(lstat(full));
  if (kind === null) return;
  if (kind.isDirectory()) {
    for (const child of (await ignoreMissing(readdir(full))) ?? []) await collect(gitDir, `${name}/${child}`, found);
  } else if (kind.isFile() && !name.endsWith('.lock')) {
    const content = await ignoreMissing(readFile(full));
    if (content !== null) found.push({ name, content });
  }
}

/** Commits that the operation needs and that may be on no branch; the caller drops those that do not exist. */
export function commitsOf(operations: readonly OperationFile[]): string[] {
  const names =
    /^([A-Z_]+_HEAD|MERGE_AUTOSTASH|BISECT_EXPECTED_REV|rebase-(merge|apply)\/(onto|orig-head|head|stopped-sha|autostash)|sequencer\/(head|abort-safety)|refs\/(bisect|rewritten)\/.+)$/;
  const oids = operations
    .filter(({ name }) => names.test(name))
    .flatMap(({ content }) => content.toString('latin1').match(/\b[0-9a-f]{40,64}\b/g) ?? []);
  return [...new Set(oids)];
}

/** Identity of the person's index file without reading it: another write gives another inode or time. */
export async function indexSignature(gitDir: string): Promise<string> {
  const found = await ignoreMissing(stat(path.join(gitDir, 'index'), { bigint: true }));
  return found === null ? 'none' : `${found.ino}-${found.mtimeNs}-${found.size}`;
}

/** Seconds since 1970 at which the index of this signature was written. */
export function indexTimeOf(signature: string): number {
  return Math.floor(Number(signature.split('-')[1] ?? 0) / 1e9);
}

export interface IndexState {
  /** Null when there is no index, or when `blob` names the blob with its bytes. */
  bytes: Buffer | null;
  /** Id of the blob with the bytes, once a checkpoint holds it. */
  blob: string | null;
  /** Equal for two indexes with the same content, whatever stat data they cache. */
  digest: string;
  /** Blobs that only the index names: unless a ref keeps them, a collection would break the saved index. */
  stagedBlobs: string[];
  /** Files that are tracked although a pattern ignores them. */
  trackedIgnored: RawPath[];
  /**
   * Directories above the files in the index, whether they exist or not. Where only git can read the index, null until
   * the same index is met again: an index that changes each time is not worth a process.
   */
  directories: RawPath[] | null;
}

/**
 * Reads the person's index, never writes it. `known`: the state read at the same head from the very same file. Then
 * only the tracked files that a pattern ignores are read again, and those too are kept under the same patterns
 * (`sameRules`).
 */
export async function readIndexState(
  worktree: string,
  gitDir: string,
  head: Head,
  { known, sameRules }: { known: IndexState | null; sameRules: boolean },
): Promise<IndexState> {
  const kept = known?.blob ?? null;
  const bytes = kept === null ? await ignoreMissing(readFile(path.join(gitDir, 'index'))) : null;
  if (bytes === null && kept === null)
    return { bytes, blob: null, digest: 'none', stagedBlobs: [], trackedIgnored: [], directories: [] };
  const names = async (...which: string[]): Promise<RawPath[]> =>
    splitNul((await runGit(['ls-files', '-z', '--cached', ...which], { cwd: worktree })).stdout);
  const [trackedIgnored, meaning, directories] = await Promise.all([
    known !== null && sameRules ? known.trackedIgnored : names('--ignored', '--exclude-standard'),
    known ?? readMeaning(worktree, bytes ?? Buffer.alloc(0), head),
    known === null ? directoriesIn(bytes, head) : (known.directories ?? names().then(parentsOf)),
  ]);
  const { digest, stagedBlobs } = meaning;
  return { bytes, blob: kept, digest, stagedBlobs, trackedIgnored, directories };
}

function directoriesIn(bytes: Buffer | null, { commit }: Head): RawPath[] | null {
  const index = bytes === null || commit === null ? null : readIndexFile(bytes, commit);
  return index === null ? null : directoriesOf(index);
}

/** The id that git gives a blob with these bytes; `oid` is any id of the repository, whose length tells the hash. */
export function blobId(bytes: Buffer, oid: string): string {
  const hash = createHash(oid.length === 64 ? 'sha256' : 'sha1');
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

async function readMeaning(
  worktree: string,
  bytes: Buffer,
  head: Head,
): Promise<Pick<IndexState, 'digest' | 'stagedBlobs'>> {
  const args =
    head.commit === null
      ? ['ls-files', '-s', '-z']
      : [
          'diff-index',
          '--cached',
          '--raw',
          '--no-renames',
          '--no-abbrev',
          '--ignore-submodules=none',
          '-z',
          head.commit,
          '--',
        ];
  const staged = await runGit(args, { cwd: worktree });
  const records = splitNul(staged.stdout);
  // For a conflict, a difference to HEAD says only "unmerged", not what its stages are.
  const conflict = head.commit !== null && records.some((record) => record.startsWith(':') && record.endsWith(' U'));
  const stages = conflict ? (await runGit(['ls-files', '-u', '-z'], { cwd: worktree })).stdout : Buffer.alloc(0);
  return {
    // The count of entries reveals an intent to add, which the difference to HEAD does not show.
    digest: createHash('sha256')
      .update(bytes.subarray(8, 12))
      .update(staged.stdout)
      .update('\0')
      .update(stages)
      .digest('hex'),
    stagedBlobs: blobsNamed([...records, ...splitNul(stages)]),
  };
}

/** Blob ids on the index's side of raw records (`:old new oldid newid X`) and of stage records (`mode id stage`). */
export function blobsNamed(records: readonly string[]): string[] {
  const oids = new Set<string>();
  for (const record of records) {
    const found = /^:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) |^(\d+) ([0-9a-f]+) \d\t/.exec(record);
    if (found === null) continue;
    const mode = found[1] ?? found[3] ?? '';
    const oid = found[2] ?? found[4] ?? '';
    // A gitlink's commit lies in another repository.
    if (mode !== '160000' && !/^0+$/.test(oid)) oids.add(oid);
  }
  return [...oids].sort();
}
