import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import path from 'node:path';
import type { TestRepository } from '../../../support/git-repository.ts';
import type { World } from '../world.ts';
import { withLfs } from './lfs.ts';

/** Files that a checkpoint promises not to touch: ignored files, repositories inside, files above the limit. */
const UNTOUCHED = /^(ignored|nested|huge|library\/)/;
const REPOSITORIES = /^(nested-.*|library)$/;

export interface Observed {
  /** Everything in the worktree that a rollback brings back, one line each: type, mode, bytes. */
  files: string[];
  /** The other files. */
  untouched: string[];
  /** Files that cannot be read: name, and the stat data that prove that they were not written. */
  closed: Map<string, string>;
  index: string[];
  status: string[];
  operation: string[];
  branch: string | null;
  /** Commit of HEAD; null before the first of its branch. */
  head: string | null;
  /** All refs but those of swarm. */
  refs: Map<string, string>;
}

const OPERATION = [
  'MERGE_HEAD',
  'MERGE_MSG',
  'MERGE_MODE',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'REBASE_HEAD',
  'ORIG_HEAD',
  'MERGE_AUTOSTASH',
  'BISECT_START',
  'BISECT_LOG',
  // The task for which the worktree was prepared.
  'swarm-task',
];
const REF_DIRECTORIES = ['refs/bisect', 'refs/rewritten'];
const OPERATION_DIRECTORIES = ['rebase-merge', 'rebase-apply', 'sequencer', ...REF_DIRECTORIES];
const LIST_OWN = [
  'for-each-ref',
  '--include-root-refs',
  '--format=%(refname) %(objectname)',
  ...OPERATION,
  ...REF_DIRECTORIES,
];
const HASHED_BYTES = 4_000_000;
/** Digests of contents by the stat data of the file, from `find`. */
const known = new Map<string, string>();

/** Observes without swarm: bytes, modes and links from the file system, the rest from git itself. */
export function observe(world: World): Observed {
  const { repository, worktree } = world;
  const git = (...args: string[]): string[] => withoutMany(linesOfGit(repository, worktree, args));
  const closed = new Map<string, string>();
  const lines = walkBytes(worktree, closed);
  const gitDir = path.join(repository.gitCommonDir, 'worktrees', path.basename(worktree));
  const operation = OPERATION.flatMap((name) =>
    existsSync(path.join(gitDir, name)) ? [`${name} ${readFileSync(path.join(gitDir, name), 'latin1')}`] : [],
  );
  for (const name of OPERATION_DIRECTORIES)
    if (existsSync(path.join(gitDir, name)))
      operation.push(...walkBytes(path.join(gitDir, name), closed).map((line) => `${name}/${line}`));
  // The status of repositories inside depends on their own commits, which are not compared.
  const untracked = existsSync(path.join(worktree, 'many')) ? '-uno' : '-uall';
  const status = git(
    '--no-optional-locks',
    'status',
    '--porcelain=v2',
    '--branch',
    untracked,
    '--ignore-submodules=all',
  );
  // Git warns of line ends where it reads a file again, which depends on its last look at that file.
  const told = status.filter(
    (line) =>
      !/[ "](nested|huge|closed)/.test(line) && !/^warning: in the working copy of .* will be replaced by /.test(line),
  );
  const isReftable = existsSync(path.join(gitDir, 'reftable'));
  if (isReftable) operation.push(...git(...LIST_OWN));
  const refs = new Map([...readRefs(repository.gitCommonDir)].filter(([name]) => !name.startsWith('refs/swarm/')));
  const symbolic = isReftable
    ? `ref: ${git('symbolic-ref', '-q', 'HEAD').join('\n')}`
    : readFileSync(path.join(gitDir, 'HEAD'), 'utf8');
  const branch = /^ref: (.+)\n/.exec(symbolic)?.[1] ?? null;
  const detached = (): string => (isReftable ? (git('rev-parse', 'HEAD')[0] ?? '') : symbolic.trim());
  return {
    files: lines.filter((line) => !UNTOUCHED.test(line)),
    untouched: [...lines.filter((line) => UNTOUCHED.test(line)), ...headsInside(worktree)],
    closed,
    index: git('ls-files', '-s', '-v'),
    status: told,
    operation,
    branch,
    head: branch === null ? detached() : (refs.get(branch) ?? null),
    refs,
  };
}

function walkBytes(root: string, closed: Map<string, string>): string[] {
  const lines: string[] = [];
  const visit = (directory: Buffer, prefix: string, into: string[]): void => {
    for (const entry of readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const name = prefix + entry.toString('latin1');
      if (name === '.git' || name === 'library/.git') continue;
      const full = Buffer.concat([directory, Buffer.from('/'), entry]);
      const stat = lstatSync(full);
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink()) into.push(`${name} link ${readlinkSync(full, { encoding: 'latin1' })}`);
      else if (stat.isDirectory()) {
        into.push(`${name} directory ${mode}`);
        // The inside of a repository is its own; only its presence counts.
        if (name.startsWith('nested')) continue;
        if (prefix === '' && name === 'many') into.push(...manyLines(root));
        else visit(full, `${name}/`, into);
      } else into.push(`${name} file ${mode} ${stat.size} ${digestOf(name, full, stat, closed)}`);
    }
  };
  visit(Buffer.from(root), '', lines);
  return lines;
}

/**
 * A line for each directory. Of a hundred thousand files only changed ones are read again: a change gives a file
 * another time.
 */
function manyLines(root: string): string[] {
  const { stdout } = spawnSync('find', ['many', '-printf', '%p %y %m %s %i %C@\\n'], { cwd: root, maxBuffer: 1e9 });
  const directories = new Map<string, string[]>();
  for (const mark of stdout.toString('latin1').split('\n').filter(Boolean)) {
    const [name = '', type = '', mode = '', size = ''] = mark.split(' ');
    const contents = type === 'f' ? (known.get(mark) ?? digest(readFileSync(path.join(root, name)))) : '';
    if (type === 'f') known.set(mark, contents);
    const directory = name.split('/').slice(0, 2).join('/');
    const lines = directories.get(directory) ?? [];
    directories.set(directory, lines);
    lines.push(`${name} ${type} ${mode} ${type === 'f' ? size : ''} ${contents}`);
  }
  return [...directories]
    .map(([name, lines]) => `${name} ${lines.length} files ${digest(Buffer.from(lines.sort().join('\n')))}`)
    .sort();
}

function digestOf(name: string, full: Buffer, stat: Stats, closed: Map<string, string>): string {
  if (stat.size > HASHED_BYTES) return '';
  try {
    return digest(readFileSync(full));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    closed.set(name, `${stat.ino} ${stat.ctimeMs} ${stat.size}`);
    return 'closed';
  }
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Git may fail: then its error is the observation. */
function linesOfGit(repository: TestRepository, cwd: string, args: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync('git', [...withLfs(repository), ...args], { cwd, maxBuffer: 1e9 });
  return `${stdout.toString('latin1')}${stderr.toString('latin1')}`.split('\n');
}

/** A hundred thousand lines are compared by their digest. */
function withoutMany(lines: readonly string[]): string[] {
  const rest = lines.filter((line) => !isMany(line));
  if (rest.length === lines.length) return rest;
  const many = lines.filter((line) => isMany(line));
  return [...rest, `many: ${many.length} ${digest(Buffer.from(many.join('\n')))}`];
}

const isMany = (line: string): boolean => /[\t ]many\//.test(line);

/**
 * Every ref and what it points at, by git's own files, or by git where refs are no files. Another git may just be packing the refs: one that is no file any more is in `packed-refs` then, and a lock is no
 * ref.
 */
export function readRefs(gitCommonDir: string): Map<string, string> {
  if (existsSync(path.join(gitCommonDir, 'reftable'))) return listRefs(gitCommonDir);
  const refs = new Map<string, string>();
  const visit = (name: string): void => {
    for (const entry of readdirSync(path.join(gitCommonDir, name), { withFileTypes: true })) {
      const ref = `${name}/${entry.name}`;
      const text = entry.isDirectory() ? visit(ref) : textUnlessGone(path.join(gitCommonDir, ref));
      if (text !== undefined && !ref.endsWith('.lock')) refs.set(ref, text.trim());
    }
  };
  visit('refs');
  const packed = textUnlessGone(path.join(gitCommonDir, 'packed-refs')) ?? '';
  for (const [, oid = '', name = ''] of packed.matchAll(/^([0-9a-f]{40,64}) (refs\/.*)$/gm))
    if (!refs.has(name)) refs.set(name, oid);
  return new Map([...refs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function listRefs(gitCommonDir: string): Map<string, string> {
  const args = ['for-each-ref', '--format=%(refname) %(objectname)'];
  const env = { ...process.env, GIT_DIR: gitCommonDir };
  const lines = execFileSync('git', args, { cwd: gitCommonDir, env, encoding: 'utf8' }).split('\n').filter(Boolean);
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]));
}

function textUnlessGone(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The commit of each repository inside. */
function headsInside(worktree: string): string[] {
  return readdirSync(worktree)
    .filter((name) => REPOSITORIES.test(name) && existsSync(path.join(worktree, name, '.git')))
    .map((name) => {
      const dotGit = path.join(worktree, name, '.git');
      const gitDir = lstatSync(dotGit).isDirectory()
        ? dotGit
        : path.resolve(worktree, name, readFileSync(dotGit, 'utf8').replace('gitdir: ', '').trim());
      const head = readFileSync(path.join(gitDir, 'HEAD'), 'utf8').trim();
      const ref = head.startsWith('ref: ') ? path.join(gitDir, head.slice('ref: '.length)) : null;
      return `${name} at ${ref !== null && existsSync(ref) ? readFileSync(ref, 'utf8').trim() : head}`;
    });
}
