import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { SwarmError } from '../../domain/errors.ts';
import { shellQuote } from '../../lib/shell-quote.ts';
import { isGitError } from '../errors.ts';
import { gitText, runGit } from '../git.ts';

export interface Head {
  /** Null when HEAD is detached. */
  branch: string | null;
  /** Null before the first commit. */
  commit: string | null;
}

export interface Repository {
  /** Root of the main worktree; of this worktree when the repository itself is bare. */
  root: string;
  /** Real path of the git common directory: the project's identity. */
  gitCommonDir: string;
  /** Root of the worktree that `cwd` lies in. */
  cwdTopLevel: string;
  /** True in a linked worktree. */
  linked: boolean;
  /** HEAD of the worktree that `cwd` lies in. */
  head: { branch: string | null; commit: string };
  /** True when this is a linked worktree of a bare repository. */
  bare: boolean;
  hasSubmodules: boolean;
}

/** `worktree list -z` came with 2.36. */
export const MINIMUM_GIT = [2, 36] as const;

/**
 * Finds the repository that `cwd` lies in. Inside a submodule the submodule is the project. Errors: `no-repository`,
 * `bare-repository`, `no-commit`, `old-git`, `dubious-ownership`, `git-missing`.
 */
export async function findRepository(cwd: string): Promise<Repository> {
  const [place, head] = await Promise.all([readPlace(cwd), readHead(cwd).catch(() => null)]);
  const { gitDir, gitCommonDir, cwdTopLevel } = place;
  const { branch, commit } = head ?? (await readHead(cwd));
  if (commit === null) {
    throw new SwarmError('no-commit', `the repository ${cwdTopLevel} has no commit yet`, {
      hint: 'Commit something, for a worktree begins at a commit: `git add -A && git commit -m start`.',
    });
  }
  const linked = gitDir !== gitCommonDir;
  const main = linked ? await mainRoot(gitCommonDir) : cwdTopLevel;
  return {
    root: main ?? cwdTopLevel,
    gitCommonDir,
    cwdTopLevel,
    linked,
    head: { branch, commit },
    bare: main === null,
    hasSubmodules: existsSync(path.join(cwdTopLevel, '.gitmodules')),
  };
}

/** HEAD of the worktree that `cwd` lies in. */
export async function readHead(cwd: string): Promise<Head> {
  const [commit, branch] = await Promise.all([
    gitText(['rev-parse', '-q', '--verify', 'HEAD^{commit}'], { cwd, okCodes: [1] }),
    readSymbolicRef(cwd, 'HEAD', 'refs/heads/'),
  ]);
  return { branch, commit: commit === '' ? null : commit };
}

/**
 * Name, below `prefix`, of the ref that a symbolic ref stands for; null where it stands for none below there. Not by
 * `--short`: beside a tag of the same name git gives `heads/main`, which is no branch.
 */
export async function readSymbolicRef(cwd: string, name: string, prefix: string): Promise<string | null> {
  const target = await gitText(['symbolic-ref', '-q', name], { cwd, okCodes: [1, 128] });
  return target.startsWith(prefix) ? target.slice(prefix.length) : null;
}

interface Place {
  gitDir: string;
  gitCommonDir: string;
  cwdTopLevel: string;
}

async function readPlace(cwd: string): Promise<Place> {
  const args = [
    'rev-parse',
    '--path-format=absolute',
    '--is-inside-work-tree',
    '--git-dir',
    '--git-common-dir',
    '--show-toplevel',
  ];
  const output = await gitText(args, { cwd }).catch(async (error: unknown) => {
    if (!isGitError(error)) throw error;
    if (error.code === 'no-repository') {
      const places = await worktreeRoots(path.join(cwd, '.bare')).catch(() => []);
      throw new SwarmError('no-repository', `${cwd} is not inside a git repository`, {
        hint:
          places.length > 0
            ? `The worktrees of the repository in .bare are: ${places.join(', ')}. Run it in one of them.`
            : 'Change into a git repository, or make one: `git init && git add -A && git commit -m start`.',
        cause: error,
      });
    }
    if (error.code === 'bare-repository') throw await bare(cwd, error);
    await checkVersion(cwd);
    throw error;
  });
  const lines = output.split('\n');
  // A git that does not know --path-format (before 2.31) repeats it as a line of output.
  if (lines[0]?.startsWith('--') === true) await checkVersion(cwd);
  const [inside, gitDir, gitCommonDir, topLevel] = lines;
  if (inside === 'false') throw await bare(cwd);
  if (gitDir === undefined || gitCommonDir === undefined || topLevel === undefined || lines.length !== 4) {
    throw new SwarmError(
      'git-failed',
      `git described ${cwd} in a way that swarm does not understand: ${output.slice(0, 300)}`,
      {
        hint: 'A line break in the path of a repository is not supported; move the repository.',
      },
    );
  }
  await checkVersion(cwd);
  return {
    gitDir: realpathSync(gitDir),
    gitCommonDir: realpathSync(gitCommonDir),
    cwdTopLevel: realpathSync(topLevel),
  };
}

async function bare(cwd: string, cause?: unknown): Promise<SwarmError> {
  const place = await placeOfCheckout(cwd).catch(() => null);
  const message =
    place === null
      ? `${cwd} is in a bare repository or inside a .git directory, without files to work on`
      : `${place.root} has files, and yet its git settings say that it has none (core.bare = true)`;
  const places = place === null ? await worktreeRoots(cwd).catch(() => []) : [];
  const named = places.length === 0 ? '.' : `: ${places.join(', ')}`;
  const hint =
    place === null
      ? `Run it in a clone or a worktree of that repository${named}`
      : `Some program has set that by accident; take it back: \`git -C ${shellQuote(place.root)} config core.bare false\`.`;
  return new SwarmError('bare-repository', message, { hint, cause, lasting: true });
}

/** Roots of the worktrees, without that of a bare repository itself. */
async function worktreeRoots(cwd: string): Promise<string[]> {
  const { stdout } = await runGit(['worktree', 'list', '--porcelain', '-z'], { cwd });
  return stdout
    .toString('utf8')
    .split('\0\0')
    .filter((entry) => entry !== '' && !entry.includes('\0bare'))
    .map((entry) => entry.replace(/^worktree /, '').split('\0', 1)[0] ?? '')
    .filter((root) => existsSync(root));
}

/** The bare repository that `cwd` lies in, or that a `.git` file there points to, outside of its worktrees; or null. */
export async function placeOfBare(cwd: string): Promise<string | null> {
  const args = ['rev-parse', '--path-format=absolute', '--is-bare-repository', '--git-dir', '--git-common-dir'];
  const [isBare, gitDir, commonDir] = (await gitText(args, { cwd })).split('\n');
  return isBare === 'true' && gitDir !== undefined && gitDir === commonDir ? realpathSync(gitDir) : null;
}

/**
 * The project of a checkout whose settings call it bare, for what needs no files: ending it, looking at it. Null: not
 * in one.
 */
export async function placeOfCheckout(cwd: string): Promise<Pick<Repository, 'root' | 'gitCommonDir'> | null> {
  const gitCommonDir = await placeOfBare(cwd);
  if (gitCommonDir === null) return null;
  return hasCheckout(gitCommonDir) ? { gitCommonDir, root: path.dirname(gitCommonDir) } : null;
}

/** A repository that is meant to be bare has no index, also where it is called `.git` and has its worktrees beside it. */
function hasCheckout(gitCommonDir: string): boolean {
  return path.basename(gitCommonDir) === '.git' && existsSync(path.join(gitCommonDir, 'index'));
}

/** Root of the main worktree of a common directory; null when the repository is bare. */
async function mainRoot(gitCommonDir: string): Promise<string | null> {
  const { stdout } = await runGit(['config', '-z', '--get-regexp', '^core\\.(bare|worktree)$'], {
    cwd: gitCommonDir,
    env: { GIT_DIR: gitCommonDir },
    okCodes: [1],
  });
  const config = new Map(
    stdout
      .toString('utf8')
      .split('\0')
      .map((entry) => entry.split('\n') as [string, string]),
  );
  const worktree = config.get('core.worktree');
  if (worktree !== undefined) return realpathSync(path.resolve(gitCommonDir, worktree));
  if (config.get('core.bare') === 'true' && !hasCheckout(gitCommonDir)) return null;
  return path.basename(gitCommonDir) === '.git' ? path.dirname(gitCommonDir) : null;
}

export function parseGitVersion(text: string): readonly [number, number] | null {
  const found = /(\d+)\.(\d+)/.exec(text);
  return found === null ? null : [Number(found[1]), Number(found[2])];
}

let versionKnownGood = false;

async function checkVersion(cwd: string): Promise<void> {
  if (versionKnownGood) return;
  const text = await gitText(['version'], { cwd });
  const version = parseGitVersion(text);
  const [major, minor] = MINIMUM_GIT;
  if (version === null || version[0] < major || (version[0] === major && version[1] < minor)) {
    throw new SwarmError('old-git', `swarm needs git ${major}.${minor} or newer, found "${text}"`, {
      hint: 'Install a newer git.',
    });
  }
  versionKnownGood = true;
}
