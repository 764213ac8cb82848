import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ASIDE, holdsAside } from './aside.ts';
import { bytesBelow, printable, splitNul } from '../bytes.ts';
import type { RawPath } from '../bytes.ts';
import { gitText, runGit } from '../git.ts';
import { innerWork } from './inner-work.ts';
import { operationUnderWay, worktreeGitDir } from '../repository/operations.ts';
import { worktreeLocks } from '../repository/stale-lock.ts';
import { readStatus } from '../repository/status.ts';
import { submoduleStates, submoduleWithOwnCommits } from '../repository/submodules.ts';
import { listWorktrees } from './worktrees.ts';
import type { Worktree } from './worktrees.ts';

/** A piece of work that would be lost if a worktree were removed now, or a lock that forbids it. */
export interface Finding {
  kind:
    | 'uncommitted'
    | 'untracked'
    | 'operation'
    | 'stash'
    | 'commits'
    | 'refs'
    | 'submodule'
    | 'nested-repository'
    | 'process'
    | 'lock'
    | 'check-failed';
  /** For people: "3 uncommitted changes: a, b, c". */
  text: string;
}

/** A commit that only this worktree leads to. */
export interface LooseCommit {
  /** Name under which it is kept: `head`, `stash-…`, `refs-worktree-…`. */
  name: string;
  commit: string;
}

export interface UnsavedWork {
  findings: Finding[];
  /** Files that are in no commit, as far as git shows them. */
  files: RawPath[];
  /** Commits that a removal would lose for good: HEAD, stashes made here, refs of this worktree alone. */
  loose: LooseCommit[];
}

/** Branches, tags, fetched commits, and refs that swarm keeps for good: none of it goes with a worktree. */
const STAYS = ['--branches', '--tags', '--remotes', '--glob=refs/swarm/kept', '--glob=refs/swarm/snapshots'];
const NAMED = 3;
const MODULE = {
  one: 'repository of a submodule that is not checked out, with commits that are nowhere else',
  many: 'repositories of submodules that are not checked out, with commits that are nowhere else',
};

/**
 * Looks for unsaved work now, everywhere that git knows of. Throws where git cannot answer: the caller keeps the
 * worktree then.
 */
export async function unsavedWork(options: { root: string; worktree: string }): Promise<UnsavedWork> {
  const { root, worktree } = options;
  const gitDir = worktreeGitDir(worktree);
  const all = await listWorktrees(root);
  const own = all.find(({ path: place }) => path.resolve(place) === path.resolve(worktree));
  if (own === undefined) throw new Error(`git does not list ${worktree} as a worktree of ${root}`);
  const [status, states, hidden, stashes, refs, inner] = await Promise.all([
    readStatus(worktree, { untracked: 'all' }),
    submoduleStates(worktree),
    hiddenChanges(worktree),
    stashesMadeIn(worktree, gitDir, own, all),
    ownRefs(worktree),
    innerWork({ root, worktree }),
  ]);
  const submodules = states.filter(({ dirty }) => dirty).map(({ path: name }) => name);
  const inHead = status.commit === null ? 0 : await countLoose(worktree, status.commit);
  const looseRefs: LooseCommit[] = [];
  for (const ref of refs) if ((await countLoose(worktree, ref.commit)) > 0) looseRefs.push(ref);
  const untracked = status.untracked.filter((name) => !name.endsWith('/'));
  const changed = [...new Set([...status.unmerged, ...status.changed, ...hidden])];
  const operation = await operationUnderWay(worktree);
  const aside = await holdsAside(gitDir);
  const ownCommits = await submoduleWithOwnCommits({ root, worktree });
  const said = new Set([...submodules.map(printable), ownCommits]);
  const nested = new Set([
    ...status.untracked.filter((name) => name.endsWith('/')).map((name) => name.slice(0, -1)),
    ...inner.repositories.filter((name) => !said.has(printable(name))),
  ]);
  const found: (Finding | null)[] = [
    locks(own),
    some('uncommitted', changed, 'uncommitted change'),
    some('untracked', untracked, 'untracked file'),
    some(
      'nested-repository',
      [...nested].sort(),
      'git repository inside, which no checkpoint holds',
      'git repositories inside',
    ),
    some('submodule', submodules, 'submodule with changes of its own', 'submodules with changes of their own'),
    operation === null ? null : { kind: 'operation', text: `an unfinished ${operation}` },
    ownCommits === null
      ? null
      : { kind: 'submodule', text: `the submodule ${ownCommits} has commits that are nowhere else` },
    named('submodule', inner.modules, MODULE.one, MODULE.many),
    aside
      ? {
          kind: 'nested-repository',
          text: `files that no checkpoint holds were put aside in ${path.join(gitDir, ASIDE)} (take away what you need, then remove it)`,
        }
      : null,
    stashes.length === 0
      ? null
      : { kind: 'stash', text: countOf(stashes.length, 'stash made here', 'stashes made here') },
    inHead === 0
      ? null
      : { kind: 'commits', text: `${countOf(inHead, 'commit')} in no branch (at ${short(status.commit)})` },
    looseRefs.length === 0 ? null : { kind: 'refs', text: `commits that only ${looseRefs[0]?.name ?? ''} leads to` },
  ];
  return {
    findings: found.filter((finding) => finding !== null),
    files: [...changed, ...untracked],
    loose: [
      ...(inHead > 0 && status.commit !== null ? [{ name: 'head', commit: status.commit }] : []),
      ...stashes,
      ...looseRefs,
    ],
  };
}

function some(kind: Finding['kind'], raw: readonly RawPath[], one: string, many = `${one}s`): Finding | null {
  return named(kind, raw.map(printable), one, many);
}

function named(kind: Finding['kind'], names: readonly string[], one: string, many: string): Finding | null {
  if (names.length === 0) return null;
  const first = names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ', …' : '');
  return { kind, text: `${countOf(names.length, one, many)}: ${first}` };
}

function countOf(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function short(commit: string | null): string {
  return commit?.slice(0, 12) ?? '';
}

/** A lock that a person set, or one that a working (or killed) git holds. */
function locks(own: Worktree): Finding | null {
  if (own.locked) return { kind: 'lock', text: 'it is locked by `git worktree lock`' };
  const [held] = worktreeLocks(own.path);
  return held === undefined ? null : { kind: 'lock', text: `${held} says that another git works in it` };
}

async function countLoose(worktree: string, commit: string): Promise<number> {
  return Number(await gitText(['rev-list', '--count', commit, '--not', ...STAYS], { cwd: worktree }));
}

/** Changed files that git was told not to look at (assume-unchanged, skip-worktree). */
async function hiddenChanges(worktree: string): Promise<RawPath[]> {
  const { stdout } = await runGit(['ls-files', '-v', '-s', '-z'], { cwd: worktree });
  const changed: RawPath[] = [];
  for (const record of splitNul(stdout)) {
    const found = /^[a-zS] \d+ ([0-9a-f]+) 0\t(.*)$/s.exec(record);
    const [oid = '', name = ''] = found?.slice(1) ?? [];
    if (found === null || !isFile(bytesBelow(worktree, name))) continue;
    const args = ['hash-object', `--path=${printable(name)}`, '--', path.join(worktree, printable(name))];
    if ((await gitText(args, { cwd: worktree })) !== oid) changed.push(name);
  }
  return changed;
}

function isFile(file: Buffer): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

/** Refs of this worktree alone, which go with it; HEAD is handled by itself. */
async function ownRefs(worktree: string): Promise<LooseCommit[]> {
  const args = ['for-each-ref', '--format=%(objecttype) %(objectname) %(refname)', 'refs/worktree/', 'refs/bisect/'];
  const text = await gitText(args, { cwd: worktree });
  return text.split('\n').flatMap((line) => {
    const found = /^commit ([0-9a-f]+) (.+)$/.exec(line);
    return found === null ? [] : [{ name: (found[2] ?? '').replaceAll('/', '-'), commit: found[1] ?? '' }];
  });
}

interface Reflog {
  /** Branches that HEAD left or entered. */
  branches: Set<string>;
  /** Oldest first: the commits that HEAD went to, and when, in seconds since 1970. */
  moves: { commit: string; at: number }[];
}

/**
 * The stashes that were made in this worktree: the list is one for all worktrees. A stash was made here when its branch
 * was in use here; one made on a detached HEAD counts as made here when HEAD was at its commit at that time.
 */
async function stashesMadeIn(
  worktree: string,
  gitDir: string,
  own: Worktree,
  all: readonly Worktree[],
): Promise<LooseCommit[]> {
  const exists = await gitText(['rev-parse', '-q', '--verify', 'refs/stash'], { cwd: worktree, okCodes: [1] });
  if (exists === '') return [];
  const format = ['--format=%H%x09%P%x09%ct%x09%gs', 'refs/stash', '--'];
  const [list, keptText, here] = await Promise.all([
    runGit(['log', '-g', '-z', ...format], { cwd: worktree }),
    gitText(['for-each-ref', '--format=%(objectname)', 'refs/swarm/kept/'], { cwd: worktree }),
    readReflog(worktree, gitDir),
  ]);
  const kept = new Set(keptText.split('\n'));
  const elsewhere = new Set(all.filter((other) => other !== own && !other.missing).map(({ branch }) => branch));
  const found: LooseCommit[] = [];
  for (const record of splitNul(list.stdout).map(printable)) {
    const [commit = '', parents = '', seconds = '', subject = ''] = record.split('\t');
    const label = /^(?:WIP on|On) (.*?): /.exec(subject)?.[1] ?? '(no branch)';
    const mine =
      label === '(no branch)'
        ? wasAt(here, parents.split(' ')[0] ?? '', Number(seconds))
        : !elsewhere.has(label) && (own.branch === label || here.branches.has(label));
    if (mine && !kept.has(commit)) found.push({ name: `stash-${commit.slice(0, 12)}`, commit });
  }
  return found;
}

/**
 * Whether HEAD was at the commit at that time, to within the second that reflogs count in. Without a reflog: perhaps,
 * which counts as yes.
 */
function wasAt({ moves }: Reflog, commit: string, at: number): boolean {
  if (moves.length === 0) return true;
  return moves.some((move, index) => {
    const until = moves[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    return move.commit === commit && at >= move.at - 1 && at <= until + 1;
  });
}

/** Reads the reflog of HEAD: from its file, and from git where references lie in tables. */
async function readReflog(worktree: string, gitDir: string): Promise<Reflog> {
  const log: Reflog = { branches: new Set(), moves: [] };
  for (const { commit, at, what } of (await movesOfFile(gitDir)) ?? (await movesOfGit(worktree))) {
    log.moves.push({ commit, at });
    const moved = /^checkout: moving from (\S+) to (\S+)$/.exec(what);
    for (const name of moved?.slice(1) ?? []) log.branches.add(name);
  }
  return log;
}

interface Move {
  commit: string;
  /** Seconds since 1970. */
  at: number;
  what: string;
}

/** Oldest first; null: there is no such file. */
async function movesOfFile(gitDir: string): Promise<Move[] | null> {
  const text = await readFile(path.join(gitDir, 'logs', 'HEAD'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  return text.split('\n').flatMap((line) => {
    const [, commit, seconds, what = ''] = /^[0-9a-f]+ ([0-9a-f]+) .*> (\d+) [+-]\d+(?:\t(.*))?$/.exec(line) ?? [];
    return commit === undefined ? [] : [{ commit, at: Number(seconds), what }];
  });
}

/** Oldest first. A commit that is gone ends the list. */
async function movesOfGit(worktree: string): Promise<Move[]> {
  const args = ['log', '-g', '-z', '--date=unix', '--format=%H%x09%gd%x09%gs', 'HEAD', '--'];
  const { stdout } = await runGit(args, { cwd: worktree, okCodes: [128] });
  const moves = splitNul(stdout)
    .map(printable)
    .flatMap((record) => {
      const [, commit, seconds, what = ''] = /^([0-9a-f]+)\tHEAD@\{(\d+)\}\t(.*)$/s.exec(record) ?? [];
      return commit === undefined ? [] : [{ commit, at: Number(seconds), what }];
    });
  return moves.toReversed();
}
