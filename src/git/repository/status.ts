import type { RawPath } from '../bytes.ts';
import { printable, splitNul } from '../bytes.ts';
import { runGit } from '../git.ts';

export interface WorktreeStatus {
  /** Null before the first commit. */
  commit: string | null;
  /** Null when HEAD is detached. */
  branch: string | null;
  /** Tracked paths that differ from HEAD, in the index or in the worktree; without those in conflict. */
  changed: RawPath[];
  untracked: RawPath[];
  unmerged: RawPath[];
}

/** Output of `git status --porcelain=v2 -z --branch`. */
export function parseStatus(output: Buffer): WorktreeStatus {
  const status: WorktreeStatus = { commit: null, branch: null, changed: [], untracked: [], unmerged: [] };
  const records = splitNul(output);
  for (let at = 0; at < records.length; at += 1) {
    const record = records[at] ?? '';
    const kind = record[0];
    if (record.startsWith('# branch.oid ')) {
      const oid = record.slice('# branch.oid '.length);
      status.commit = oid === '(initial)' ? null : oid;
    } else if (record.startsWith('# branch.head ')) {
      const name = record.slice('# branch.head '.length);
      status.branch = name === '(detached)' ? null : printable(name);
    } else if (kind === '1') status.changed.push(afterFields(record, 8));
    else if (kind === '2') {
      status.changed.push(afterFields(record, 9));
      at += 1; // the old name follows as a record of its own
    } else if (kind === 'u') status.unmerged.push(afterFields(record, 10));
    else if (kind === '?') status.untracked.push(record.slice(2));
  }
  return status;
}

/** Names may hold spaces, so only the fixed number of leading fields is cut off. */
function afterFields(record: string, fields: number): string {
  let at = 0;
  for (let n = 0; n < fields; n += 1) at = record.indexOf(' ', at) + 1;
  return record.slice(at);
}

export interface StatusOptions {
  /** `all` names every file; `normal` one entry for a wholly untracked directory. */
  untracked: 'all' | 'normal' | 'no';
  signal?: AbortSignal | undefined;
}

export async function readStatus(worktree: string, options: StatusOptions): Promise<WorktreeStatus> {
  const args = [
    'status',
    '--porcelain=v2',
    '-z',
    '--branch',
    '--no-renames',
    `-u${options.untracked}`,
    '--ignore-submodules=dirty',
  ];
  const { stdout } = await runGit(args, { cwd: worktree, signal: options.signal });
  return parseStatus(stdout);
}

export function isClean(status: WorktreeStatus): boolean {
  return status.changed.length === 0 && status.untracked.length === 0 && status.unmerged.length === 0;
}

export interface DirtySummary {
  /** Changed, conflicting and untracked entries; a wholly untracked directory counts as one. */
  count: number;
  /** The first five of them. */
  names: string[];
}

export async function dirtySummary(root: string): Promise<DirtySummary> {
  const status = await readStatus(root, { untracked: 'normal' });
  const all = [...status.unmerged, ...status.changed, ...status.untracked];
  return { count: all.length, names: all.slice(0, 5).map(printable) };
}
