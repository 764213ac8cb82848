import { printable, splitNul } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { runGit } from '../../git/git.ts';
import { listWorktrees } from '../../git/worktree/worktrees.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { present } from '../tree/objects.ts';
import type { Git } from '../tree/objects.ts';
import { listAllCheckpoints } from '../refs/refs.ts';
import { looksSecret } from '../tree/secrets.ts';
import type { Checkpoint } from '../tree/types.ts';

/** The files that a purge is to remove, by object id. */
export interface OwnFiles {
  /** Files that no commit outside of checkpoints holds. */
  hidden: Map<string, RawPath>;
  /** Files that such a commit holds. */
  committed: Map<string, RawPath>;
}

export interface Holders {
  stillHeld: { path: string; checkpoints: { agent: string; n: number }[] }[];
  /** Other places that hold a file, for people. */
  told: string[];
}

/** Most file names in an answer. */
const MOST_PATHS = 20;
const MOST_NAMED = 3;

/** The files that these checkpoints hold beyond their HEAD, staged ones included. */
export async function ownFiles(git: Git, dropped: readonly Checkpoint[]): Promise<OwnFiles> {
  const all = new Map<string, RawPath>();
  for (const checkpoint of dropped) {
    if (checkpoint.damaged) continue;
    for (const oid of await stagedBlobs(git, checkpoint)) all.set(oid, `staged content ${oid.slice(0, 12)}`);
    for (const [oid, name] of await changedSinceHead(git, checkpoint)) all.set(oid, name);
  }
  const known = await amongCommitted(git, all);
  const entries = [...all].sort(([, a], [, b]) => Number(looksSecret(b)) - Number(looksSecret(a)));
  return {
    hidden: new Map(entries.filter(([oid]) => !known.has(oid))),
    committed: new Map(entries.filter(([oid]) => known.has(oid))),
  };
}

/**
 * Of these objects, those that a branch, tag, stash or other ref reaches, history included. In a large repository that
 * is a long list.
 */
async function amongCommitted(git: Git, wanted: ReadonlyMap<string, unknown>): Promise<Set<string>> {
  const found = new Set<string>();
  if (wanted.size === 0) return found;
  const options = ['--objects', '--no-object-names', '--missing=allow-any', '--filter=object:type=blob'];
  const { stdout } = await runGit(['rev-list', ...options, '--exclude=refs/swarm/*', '--all'], git);
  for (let at = 0, end = stdout.indexOf(10); end !== -1; at = end + 1, end = stdout.indexOf(10, at)) {
    const oid = stdout.toString('latin1', at, end);
    if (wanted.has(oid)) found.add(oid);
  }
  return found;
}

/** `:oldmode newmode oldid newid status NUL path`, or of a tree alone `mode type id TAB path`. */
async function changedSinceHead(git: Git, { head, tree }: Checkpoint): Promise<[string, RawPath][]> {
  if (head === null) {
    const { stdout } = await runGit(['ls-tree', '-r', '-z', tree], git);
    return splitNul(stdout).flatMap((line) => {
      const [, oid, name] = /^\d+ blob ([0-9a-f]+)\t([^]+)$/.exec(line) ?? [];
      return oid === undefined || name === undefined ? [] : [[oid, name] as [string, RawPath]];
    });
  }
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--diff-filter=d', head, tree];
  const fields = splitNul((await runGit(args, git)).stdout);
  const found: [string, RawPath][] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode, , oid] = (fields[at] ?? '').split(' ');
    if (oid !== undefined && mode !== '160000') found.push([oid, fields[at + 1] ?? '']);
  }
  return found;
}

async function stagedBlobs(git: Git, { meta }: Checkpoint): Promise<string[]> {
  const { stdout } = await runGit(['ls-tree', '-z', '--name-only', meta, 'staged/'], git);
  return splitNul(stdout).map((name) => name.slice('staged/'.length));
}

/** Finds what still holds these files after a purge. */
export async function holdersOf(git: Git, { hidden, committed }: OwnFiles): Promise<Holders> {
  const left = new Set(await present(git, [...hidden.keys()]));
  const asked = [...hidden].filter(([oid]) => left.has(oid)).slice(0, MOST_PATHS);
  const stillHeld = await inCheckpoints(git, asked);
  const { told, staged } = await inIndexes(git, asked);
  const unexplained = asked.filter(([oid]) => !stillHeld.has(oid) && !staged.has(oid));
  if (unexplained.length > 0)
    told.push(
      `${namesOf(unexplained)} ${be(unexplained)} also in a reflog or in an unreachable commit: ${search(unexplained)}`,
    );
  const known = [...committed];
  if (known.length > 0)
    told.push(`${namesOf(known)} ${be(known)} in ordinary commits too, which a purge lets be: ${search(known)}`);
  return { stillHeld: [...stillHeld.values()], told };
}

const be = (files: readonly unknown[]): string => (files.length === 1 ? 'is' : 'are');

function namesOf(files: readonly (readonly [string, RawPath])[]): string {
  const shown = files.slice(0, MOST_NAMED).map(([, name]) => printable(name));
  const more = files.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const search = (files: readonly (readonly [string, RawPath])[]): string =>
  `\`git log --all --reflog --find-object=${files[0]?.[0].slice(0, 12) ?? ''}\``;

async function inCheckpoints(
  git: Git,
  asked: readonly (readonly [string, RawPath])[],
): Promise<Map<string, Holders['stillHeld'][number]>> {
  const found = new Map<string, Holders['stillHeld'][number]>();
  const checkpoints = (await listAllCheckpoints(git.cwd)).filter(({ damaged }) => !damaged);
  if (asked.length === 0 || checkpoints.length === 0) return found;
  const names = asked.flatMap(([oid, name]) =>
    checkpoints.flatMap(({ commit, meta }) => [`${commit}:${name}`, `${meta}:staged/${oid}`]),
  );
  const { stdout } = await runGit(['cat-file', '--batch-check=%(objectname)'], {
    ...git,
    input: Buffer.from(`${names.join('\n')}\n`, 'latin1'),
  });
  const answers = stdout.toString('latin1').split('\n');
  for (const [row, [oid, name]] of asked.entries()) {
    const of = (column: number): (string | undefined)[] => {
      const at = (row * checkpoints.length + column) * 2;
      return answers.slice(at, at + 2);
    };
    const holders = checkpoints.filter((_, column) => of(column).includes(oid));
    if (holders.length === 0) continue;
    found.set(oid, { path: printable(name), checkpoints: holders.map(({ agent, n }) => ({ agent, n })) });
  }
  return found;
}

async function inIndexes(
  git: Git,
  asked: readonly (readonly [string, RawPath])[],
): Promise<{ told: string[]; staged: Set<string> }> {
  const told: string[] = [];
  const staged = new Set<string>();
  if (asked.length === 0) return { told, staged };
  const wanted = new Set(asked.map(([oid]) => oid));
  for (const { path: place, missing, bare } of await listWorktrees(git.cwd)) {
    if (missing || bare) continue;
    const { stdout } = await runGit(['ls-files', '-z', '--stage'], { cwd: place });
    for (const line of splitNul(stdout)) {
      const [, oid = '', name = ''] = /^\d+ ([0-9a-f]+) \d\t([^]+)$/.exec(line) ?? [];
      if (!wanted.has(oid)) continue;
      staged.add(oid);
      const file = printable(name);
      const unstage = `git -C ${shellQuote(place)} rm --cached -- ${shellQuote(file)}`;
      told.push(`${file} is staged in ${place}: \`${unstage}\`, then \`git gc --prune=now\``);
    }
  }
  return { told, staged };
}
