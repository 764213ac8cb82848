import { describe, expect, it } from 'vitest';
import { splitCommand } from '../../../../src/cli/init/argv.ts';
import { detect } from '../../../../src/cli/init/detect.ts';
import type { RepositoryFiles } from '../../../../src/cli/init/types.ts';
import { defaultAnswers, readWorkers } from '../../../../src/cli/init/questions.ts';
import { configText } from '../../../../src/cli/init/template.ts';
import { needsText } from '../../../../src/cli/init/worktree.ts';
import { parseConfig } from '../../../../src/config/index.ts';

/** A repository as data: path to content. */
function repository(files: Record<string, string>, untracked: string[] = []): RepositoryFiles {
  const names = Object.keys(files);
  return {
    untracked,
    has: (name) => names.some((one) => one === name || one.startsWith(`${name}/`)),
    read: (name) => files[name] ?? null,
    list: (directory) =>
      names.filter((one) => one.startsWith(`${directory}/`)).map((one) => one.slice(directory.length + 1)),
  };
}

const manifest = (scripts: Record<string, string>, more: object = {}): string => JSON.stringify({ scripts, ...more });
const argvs = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(detect(repository(files)).verify.map(({ name, argv }) => [name, argv.join(' ')]));

describe('what proves work in a repository', () => {
  const scripts = { test: 'vitest', lint: 'oxlint', build: 'tsc' };
  it.each<[string, Record<string, string>, Record<string, string>]>([
    [
      'npm by its lockfile',
      { 'package.json': manifest(scripts), 'package-lock.json': '' },
      { test: 'npm test', lint: 'npm run lint', build: 'npm run build' },
    ],
    ['pnpm', { 'package.json': manifest({ test: 'x' }), 'pnpm-lock.yaml': '' }, { test: 'pnpm test' }],
    ['yarn', { 'package.json': manifest({ test: 'x' }), 'yarn.lock': '' }, { test: 'yarn test' }],
    [
      'bun, whose own `bun test` is another thing',
      { 'package.json': manifest({ test: 'x' }), 'bun.lock': '' },
      { test: 'bun run test' },
    ],
    [
      'packageManager over a stale lockfile',
      { 'package.json': manifest({ test: 'x' }, { packageManager: 'pnpm@9.1.0' }), 'package-lock.json': '' },
      { test: 'pnpm test' },
    ],
    [
      'not the test that npm init writes',
      { 'package.json': manifest({ test: 'echo "Error: no test specified" && exit 1' }) },
      {},
    ],
    ['a broken package.json tells nothing', { 'package.json': '{' }, {}],
    ['cargo', { 'Cargo.toml': '' }, { test: 'cargo test', build: 'cargo build' }],
    ['go', { 'go.mod': '' }, { test: 'go test ./...', build: 'go build ./...' }],
    [
      'pytest under uv, with ruff',
      { 'pyproject.toml': '[tool.pytest.ini_options]\n[tool.ruff]\n', 'uv.lock': '[[package]]\nname = "ruff"\n' },
      { test: 'uv run pytest', lint: 'uv run ruff check .' },
    ],
    [
      'no ruff where only its settings are there',
      { 'pyproject.toml': '[tool.pytest.ini_options]\n[tool.ruff]\n', 'uv.lock': '' },
      { test: 'uv run pytest' },
    ],
    ['pytest alone', { 'requirements.txt': 'pytest\n' }, { test: '.venv/bin/python -m pytest' }],
    ['unittest', { 'setup.py': '', 'tests/test_a.py': '' }, { test: '.venv/bin/python -m unittest' }],
    ['tox, in an environment', { 'tox.ini': '', 'tests/test_a.py': '' }, { test: '.venv/bin/python -m tox' }],
    [
      'make, by its targets',
      { Makefile: 'CC := gcc\n.PHONY: check\ncheck: all\n\t./run\nlint:\n\tx\n' },
      { test: 'make check', lint: 'make lint' },
    ],
    ['just', { justfile: 'test filter="":\n  x\n' }, { test: 'just test' }],
    ['maven with its wrapper', { 'pom.xml': '', mvnw: '' }, { test: './mvnw -q test' }],
    [
      'a toolchain over the Makefile, which adds what it lacks',
      { 'go.mod': '', Makefile: 'test:\nlint:\n' },
      { test: 'go test ./...', build: 'go build ./...', lint: 'make lint' },
    ],
    [
      'CI, where no other file has a command',
      {
        '.github/workflows/ci.yml':
          'jobs: {a: {steps: [{run: npm install}, {run: "make test | tee log"}, {run: "bin/run-tests --all"}, {run: "script/test fast"}]}}',
      },
      { test: 'bin/run-tests --all' },
    ],
    ['a CI file that is no YAML tells nothing', { '.gitlab-ci.yml': 'a: [' }, {}],
    ['nothing at all', { 'README.md': '' }, {}],
  ])('%s', (_title, files, expected) => {
    expect(argvs(files)).toEqual(expected);
  });

  it('lets agents run it, and what belongs to the toolchain', () => {
    expect(detect(repository({ 'package.json': manifest({ test: 'x' }), 'Cargo.toml': '' })).allow).toEqual([
      'Bash(npm test:*)',
      'Bash(cargo build:*)',
      'Bash(cargo test:*)',
      'Bash(cargo check:*)',
      'Bash(cargo clippy:*)',
      'Bash(cargo fmt:*)',
    ]);
  });
});

/** Layouts as real repositories have them, with what their CI runs. */
describe('a command that is proposed can be run, and is what CI runs', () => {
  const workflow = (...steps: object[]): string => JSON.stringify({ jobs: { a: { steps } } });
  it.each<[string, Record<string, string>, string | undefined, string]>([
    [
      'a Python package with a list for developing, whose CI calls make',
      {
        'pyproject.toml': '[build-system]\n[project]\n[dependency-groups]\ntest = ["pytest"]\n',
        'setup.py': '',
        'tox.ini': '[testenv]\ncommands = pytest\n',
        'requirements-dev.txt': '-e .[socks]\npytest\n',
        Makefile:
          'init:\n\tpip install -r requirements-dev.txt\ntest:\n\tpytest\nci:\n\tpython -m pytest tests --junitxml=out.xml\n',
        '.github/workflows/run-tests.yml': workflow({ run: 'make\n' }, { name: 'Run tests', run: 'make ci\n' }),
      },
      '.venv/bin/python -m pytest tests',
      'run python3 -m venv .venv, .venv/bin/python -m pip install -q -r requirements-dev.txt',
    ],
    [
      'a Python package with an extra for its tests',
      {
        'pyproject.toml':
          '[build-system]\n[project]\nname = "a"\n[project.optional-dependencies]\ntest = ["pytest"]\n[tool.pytest]\n',
      },
      '.venv/bin/python -m pytest',
      'run python3 -m venv .venv, .venv/bin/python -m pip install -q -e .[test]',
    ],
    [
      'a Python package that nowhere names its test runner as a requirement',
      { 'setup.py': '', 'conftest.py': '', 'requirements.txt': 'attrs\n' },
      '.venv/bin/python -m pytest',
      'run python3 -m venv .venv, .venv/bin/python -m pip install -q -r requirements.txt -e . pytest',
    ],
    [
      'poetry, with the arguments of CI, and not those of another repository that CI tests',
      {
        'poetry.lock': '',
        'pyproject.toml': '[tool.poetry.group.dev.dependencies]\npytest = "^7"\n',
        '.github/workflows/integration.yml': workflow({ 'working-directory': 'other', run: 'poetry run pytest' }),
        '.github/workflows/tests.yml': workflow({ run: 'poetry install' }, { run: 'poetry run pytest -q tests' }),
      },
      'poetry run pytest -q tests',
      'run poetry install',
    ],
    [
      'uv without a lockfile, which CI uses, with its options',
      {
        'pyproject.toml': '[project]\n[tool.pytest.ini_options]\n',
        '.github/workflows/ci.yml': workflow({ run: 'uv run --extra test pytest -x --cov=src' }),
      },
      'uv run --extra test pytest -x',
      'run uv sync',
    ],
    [
      'Ruby with bundler, where CI tests parts in their own folders',
      {
        Gemfile: 'gem "rubocop"\n',
        'Gemfile.lock': '',
        Rakefile: 'task :test\n',
        '.github/workflows/tool.yml': workflow(
          { run: 'cd tools/inspector && bundle exec rake' },
          { 'working-directory': 'tools/releaser', run: 'bundle exec rake test:quick' },
          { run: 'ruby -r ./.github/workflows/scripts/test-container.rb' },
        ),
      },
      'bundle exec rake test',
      'run bundle install',
    ],
    [
      'Ruby with a script of its own that CI runs',
      {
        Gemfile: '',
        Rakefile: '',
        'script/test': '',
        '.github/workflows/ci.yml': workflow({ run: 'bash script/test' }, { run: 'bash script/cucumber --color' }),
      },
      'bash script/test',
      'run bundle install',
    ],
    [
      'a Rails application',
      { Gemfile: '', Rakefile: '', 'bin/rails': '', 'test/a_test.rb': '' },
      'bin/rails test',
      'run bundle install',
    ],
    [
      'Go, whose CI looks for races',
      { 'go.mod': '', '.github/workflows/go.yml': workflow({ run: 'go test -race ./...' }, { run: 'go vet ./...' }) },
      'go test -race ./...',
      '',
    ],
    [
      'Rust, whose CI tests all of the workspace, and parts of it',
      {
        'Cargo.toml': '',
        '.github/workflows/ci.yml': workflow({ run: 'cargo test --doc -p part' }, { run: 'cargo test --workspace' }),
      },
      'cargo test --workspace',
      '',
    ],
    [
      'PHP, by its test framework',
      { 'composer.json': '{"require": {}}', 'composer.lock': '', 'phpunit.xml.dist': '' },
      'vendor/bin/phpunit',
      'run composer install --no-interaction',
    ],
  ])('%s', (_title, files, test, needs) => {
    const { verify, worktree } = detect(repository(files));
    expect(verify.find(({ name }) => name === 'test')?.argv.join(' ')).toBe(test);
    expect(needsText(worktree)).toBe(needs);
  });
});

describe('what a worktree lacks', () => {
  const dependencies = JSON.stringify({ dependencies: { left: '1' } });
  it.each<[string, Record<string, string>, string[], string]>([
    ['nothing', { 'package.json': '{}', 'package-lock.json': '' }, ['dist/', 'notes.txt'], ''],
    [
      'npm, with what a person keeps for themselves',
      { 'package.json': dependencies, 'package-lock.json': '' },
      ['.env', '.env.local', '.envrc', 'node_modules/', 'CLAUDE.local.md', 'coverage/'],
      'copy .env*, CLAUDE.local.md; run npm ci',
    ],
    ['pnpm', { 'package.json': dependencies, 'pnpm-lock.yaml': '' }, [], 'run pnpm install --frozen-lockfile'],
    [
      'yarn of version 2 on, and of version 1',
      { 'package.json': dependencies, 'yarn.lock': '', '.yarnrc.yml': '' },
      ['node_modules/'],
      'run yarn install --immutable',
    ],
    ['bun', { 'package.json': dependencies, 'bun.lock': '' }, [], 'run bun install --frozen-lockfile'],
    ['packages without a lockfile', { 'package.json': dependencies }, ['node_modules/'], 'link node_modules'],
    ['uv', { 'pyproject.toml': '', 'uv.lock': '' }, ['.venv/'], 'run uv sync'],
    [
      'requirements.txt in a virtual environment, called as the one that is there',
      { 'requirements.txt': 'x' },
      ['venv/'],
      'run python3 -m venv venv, venv/bin/python -m pip install -q -r requirements.txt',
    ],
    ['a virtual environment of unknown packages', {}, ['.venv/'], ''],
    ['npm without a lockfile and without packages', { 'package.json': dependencies }, [], 'run npm install'],
    ['mix', { 'mix.exs': '' }, [], 'run mix deps.get'],
    ['bundler, with its settings', { Gemfile: '' }, ['.bundle/', 'vendor/'], 'copy .bundle; run bundle install'],
    ['composer', { 'composer.lock': '' }, ['vendor/'], 'run composer install --no-interaction'],
    ['vendored packages', { 'go.mod': '' }, ['vendor/'], 'link vendor'],
    [
      'what Claude Code was told here, without its own worktrees',
      { '.claude/settings.local.json': '', '.claude/commands': '', '.claude/worktrees': '' },
      ['.claude/'],
      'copy .claude/settings.local.json, .claude/commands',
    ],
    [
      'of a .claude that git tracks, what it does not',
      { '.claude/settings.json': '' },
      ['.claude/settings.local.json', '.claude/worktrees/'],
      'copy .claude/settings.local.json',
    ],
  ])('%s', (_title, files, untracked, expected) => {
    expect(needsText(detect(repository(files, untracked)).worktree)).toBe(expected);
  });
});

describe('the swarm.yaml that is written', () => {
  it('parses, and means what was decided', () => {
    const detected = detect(repository({ 'package.json': manifest({ test: 'x', build: 'y' }) }));
    const text = configText({ ...defaultAnswers(detected, 'main'), workers: 5, unanswered: 'wait' });
    const config = parseConfig(text, 'swarm.yaml');
    expect(config).toMatchObject({
      agents: { worker: { count: 5, allow: ['Bash(npm test:*)', 'Bash(npm run build:*)'] } },
      verify: { test: ['npm', 'test'], build: ['npm', 'run', 'build'] },
      defaultVerify: 'test',
      base: 'main',
      permissions: { unanswered: 'wait' },
    });
  });

  it('parses where nothing was found, and with every comment taken away', () => {
    const text = configText(defaultAnswers(detect(repository({})), null));
    const config = parseConfig(text, 'swarm.yaml');
    expect(config).toMatchObject({ verify: {}, agents: { worker: { count: 3, allow: [] } } });
    expect(config.base).toBeUndefined();
    const filled = text.replaceAll(
      /^( *)# (allow: \[|model|restart|verify:|  test:|defaultVerify|base:|after:|tasks:|  retries|broker:|  url)/gm,
      '$1$2',
    );
    expect(parseConfig(filled, 'swarm.yaml')).toMatchObject({
      base: 'main',
      defaultVerify: 'test',
      tasks: { retries: 2 },
    });
  });

  it('keeps odd words whole', () => {
    const argv = ['./a b', '"q"', ': #', 'ü\n'];
    const text = configText({
      workers: 1,
      verify: [{ name: 'test', argv, from: 'a\nb: c' }],
      allow: ['Bash(x: #)'],
      base: 'a#b',
      unanswered: 'deny',
      worktree: {
        copy: ['a "b"'],
        link: ['c#d'],
        setup: [
          { argv, from: 'e\nf: g' },
          { argv: ['true'], from: 'x' },
        ],
      },
    });
    expect(parseConfig(text, 'swarm.yaml')).toMatchObject({
      verify: { test: argv },
      base: 'a#b',
      agents: { worker: { allow: ['Bash(x: #)'] } },
      worktree: { copy: ['a "b"'], link: ['c#d'], setup: [argv, ['true']] },
    });
  });
});

describe('answers', () => {
  it('a command is split as a shell would, and what needs a shell is refused', () => {
    expect(splitCommand('npm  test -- "a b" c\\ d \'e"f\' ""')).toEqual(['npm', 'test', '--', 'a b', 'c d', 'e"f', '']);
    for (const line of ['a && b', 'a | b', 'a > b', 'a; b', '`a`', '$(a)', '"a'])
      expect(splitCommand(line), line).toBeNull();
    expect(splitCommand('  ')).toEqual([]);
  });

  it('a number of agents is one from 1 to 200', () => {
    expect(readWorkers('', 3)).toEqual({ value: 3 });
    expect(readWorkers('7', 3)).toEqual({ value: 7 });
    for (const typed of ['0', '201', 'many', '-1']) expect(readWorkers(typed, 3)).toHaveProperty('again');
  });
});
