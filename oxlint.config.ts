import { defineConfig, type OxlintOverride } from 'oxlint';

/**
 * The folders of src, from below to above, and the folders that each may import beside itself. What a lower one needs
 * from above is a parameter; `main.ts` of a program is exempt, since it puts the program together.
 */
const BASE = ['lib', 'domain'];
const FILES = ['yaml'];
const ADAPTERS = ['tmux', 'git', 'amqp', 'broker', 'store', 'process'];
const DECISIONS = ['checkpoint', 'health', 'scheduler', 'coordination', 'claude'];
const BELOW_PROGRAMS = [...BASE, ...FILES, ...ADAPTERS, ...DECISIONS, 'config', 'worktree'];

export const FOLDERS: Readonly<Record<string, { may: readonly string[]; because: string }>> = {
  lib: { may: BASE, because: 'lib, domain and config import nothing above themselves' },
  domain: { may: BASE, because: 'lib, domain and config import nothing above themselves' },
  yaml: { may: BASE, because: 'how a file is read does not know what stands in it' },
  config: { may: [...BASE, 'yaml'], because: 'lib, domain and config import nothing above themselves' },
  plan: { may: [...BASE, 'yaml'], because: 'a plan is read without knowing who runs it' },
  ...each(ADAPTERS, { may: [...BASE, 'process'], because: 'an adapter imports only lib, domain and process' }),
  ...each(DECISIONS, {
    may: [...BASE, ...ADAPTERS, ...DECISIONS],
    because: 'decisions do not know who calls them, nor the configuration',
  }),
  worktree: { may: BELOW_PROGRAMS, because: 'the preparation of worktrees does not know who asks for it' },
  api: { may: [...BASE, 'coordination'], because: 'the interface does not know who implements it' },
  wrapper: { may: BELOW_PROGRAMS, because: 'the wrapper knows neither the supervisor nor the interfaces above it' },
  supervisor: {
    may: [...BELOW_PROGRAMS, 'api'],
    because: 'the supervisor implements the api; it knows neither its callers nor the wrapper',
  },
  dashboard: {
    may: [...BASE, 'api'],
    because: 'the dashboard sees snapshots and events through the api, nothing else',
  },
  demo: { may: [...BELOW_PROGRAMS, 'api'], because: 'the demo does not know the command line that starts it' },
  cli: {
    may: [...BELOW_PROGRAMS, 'plan', 'api', 'dashboard', 'demo'],
    because: 'the command line speaks to the supervisor through the api, and looks at what it left through the store',
  },
};

/**
 * The rooms of the large folders, from below to above: each imports those before it. `.` are the files of the folder
 * itself; a room within a room stands before it.
 */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  store: ['.', 'place'],
  git: ['.', 'repository', 'worktree', 'task', 'merge'],
  checkpoint: ['tree', 'refs', 'capture', 'restore', 'keep', '.'],
  api: [
    ...['contract', 'agents', 'status', 'swarm', 'alerts'],
    ...['messages', 'reversible-work', 'tasks', 'checkpoints', 'events', '.'],
  ],
  wrapper: ['contract', 'link', 'task', 'claude', 'shell', '.'],
  supervisor: [
    ...['project', 'worktree', 'fleet', 'history', 'tasks', 'broker', 'links', 'settings'],
    ...['watch', 'ladder', 'holds', 'alerts', 'admission', 'agents', '.'],
  ],
  cli: [
    ...['say', 'project', 'verb', 'screen', 'up', 'complete', 'doctor', 'init', 'demo'],
    ...['verbs/broker', 'verbs/task', 'verbs/checkpoint', 'verbs', '.'],
  ],
};

/** A library has one door, so that it can be looked after, and exchanged, in one folder. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  amqplib: ['amqp'],
  'simple-git': ['git'],
  'node:sqlite': ['store', 'broker'],
  ink: ['dashboard'],
  fastify: ['api'],
  execa: ['process'],
  'string-width': ['lib'],
  chokidar: ['lib'],
};

/** One door for all that is waited for; a file with a reason to go past it says so where it puts this rule off. */
const STARTS = {
  name: 'node:child_process',
  allowTypeImports: true,
  message: 'programs are started by src/process/run.ts',
};

function each<Value>(names: readonly string[], value: Value): Record<string, Value> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

/** One place makes timers, and takes any computed time, also one that is over or longer than Node bears. */
const CLOCK = 'src/lib/clock.ts';

function closedNames(
  folder: string,
): { name: string; importNames?: string[]; allowTypeImports?: boolean; message: string }[] {
  const libraries = Object.entries(LIBRARIES)
    .filter(([, folders]) => !folders.includes(folder))
    .map(([name, folders]) => ({ name, message: `only src/${folders.join(' and src/')} import it` }));
  return [
    STARTS,
    { name: 'node:timers/promises', importNames: ['setTimeout'], message: `use sleep of ${CLOCK}` },
    ...libraries,
  ];
}

/** Imports of `files` that match `closed` and not `open` are refused; globs relative to the importing file. */
function closedTo(
  folder: string,
  files: string[],
  closed: readonly string[],
  open: readonly string[],
  message: string,
): OxlintOverride {
  const group = [...closed, ...open.map((glob) => `!${glob}`)];
  return {
    files,
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }], paths: closedNames(folder) }] },
  };
}

function overridesOf(folder: string): OxlintOverride[] {
  const { may, because } = FOLDERS[folder] ?? { may: [], because: '' };
  const rooms = ROOMS[folder] ?? ['.'];
  const overrides = rooms.map((room, at) => {
    const home = room === '.' ? '.' : room.replaceAll(/[^/]+/g, '..');
    const up = room === '.' ? '..' : `${home}/..`;
    const others = ['package.json', ...may.filter((name) => name !== folder).map((name) => `${name}/**`)];
    const outside = others.map((name) => (name === 'package.json' ? `${up}/../${name}` : `${up}/${name}`));
    if (room === '.') {
      const above = rooms.slice(at + 1).map((name) => `./${name}/**`);
      return closedTo(folder, [`src/${folder}/*.{ts,tsx}`], ['../**', ...above], outside, because);
    }
    const before = rooms.slice(0, at).map((name) => (name === '.' ? `${home}/*.ts` : `${home}/${name}/**`));
    const message = `${because}; within src/${folder} a room imports those before it: ${rooms.slice(0, at).join(', ') || 'none'}`;
    return closedTo(folder, [`src/${folder}/${room}/**`], ['../**'], [...outside, ...before], message);
  });
  // What is said last of a file is in force: the room within a room, after the one around it.
  return overrides.toReversed();
}

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'react'],
  jsPlugins: ['./scripts/lint/relays.ts'],
  categories: { correctness: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  ignorePatterns: ['dist/**', 'coverage/**', 'test/e2e/claude/**'],
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/only-throw-error': 'error',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'no-empty': ['error', { allowEmptyCatch: false }],
    'no-var': 'error',
    'prefer-const': 'error',
    'no-console': 'error',
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'no-control-regex': 'off',
    'no-empty-pattern': 'off',
    'unicorn/no-thenable': 'off',
    'typescript/unbound-method': 'off',
    'unicorn/no-useless-spread': 'off',
    'typescript/require-array-sort-compare': 'off',
  },
  overrides: [
    ...Object.keys(FOLDERS).flatMap(overridesOf),
    { files: ['src/*/main.ts'], rules: { 'no-restricted-imports': 'off' } },
    // The API's service is the rooms themselves.
    { files: ['src/supervisor/**'], rules: { 'swarm/no-relay': 'error' } },
    {
      files: ['src/**'],
      rules: {
        'no-restricted-globals': ['error', { name: 'setTimeout', message: `use systemClock.after of ${CLOCK}` }],
        'no-restricted-properties': [
          'error',
          { object: 'AbortSignal', property: 'timeout', message: `use timeLimit of ${CLOCK}` },
        ],
      },
    },
    { files: [CLOCK], rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' } },
    {
      files: ['test/e2e/**', 'test/chaos/**'],
      rules: {
        'no-restricted-imports': [
          'error',
          { patterns: [{ group: ['**/src/**'], message: 'end-to-end tests drive the command line alone' }] },
        ],
      },
    },
    { files: ['test/**', 'scripts/**'], rules: { 'max-lines': 'off', 'no-console': 'off' } },
    {
      files: ['src/cli/**', 'src/cli.ts', 'src/*/main.ts', 'src/dashboard/**', 'src/demo/**'],
      rules: { 'no-console': 'off' },
    },
    {
      files: ['bin/**'],
      rules: {
        'no-var': 'off',
        'no-console': 'off',
        'prefer-const': 'off',
        'no-unused-vars': ['error', { caughtErrors: 'none' }],
        'typescript/no-floating-promises': 'off',
      },
    },
  ],
});
