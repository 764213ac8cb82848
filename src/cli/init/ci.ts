import { parse } from 'yaml';
import type { RepositoryFiles, VerifyCommand } from './types.ts';

const WORKFLOWS = '.github/workflows';
const SINGLE_FILES = ['.gitlab-ci.yml', '.circleci/config.yml', 'azure-pipelines.yml', '.travis.yml', 'Jenkinsfile'];
/** Keys under which CI systems keep their command lines. */
const RUN_KEYS = new Set(['run', 'script', 'command', 'bash']);
/** Characters that need a shell: a command with one is no argv. */
const SHELL_ONLY = /[|&;<>()$`"'\\*?{}\n]|^\w+=/;
const PURPOSES: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['test', /\b(tests?|pytest|rspec|jest|vitest|ctest|phpunit)\b/],
  ['lint', /\b(lint|ruff|eslint|clippy|rubocop)\b/],
];
const SETUP = /\b(install|setup|checkout|apt-get|brew|cache|upload|docker|sudo)\b/;
/** What runs a program in an environment that it keeps. */
const LAUNCHERS = /^((uv|poetry|pdm|pipenv|hatch|rye) run|bundle exec)\s/;
/** Options of one run in CI alone: reports for other programs. */
const REPORTS = /^--(junitxml|junit-xml|cov|cov-report|reporter|reporters|color|colour|coverage)(=|$)/;
/** Programs whose first argument says what they do. */
const WITH_VERB = new Set(['go', 'cargo', 'npm', 'pnpm', 'yarn', 'mix', 'rake', 'composer', 'deno', 'swift', 'gradle']);
/** A script of the repository whose name says that it is the test. */
const OWN_SCRIPT = /^((ba)?sh )?(\.\/)?(bin|script|scripts|ci|tools)\/(run[-_]?)?tests?(\.sh)?$/;

interface CiLine {
  file: string;
  line: string;
}

/** One-line commands of CI, run at the root of the repository, that need no shell; those of make's targets are looked up. */
export function ciLines(files: RepositoryFiles): CiLine[] {
  return presentIn(files).flatMap((file) =>
    linesOf(file, files.read(file) ?? '')
      .flatMap((line) => [line, ...recipeOf(files, line)])
      .filter((line) => line !== '' && !SHELL_ONLY.test(line) && !SETUP.test(line))
      .map((line) => ({ file, line })),
  );
}

/** One-line commands of CI whose words show their purpose. */
export function ciCommands(files: RepositoryFiles): { file: string | null; commands: VerifyCommand[] } {
  const usable = ciLines(files);
  const commands = PURPOSES.flatMap(([name, pattern]) => {
    const found = usable.find(({ line }) => pattern.test(line));
    return found === undefined ? [] : [{ name, argv: found.line.split(/\s+/), from: found.file }];
  });
  return { file: commands[0]?.from ?? presentIn(files)[0] ?? null, commands };
}

/** The program that CI runs Python's tools by; null where it names none. */
export function ciLauncher(files: RepositoryFiles): string | null {
  const found = ciLines(files).find(({ line }) => /^(uv|poetry|pdm|pipenv|hatch|rye) run\s/.test(line));
  return found?.line.split(' ')[0] ?? null;
}

/**
 * The test as CI runs it: CI is what the repository goes by, a toolchain only knows what is usual. It counts where it is
 * the same program, or a script of the repository for this.
 */
export function asInCi(test: VerifyCommand, files: RepositoryFiles): VerifyCommand {
  const lines = ciLines(files);
  const own = lines.find(({ line }) => OWN_SCRIPT.test(line));
  if (own !== undefined) return { ...test, argv: own.line.split(/\s+/), from: own.file };
  const { launch, core } = splitLauncher(test.argv);
  const head = core.slice(0, WITH_VERB.has(core[0] ?? '') ? 2 : 1);
  const [best] = lines
    .filter(({ line }) => PURPOSES[0]?.[1].test(line))
    .map(({ file, line }) => ({ file, ...splitLauncher(line.split(/\s+/)) }))
    .filter((found) => head.every((word, index) => found.core[index] === word))
    // The one that leaves least out.
    .toSorted((a, b) => a.core.length - b.core.length);
  if (best === undefined) return test;
  // A program that keeps environments gets the options which CI gives it; a path of ours is to ours.
  const begin = best.launch[0] === launch[0] && LAUNCHERS.test(`${best.launch.join(' ')} `) ? best.launch : launch;
  return { ...test, argv: [...begin, ...best.core.filter((word) => !REPORTS.test(word))], from: best.file };
}

/** `uv run --locked pytest -q` is launched by `uv run --locked`. */
function splitLauncher(argv: readonly string[]): { launch: string[]; core: string[] } {
  const line = argv.join(' ');
  const length = LAUNCHERS.test(line)
    ? argv.findIndex((word, index) => index > 1 && /^(pytest|rspec|rake|ruff|rubocop|tox)$/.test(word))
    : /^\S*python3? -m /.test(line)
      ? 2
      : 0;
  const at = length === -1 ? 2 : length;
  return { launch: argv.slice(0, at), core: argv.slice(at) };
}

/** The command of a make target that is one command. */
function recipeOf(files: RepositoryFiles, line: string): string[] {
  const target = /^make (\w[\w.-]*)$/.exec(line)?.[1];
  const text = ['Makefile', 'makefile', 'GNUmakefile'].map((file) => files.read(file)).find((one) => one !== null);
  if (target === undefined || text === undefined || text === null) return [];
  const lines = text.split('\n');
  const start = lines.findIndex((one) => one.startsWith(`${target}:`));
  const after = start === -1 ? [] : lines.slice(start + 1);
  const end = after.findIndex((one) => !one.startsWith('\t'));
  const recipe = after.slice(0, end === -1 ? after.length : end).map((one) => one.trim().replace(/^@/, ''));
  return recipe.length === 1 ? recipe : [];
}

function presentIn(files: RepositoryFiles): string[] {
  const workflows = files
    .list(WORKFLOWS)
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
    .map((name) => `${WORKFLOWS}/${name}`);
  return [...workflows, ...SINGLE_FILES.filter((file) => files.has(file))];
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
  if (typeof value !== 'object' || value === null || runsElsewhere(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => collect(inner, RUN_KEYS.has(key)));
}

/** A step, or all of a job or file, in another directory than the root. */
function runsElsewhere(value: object): boolean {
  const fields = value as Record<string, unknown>;
  const defaults = fields['defaults'] as { run?: { 'working-directory'?: unknown } } | null | undefined;
  const place = fields['working-directory'] ?? defaults?.run?.['working-directory'];
  return typeof place === 'string' && !/^\.?\/?$/.test(place);
}
