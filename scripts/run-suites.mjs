// Runs the checks and the tests one after another, each within a time budget, and ends with a count that is true.
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const results = path.join(root, 'coverage');
const MERGED = ['unit', 'integration'];

const program = (...parts) => [process.execPath, path.join(root, 'node_modules', ...parts)];
const VITEST = [...program('vitest', 'vitest.mjs'), 'run', '--config', 'test/vitest.config.ts'];

/** Budgets in seconds, with room for a slower moment each; all together take 13 to 14 minutes on two cores. */
const CHECKS = {
  lint: { budget: 20, argv: program('oxlint', 'bin', 'oxlint') },
  format: { budget: 5, argv: [...program('oxfmt', 'bin', 'oxfmt'), '--list-different'] },
  unused: { budget: 10, argv: program('knip', 'bin', 'knip.js') },
  types: { budget: 20, argv: [...program('typescript', 'bin', 'tsc'), '-p', '.'] },
};
const SUITES = {
  unit: { budget: 45 },
  integration: { budget: 400 },
  random: { budget: 140, long: 3_600 },
  e2e: { budget: 540 },
  chaos: { budget: 160, long: 2_400 },
};
const COVERAGE_BUDGET = 5;
const BENCH_BUDGET = 900;
/** With --long the random tests try ten times as much, and more is killed. */
const LONG = { factor: 5, env: { SWARM_TEST_LONG: '1' } };

const KILL_AFTER_MS = 5_000;
const counts = { passed: 0, failed: 0 };
const summary = [];
/** Said again at the end, where whoever sees only the last lines finds it. */
const failures = [];
const FAILURES_SHOWN = 10;
const FAILURE_LENGTH = 600;

/** The group of what runs now, so that Ctrl-C and a spent budget end all of it and nothing else. */
let running = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (running !== null) signalGroup(running, signal);
    process.exitCode = 130;
    setTimeout(() => process.exit(130), KILL_AFTER_MS).unref();
  });
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Resolves with how it ended: 'ok', 'failed' or 'over budget'. */
function run([command, ...args], budgetSeconds, env = {}) {
  return new Promise((resolve) => {
    let overBudget = false;
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
      detached: true,
    });
    running = child;
    const timer = setTimeout(() => {
      overBudget = true;
      signalGroup(child, 'SIGTERM');
      setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS).unref();
    }, budgetSeconds * 1000);
    const settle = (outcome) => {
      clearTimeout(timer);
      running = null;
      resolve(overBudget ? 'over budget' : outcome);
    };
    child.on('error', (error) => {
      console.error(`cannot start ${command}: ${error.message}`);
      settle('failed');
    });
    child.on('exit', (code) => settle(code === 0 ? 'ok' : 'failed'));
  });
}

function record(name, startedAt, budget, { passed, failed, note = '' }) {
  counts.passed += passed;
  counts.failed += failed;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const line = `${failed === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(12)} ${seconds.padStart(6)} s of ${budget} s  ${note}`;
  summary.push(line.trimEnd());
  console.log(`== ${line.trimEnd()}`);
}

async function check(name, { budget, argv }, env) {
  const startedAt = performance.now();
  const outcome = await run(argv, budget, env);
  const ok = outcome === 'ok';
  record(name, startedAt, budget, { passed: ok ? 1 : 0, failed: ok ? 0 : 1, note: ok ? '' : outcome });
}

/** The beginning of why something failed, without the frames of what runs the tests. */
function beginning(message) {
  const lines = stripVTControlCharacters(message).replaceAll(`${root}/`, '').split('\n');
  const own = lines.filter((line) => !/^\s+at .*(node_modules|node:internal|new Promise)/.test(line));
  return own.join('\n').slice(0, FAILURE_LENGTH).replaceAll(/^/gm, '  ');
}

/** Where each test of a report failed, and why. */
function noteFailures(report) {
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = path.relative(root, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    failures.push(...failed.map((test) => `${file}: ${test.fullName}\n${beginning(test.failureMessages.join('\n'))}`));
    if (status === 'failed' && failed.length === 0) failures.push(`${file}\n${beginning(message)}`);
  }
}

/** What vitest counted; a run that broke off, failed outside of a test, or skipped something is a failure of its own. */
function countTests(file, outcome) {
  if (!existsSync(file)) return { passed: 0, failed: 1, note: `${outcome}: no report` };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  noteFailures(report);
  const skipped = report.numPendingTests + report.numTodoTests;
  const { numPassedTests: passed, numFailedTests: failed } = report;
  const otherwise = failed === 0 && (outcome !== 'ok' || !report.success || passed === 0) ? 1 : 0;
  const notes = [
    `${passed} passed`,
    failed > 0 && `${failed} failed`,
    skipped > 0 && `${skipped} skipped, which counts as failed`,
  ];
  if (otherwise > 0) notes.push(outcome === 'ok' ? 'no test ran' : `${outcome} outside of a test`);
  return { passed, failed: failed + skipped + otherwise, note: notes.filter(Boolean).join(', ') };
}

async function suite(name, { budget: usual, long: longest = usual * LONG.factor }, { coverage, extra, long }) {
  const budget = long ? longest : usual;
  const startedAt = performance.now();
  const report = path.join(results, `${name}.json`);
  const argv = [...VITEST, '--project', name, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  if (coverage) {
    argv.push('--coverage', '--reporter=blob', `--outputFile.blob=${path.join(results, 'blobs', `${name}.json`)}`);
    argv.push(`--coverage.reportsDirectory=${path.join(results, name)}`, '--coverage.reporter=none');
  }
  const outcome = await run([...argv, ...extra], budget, long ? LONG.env : {});
  record(name, startedAt, budget, countTests(report, outcome));
}

/** Each file is a program that prints its numbers and ends with 1 when a bar is missed. */
async function benchmarks() {
  for (const file of globSync('test/bench/*.bench.ts', { cwd: root }).sort()) {
    await check(path.basename(file, '.ts'), { budget: BENCH_BUDGET, argv: [process.execPath, file] });
  }
}

function parse(argv) {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const names = own.filter((argument) => !argument.startsWith('--'));
  const known = [...Object.keys(CHECKS), ...Object.keys(SUITES), 'bench'];
  const wrong = [
    ...names.filter((name) => !known.includes(name)),
    ...own.filter((argument) => argument.startsWith('--') && !['--long', '--yes'].includes(argument)),
  ];
  if (wrong.length > 0) {
    console.error(`scripts/test: unknown ${wrong.join(' ')}; there are ${known.join(', ')}, --long and --yes`);
    process.exit(2);
  }
  const usual = known.filter((name) => name !== 'bench' || own.includes('--long'));
  const long = own.includes('--long');
  return { wanted: names.length > 0 ? names : usual, long, extra: end === -1 ? [] : argv.slice(end + 1) };
}

const { wanted, long, extra } = parse(process.argv.slice(2));
const startedAt = performance.now();
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const coverage = MERGED.every((name) => wanted.includes(name));

for (const name of Object.keys(CHECKS)) {
  if (wanted.includes(name) && process.exitCode === undefined) await check(name, CHECKS[name]);
}
for (const name of Object.keys(SUITES)) {
  if (!wanted.includes(name) || process.exitCode !== undefined) continue;
  await suite(name, SUITES[name], { coverage: coverage && MERGED.includes(name), extra, long });
  if (coverage && name === MERGED.at(-1) && process.exitCode === undefined) {
    const argv = [...VITEST, `--mergeReports=${path.join(results, 'blobs')}`, '--coverage', '--reporter=dot'];
    await check('coverage', { budget: COVERAGE_BUDGET, argv }, { COVERAGE_GATE: '1' });
  }
}
if (wanted.includes('bench') && process.exitCode === undefined) await benchmarks();

const shown = failures.slice(0, FAILURES_SHOWN);
if (failures.length > shown.length) shown.push(`and ${failures.length - shown.length} more, above`);
const ends = [summary.join('\n'), ...shown, `${((performance.now() - startedAt) / 1000).toFixed(0)} s in all`];
console.log(`\n${ends.join('\n\n')}`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode ??= counts.failed === 0 ? 0 : 1;
