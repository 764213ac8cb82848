import { ciLauncher } from './ci.ts';
import type { RepositoryFiles, SetupCommand, Toolchain } from './types.ts';

const LOCKS: readonly (readonly [file: string, tool: string])[] = [
  ['uv.lock', 'uv'],
  ['poetry.lock', 'poetry'],
  ['pdm.lock', 'pdm'],
  ['Pipfile.lock', 'pipenv'],
];
const PROJECT_FILES = ['pyproject.toml', 'setup.cfg', 'setup.py', 'requirements.txt', 'tox.ini'];
/** Usual names for what developing needs; the first that is there names the rest too. */
const DEVELOPING = [
  'requirements-dev.txt',
  'requirements_dev.txt',
  'dev-requirements.txt',
  'requirements/dev.txt',
  'requirements-test.txt',
  'test-requirements.txt',
  'requirements/test.txt',
  'requirements/tests.txt',
];
const EXTRAS = ['test', 'tests', 'testing', 'dev'];
const INSTALL: Readonly<Record<string, readonly string[]>> = {
  uv: ['uv', 'sync'],
  rye: ['rye', 'sync'],
  poetry: ['poetry', 'install'],
  pdm: ['pdm', 'install'],
  pipenv: ['pipenv', 'sync'],
  // Makes its environments when it is first run.
  hatch: [],
};

/** How Python's programs are run in a worktree, and what makes that possible. */
interface Environment {
  tool: string;
  /** Before the name of a module. */
  run: string[];
  setup: SetupCommand[];
}

export function pythonTools(files: RepositoryFiles): Toolchain | null {
  const from = PROJECT_FILES.find((file) => files.has(file));
  if (from === undefined) return null;
  const { tool, run } = environmentOf(files, from);
  const module = testModule(files);
  const project = files.read('pyproject.toml') ?? '';
  const lints = (/^\[tool\.ruff/m.test(project) || files.has('ruff.toml')) && installs(files, 'ruff');
  return {
    tool,
    commands: [
      ...(module === null ? [] : [{ name: 'test', argv: argvOf(run, module), from }]),
      ...(lints ? [{ name: 'lint', argv: [...run, 'ruff', 'check', '.'], from }] : []),
    ],
    allow: [],
  };
}

/** Makes the environment in which the commands of `pythonTools` run. */
export function pythonSetup(files: RepositoryFiles): SetupCommand[] {
  const from = PROJECT_FILES.find((file) => files.has(file)) ?? LOCKS.find(([file]) => files.has(file))?.[0];
  return from === undefined ? [] : environmentOf(files, from).setup;
}

function environmentOf(files: RepositoryFiles, from: string): Environment {
  const lock = LOCKS.find(([file]) => files.has(file));
  const tool = lock?.[1] ?? ciLauncher(files);
  if (tool !== null) {
    const argv = INSTALL[tool] ?? [];
    const setup = argv.length === 0 ? [] : [{ argv: [...argv], from: lock?.[0] ?? from }];
    return { tool, run: [tool, 'run'], setup };
  }
  const venv = files.untracked.some((name) => name.replace(/\/$/, '') === 'venv') ? 'venv' : '.venv';
  const packages = packagesOf(files);
  // Python's own test runner needs no environment where nothing is to be installed.
  if (packages.length === 0) return { tool: 'python', run: ['python3', '-m'], setup: [] };
  return {
    tool: 'python',
    run: [`${venv}/bin/python`, '-m'],
    setup: [
      { argv: ['python3', '-m', 'venv', venv], from },
      { argv: [`${venv}/bin/python`, '-m', 'pip', 'install', '-q', ...packages], from },
    ],
  };
}

function argvOf(run: readonly string[], module: string): string[] {
  // Without `-m`, by which modules that are no programs of their own are run, a manager runs programs.
  return module === 'unittest' && run[1] !== '-m' ? [...run, 'python', '-m', module] : [...run, module];
}

function testModule(files: RepositoryFiles): string | null {
  if (names(files, 'pytest') || files.has('pytest.ini') || files.has('conftest.py')) return 'pytest';
  if (files.has('tox.ini')) return 'tox';
  return files.has('tests') || files.has('test') ? 'unittest' : null;
}

/** Arguments of `pip install`: the repository's requirements, itself, and its test runner. */
function packagesOf(files: RepositoryFiles): string[] {
  const module = testModule(files);
  const runner = module === 'unittest' || module === null ? [] : [module];
  // tox installs what it needs into environments of its own.
  if (module === 'tox') return runner;
  const listed = [...DEVELOPING.filter((file) => files.has(file)).slice(0, 1), ...ofProgram(files)];
  const told = listed.map((file) => files.read(file) ?? '').join('\n');
  const extra = EXTRAS.find((name) => new RegExp(`^${name}\\s*=`, 'm').test(optional(files)));
  const own = isPackage(files) && !/^-e \.|^--editable \./m.test(told) ? ['-e', extra ? `.[${extra}]` : '.'] : [];
  const has = new RegExp(`^${module}\\b`, 'm').test(told) || (own.length > 0 && extra !== undefined);
  return [...listed.flatMap((file) => ['-r', file]), ...own, ...(has ? [] : runner)];
}

/** A list for developing most often takes in the one of the program, and then needs no second naming. */
function ofProgram(files: RepositoryFiles): string[] {
  return files.has('requirements.txt') ? ['requirements.txt'] : [];
}

function isPackage(files: RepositoryFiles): boolean {
  return files.has('setup.py') || /^\[(project|build-system)\]/m.test(files.read('pyproject.toml') ?? '');
}

/** The section of pyproject.toml with what can be installed beside. */
function optional(files: RepositoryFiles): string {
  const project = files.read('pyproject.toml') ?? '';
  return /^\[project\.optional-dependencies\]\n([\s\S]*?)(?=^\[[\w"]|(?![\s\S]))/m.exec(project)?.[1] ?? '';
}

/** Whether set-up brings the tool: a configuration alone does not (pre-commit has its own copy). */
function installs(files: RepositoryFiles, tool: string): boolean {
  const lock = LOCKS.find(([file]) => files.has(file))?.[0];
  if (lock !== undefined) return new RegExp(`"${tool}"`).test(files.read(lock) ?? '');
  const listed = [...DEVELOPING, 'requirements.txt'].map((file) => files.read(file) ?? '').join('\n');
  return new RegExp(`^${tool}\\b`, 'm').test(listed);
}

function names(files: RepositoryFiles, tool: string): boolean {
  const listed = ['pyproject.toml', 'setup.cfg', 'setup.py', 'tox.ini', 'requirements.txt', ...DEVELOPING];
  return listed.some((file) => new RegExp(`\\b${tool}\\b`).test(files.read(file) ?? ''));
}
