import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { environmentFor } from '../../src/domain/environment.ts';

export interface TestRepository extends Disposable {
  /** Real path of the repository's root. */
  root: string;
  /** The temporary directory around it; all files of a test go below. */
  home: string;
  gitCommonDir: string;
  /** Runs git in `cwd` (default: the root) as a person would, and returns stdout without the last line break. */
  git(args: readonly string[], cwd?: string): string;
  /** As `git`, with the exit code instead of an exception. */
  tryGit(args: readonly string[], cwd?: string): { code: number; output: string };
  /** Writes files below `cwd`, making directories. */
  write(files: Readonly<Record<string, string | Buffer>>, cwd?: string): void;
  /** `write`, then commits everything; the commit's id. */
  commit(files: Readonly<Record<string, string | Buffer>>, message?: string, cwd?: string): string;
}

/** How a repository keeps references and objects; by default as `GIT_DEFAULT_REF_FORMAT` and `GIT_DEFAULT_HASH` say. */
export interface Formats {
  refs?: 'files' | 'reftable';
  objects?: 'sha1' | 'sha256';
}

/** Whether this git has reftables: it prints its options and ends with 129. */
export const HAS_REFTABLE = spawnSync('git', ['init', '-h'], { encoding: 'utf8' }).stdout.includes('ref-format');
/** The stores of references that this git has. */
export const REF_FORMATS = HAS_REFTABLE ? (['files', 'reftable'] as const) : (['files'] as const);

export interface RepositoryOptions extends Formats {
  /** Directory name; spaces and other alphabets are welcome. */
  name?: string;
  files?: Readonly<Record<string, string | Buffer>>;
  /** Directory that holds it; by default the system's for temporary files. */
  parent?: string;
  /** False: no user.name and user.email. */
  identity?: boolean;
}

const ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  LC_ALL: 'C',
};

/** A private repository with one commit on `main`, removed at the end: `using repository = makeRepository()`. */
export function makeRepository(options: RepositoryOptions = {}): TestRepository {
  // A person's own configuration (signing, hooks, identity) must not decide a test.
  Object.assign(process.env, ENVIRONMENT);
  const home = realpathSync(mkdtempSync(path.join(options.parent ?? os.tmpdir(), 'swarm-repo-')));
  const root = path.join(home, options.name ?? 'repo');
  const git = (args: readonly string[], cwd = root): string =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      // A hook of git may run the tests: its variables about its repository are not for this one.
      env: { ...environmentFor('programs', process.env), ...ENVIRONMENT },
    }).replace(/\n$/, '');
  const tryGit = (args: readonly string[], cwd = root): { code: number; output: string } => {
    try {
      return { code: 0, output: git(args, cwd) };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
      return { code: status, output: `${stdout}${stderr}` };
    }
  };
  const write: TestRepository['write'] = (files, cwd = root) => {
    for (const [name, content] of Object.entries(files)) {
      const full = path.join(cwd, name);
      mkdirSync(path.dirname(full), { recursive: true });
      writeFileSync(full, content);
    }
  };
  const commit: TestRepository['commit'] = (files, message = 'change', cwd = root) => {
    write(files, cwd);
    git(['add', '-A'], cwd);
    git(['commit', '-q', '--allow-empty', '-m', message], cwd);
    return git(['rev-parse', 'HEAD'], cwd);
  };
  mkdirSync(root, { recursive: true });
  const refs = options.refs === undefined || !HAS_REFTABLE ? [] : [`--ref-format=${options.refs}`];
  const objects = options.objects === undefined ? [] : [`--object-format=${options.objects}`];
  git(['init', '-q', '-b', 'main', ...refs, ...objects]);
  git(['config', 'user.name', 'A Person']);
  git(['config', 'user.email', 'person@example.org']);
  commit(options.files ?? { 'readme.txt': 'hello\n' }, 'first');
  if (options.identity === false) git(['config', '--remove-section', 'user']);
  return {
    root,
    home,
    gitCommonDir: path.join(root, '.git'),
    git,
    tryGit,
    write,
    commit,
    [Symbol.dispose]: () => {
      // A test may leave directories that cannot be entered.
      if (existsSync(home)) execFileSync('chmod', ['-R', 'u+rwX', home]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
