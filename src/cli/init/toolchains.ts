import type { RepositoryFiles, Toolchain, VerifyCommand } from './types.ts';

type Look = (files: RepositoryFiles) => Toolchain | null;

/** Usual names of scripts and targets for these purposes, the best first. */
const PURPOSES: Readonly<Record<string, readonly string[]>> = {
  test: ['test', 'tests', 'check', 'unittest'],
  lint: ['lint'],
  typecheck: ['typecheck', 'type-check', 'tsc', 'types'],
  build: ['build', 'compile'],
};

function commandsOf(names: readonly string[], argvOf: (name: string) => string[], from: string): VerifyCommand[] {
  return Object.entries(PURPOSES).flatMap(([name, usual]) => {
    const found = usual.find((one) => names.includes(one));
    return found === undefined ? [] : [{ name, argv: argvOf(found), from }];
  });
}

const LOCKFILES: readonly (readonly [file: string, manager: string])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
];

/** The package manager: `packageManager` decides, else the lockfile. Null where there is no package.json. */
export function nodeManager(
  files: RepositoryFiles,
): { manager: string; manifest: Record<string, unknown>; hasDependencies: boolean } | null {
  const text = files.read('package.json');
  if (text === null) return null;
  const manifest = parseJson(text);
  const named = /^(npm|pnpm|yarn|bun)@/.exec(textOf(manifest['packageManager']))?.[1];
  const manager = named ?? LOCKFILES.find(([file]) => files.has(file))?.[1] ?? 'npm';
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'workspaces'];
  return { manager, manifest, hasDependencies: kinds.some((kind) => Object.keys(record(manifest[kind])).length > 0) };
}

export const nodeTools: Look = (files) => {
  const found = nodeManager(files);
  if (found === null) return null;
  const { manager, manifest } = found;
  const scripts = Object.entries(record(manifest['scripts']))
    // The test that `npm init` writes only fails.
    .filter(([name, script]) => !(name === 'test' && String(script).includes('no test specified')))
    .map(([name]) => name);
  // `bun test` is bun's own test runner, not the script.
  const argvOf = (name: string): string[] =>
    name === 'test' && manager !== 'bun' ? [manager, name] : [manager, 'run', name];
  return { tool: manager, commands: commandsOf(scripts, argvOf, 'package.json'), allow: [] };
};

export const rustTools: Look = (files) =>
  files.has('Cargo.toml')
    ? {
        tool: 'cargo',
        commands: [
          { name: 'test', argv: ['cargo', 'test'], from: 'Cargo.toml' },
          { name: 'build', argv: ['cargo', 'build'], from: 'Cargo.toml' },
        ],
        allow: ['Bash(cargo check:*)', 'Bash(cargo clippy:*)', 'Bash(cargo fmt:*)'],
      }
    : null;

export const goTools: Look = (files) =>
  files.has('go.mod')
    ? {
        tool: 'go',
        commands: [
          { name: 'test', argv: ['go', 'test', './...'], from: 'go.mod' },
          { name: 'build', argv: ['go', 'build', './...'], from: 'go.mod' },
        ],
        allow: ['Bash(go test:*)', 'Bash(go vet:*)', 'Bash(gofmt:*)'],
      }
    : null;

/** Tools that are known by one file. */
const OTHERS: readonly (readonly [file: string, tool: string, test: readonly string[]])[] = [
  ['mvnw', 'maven', ['./mvnw', '-q', 'test']],
  ['pom.xml', 'maven', ['mvn', '-q', 'test']],
  ['gradlew', 'gradle', ['./gradlew', 'test']],
  ['build.gradle', 'gradle', ['gradle', 'test']],
  ['mix.exs', 'mix', ['mix', 'test']],
  ['deno.json', 'deno', ['deno', 'test']],
  ['Package.swift', 'swift', ['swift', 'test']],
];

export const otherTools: Look = (files) => {
  const found = OTHERS.find(([file]) => files.has(file));
  if (found === undefined) return null;
  const [from, tool, argv] = found;
  return { tool, commands: [{ name: 'test', argv: [...argv], from }], allow: [] };
};

export const makeTools: Look = (files) => {
  const from = ['Makefile', 'makefile', 'GNUmakefile'].find((file) => files.has(file));
  if (from !== undefined) {
    const targets = [...(files.read(from) ?? '').matchAll(/^([A-Za-z0-9_.-]+)[ \t]*:(?!=)/gm)].map(
      ([, name = '']) => name,
    );
    return { tool: 'make', commands: commandsOf(targets, (name) => ['make', name], from), allow: [] };
  }
  const just = ['justfile', 'Justfile', '.justfile'].find((file) => files.has(file));
  if (just === undefined) return null;
  const recipes = [...(files.read(just) ?? '').matchAll(/^@?([A-Za-z0-9_-]+)(?:[ \t][^:\n]*)?:(?!=)/gm)].map(
    ([, name = '']) => name,
  );
  return { tool: 'just', commands: commandsOf(recipes, (name) => ['just', name], just), allow: [] };
};

function parseJson(text: string): Record<string, unknown> {
  try {
    return record(JSON.parse(text));
  } catch {
    // A broken package.json gives no commands; npm complains about it.
    return {};
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
