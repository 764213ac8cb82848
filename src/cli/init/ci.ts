import { parse } from 'yaml';
import type { RepositoryFiles, VerifyCommand } from './types.ts';

const WORKFLOWS = '.github/workflows';
const SINGLE_FILES = ['.gitlab-ci.yml', '.circleci/config.yml', 'azure-pipelines.yml', '.travis.yml', 'Jenkinsfile'];
/** Keys under which CI systems keep their command lines. */
const RUN_KEYS = new Set(['run', 'script', 'command', 'bash']);
/** Characters that need a shell: a command with one is no argv. */
const SHELL_ONLY = /[|&;<>()$`"'\\*?{}\n=]/;
const PURPOSES: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['test', /\b(tests?|pytest|rspec|jest|vitest|ctest)\b/],
  ['lint', /\b(lint|ruff|eslint|clippy|rubocop)\b/],
];
const SETUP = /\b(install|setup|checkout|apt-get|brew|cache|upload|docker|sudo)\b/;

/** One-line commands of CI whose words show their purpose. */
export function ciCommands(files: RepositoryFiles): { file: string | null; commands: VerifyCommand[] } {
  const workflows = files
    .list(WORKFLOWS)
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
    .map((name) => `${WORKFLOWS}/${name}`);
  const present = [...workflows, ...SINGLE_FILES.filter((file) => files.has(file))];
  const lines = present.flatMap((file) => linesOf(file, files.read(file) ?? '').map((line) => ({ file, line })));
  const usable = lines.filter(({ line }) => line !== '' && !SHELL_ONLY.test(line) && !SETUP.test(line));
  const commands = PURPOSES.flatMap(([name, pattern]) => {
    const found = usable.find(({ line }) => pattern.test(line));
    return found === undefined ? [] : [{ name, argv: found.line.split(/\s+/), from: found.file }];
  });
  return { file: commands[0]?.from ?? present[0] ?? null, commands };
}

function linesOf(file: string, text: string): string[] {
  if (!/\.ya?ml$/.test(file)) return [];
  try {
    return collect(parse(text, { logLevel: 'silent' }), false);
  } catch {
    // A CI file that is no YAML gives no commands; that it is broken is not swarm's business.
    return [];
  }
}

function collect(value: unknown, isRun: boolean): string[] {
  if (typeof value === 'string') return isRun ? value.split('\n').map((line) => line.trim()) : [];
  if (Array.isArray(value)) return value.flatMap((one) => collect(one, isRun));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => collect(inner, RUN_KEYS.has(key)));
}
