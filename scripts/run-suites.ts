// Runs the checks and the tests one after another, each within a time budget, and ends with a true count.
import { globSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { OTHER_CLAUDE } from '../test/support/claude.ts';
import { ownMounts } from '../test/support/own-mounts.ts';
import { otherClaude, type OtherClaude } from './suites/claude.ts';
import { runAll, type Step } from './suites/run-all.ts';
import { slowness } from './suites/speed.ts';

const root = path.resolve(import.meta.dirname, '..');
const results = path.join(root, 'coverage');
const MERGED = ['unit', 'integration'];

const program = (...parts: string[]): string[] => [process.execPath, path.join(root, 'node_modules', ...parts)];
const VITEST = [...program('vitest', 'vitest.mjs'), 'run', '--config', 'test/vitest.config.ts'];
const PROGRESS = path.join(import.meta.dirname, 'suites/progress.ts');

/**
 * Budgets in seconds, with room for a slower moment each; all together take 16 minutes on two cores. On a slower
 * or busier machine they are multiplied by `slowness`.
 */
const CHECKS: Record<string, { budget: number; argv: string[] }> = {
  lint: { budget: 20, argv: program('oxlint', 'bin', 'oxlint') },
  format: { budget: 5, argv: [...program('oxfmt', 'bin', 'oxfmt'), '--list-different'] },
  unused: { budget: 10, argv: program('knip', 'bin', 'knip.js') },
  types: { budget: 20, argv: [...program('typescript', 'bin', 'tsc'), '-p', '.'] },
};
/** `mounts`: the suite fills a disk of its own. */
const SUITES: Record<string, { budget: number; long?: number; mounts?: boolean }> = {
  unit: { budget: 70 },
  integration: { budget: 480 },
  random: { budget: 180, long: 3_600 },
  e2e: { budget: 620 },
  chaos: { budget: 160, long: 2_400, mounts: true },
};
/** What is run with another Claude Code: the tests that start it. `only`: these folders of the suite. */
const OF_CLAUDE: Record<string, { only: readonly string[] }> = {
  integration: { only: ['test/integration/claude', 'test/integration/wrapper'] },
  e2e: { only: [] },
};
const COVERAGE_BUDGET = 5;
const BENCH_BUDGET = 900;
/** With --long the random tests try ten times as much, and there are more kills. */
const LONG = { factor: 5, env: { SWARM_TEST_LONG: '1' } };

/** The coverage of a suite, to be merged with that of the other. */
const blobOf = (suiteName: string): string => path.join(results, 'blobs', `${suiteName}.json`);

function check(name: string): Step[] {
  const known = CHECKS[name];
  return known === undefined ? [] : [{ name, argv: known.argv, budgetSeconds: known.budget }];
}

function suite(name: string, { coverage, extra, long, claude, isNamed }: Wanted): Step[] {
  const known = SUITES[name];
  if (known === undefined) return [];
  const { budget: usual, long: longest = usual * LONG.factor, mounts = false } = known;
  const argv = [...VITEST, '--project', name, '--reporter=default', `--reporter=${PROGRESS}`];
  if (claude !== null && !isNamed) argv.push(...(OF_CLAUDE[name]?.only ?? []));
  const isMerged = coverage && MERGED.includes(name);
  if (isMerged) {
    argv.push('--coverage', '--reporter=blob', `--outputFile.blob=${blobOf(name)}`);
    argv.push(`--coverage.reportsDirectory=${path.join(results, name)}`, '--coverage.reporter=none');
  }
  const step: Step = {
    name,
    // Where no mount is allowed, the test that needs one reports it.
    argv: [...((mounts ? ownMounts() : null) ?? []), ...argv, ...extra],
    budgetSeconds: long ? longest : usual,
    env: { ...(long ? LONG.env : {}), ...(claude === null ? {} : { [OTHER_CLAUDE]: claude.directory }) },
    progress: path.join(results, `${name}.jsonl`),
  };
  return isMerged && name === MERGED.at(-1) ? [step, mergedCoverage()] : [step];
}

function mergedCoverage(): Step {
  const argv = [...VITEST, `--mergeReports=${path.dirname(blobOf(''))}`, '--coverage', '--reporter=dot'];
  const needs = MERGED.map(blobOf);
  return { name: 'coverage', argv, budgetSeconds: COVERAGE_BUDGET, env: { COVERAGE_GATE: '1' }, needs };
}

/** Each file is a program that prints its numbers and ends with 1 when a bar is missed. */
function benchmarks(): Step[] {
  const files = globSync('test/bench/*.bench.ts', { cwd: root }).sort();
  return files.map((file) => ({
    name: path.basename(file, '.ts'),
    argv: [process.execPath, file],
    budgetSeconds: BENCH_BUDGET,
  }));
}

interface Wanted {
  names: string[];
  /** Whether the names were given. */
  isNamed: boolean;
  /** Tested in place of the pinned one; null: that one. */
  claude: OtherClaude | null;
  long: boolean;
  /** Options for vitest. */
  extra: string[];
  coverage: boolean;
}

const OPTION = /^--(?:long|yes|claude=.+)$/;

function parse(argv: readonly string[]): Wanted {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const names = own.filter((argument) => !argument.startsWith('--'));
  const known = [...Object.keys(CHECKS), ...Object.keys(SUITES), 'bench'];
  const wrong = [
    ...names.filter((name) => !known.includes(name)),
    ...own.filter((argument) => argument.startsWith('--') && !OPTION.test(argument)),
  ];
  if (wrong.length > 0) {
    console.error(
      `scripts/test: unknown ${wrong.join(' ')}; there are ${known.join(', ')}, --long, --yes and --claude=VERSION`,
    );
    process.exit(2);
  }
  const long = own.includes('--long');
  const version = own.find((argument) => argument.startsWith('--claude='))?.split('=')[1];
  const all = version === undefined ? known : Object.keys(OF_CLAUDE);
  const isNamed = names.length > 0;
  const wanted = isNamed ? names : all.filter((name) => name !== 'bench' || long);
  const extra = end === -1 ? [] : argv.slice(end + 1);
  const coverage = MERGED.every((name) => wanted.includes(name));
  return { names: wanted, isNamed, claude: version === undefined ? null : otherClaude(version), long, extra, coverage };
}

const wanted = parse(process.argv.slice(2));
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const inOrder = [...Object.keys(CHECKS), ...Object.keys(SUITES)].filter((name) => wanted.names.includes(name));
const steps = inOrder.flatMap((name) => [...check(name), ...suite(name, wanted)]);
const times = await slowness();
if (times > 1) console.log(`All is ${times} times as slow here as where the budgets were measured: they are longer.`);
const bench = wanted.names.includes('bench') ? benchmarks() : [];
/** Why the tests, which ought to run on a new machine, cannot; unset otherwise. */
const notFresh = process.env['SWARM_NOT_FRESH'] ?? '';
const notes = notFresh === '' ? [] : [`not fresh: ${notFresh}`];
const stretched = [...steps, ...bench].map((step) => ({
  ...step,
  budgetSeconds: Math.ceil(step.budgetSeconds * times),
}));
const under = wanted.claude === null ? undefined : `Claude Code ${wanted.claude.version}`;
process.exitCode = await runAll(stretched, root, { notes, under });
