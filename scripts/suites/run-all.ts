import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { runCommand, type Ended } from './command.ts';
import { PROGRESS_FILE, readProgress } from './progress.ts';
import { tallyOf, type Tally } from './tally.ts';

/** A check, which is good or bad as a whole, or a suite of tests, which are counted. */
export interface Step {
  name: string;
  argv: readonly string[];
  budgetSeconds: number;
  env?: Record<string, string>;
  /** A suite: the file into which the vitest that `argv` runs writes its progress. */
  progress?: string;
  /**
   * Files that an earlier step writes when it comes to its end: without one of them this step is not tried, and fails.
   */
  needs?: readonly string[];
}

/** Failures that are repeated at the end, for readers of the last lines. */
const FAILURES_SHOWN = 10;
const LEFT_SHOWN = 5;
const COMMAND_LINE_LENGTH = 160;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export interface Surroundings {
  /** Printed right before the count. */
  notes?: readonly string[];
  /** With what the counted tests were run, where that is not the usual; ends the last line. */
  under?: string | undefined;
}

/**
 * Runs one step after another, reports each, and ends with a true count.
 * @returns the exit code
 */
export async function runAll(
  steps: readonly Step[],
  root: string,
  { notes = [], under }: Surroundings = {},
): Promise<number> {
  const startedAt = performance.now();
  const counts = { passed: 0, failed: 0 };
  const summary: string[] = [];
  const failures: string[] = [];
  using stop = interruption();
  for (const step of steps) {
    if (stop.code !== null) break;
    const begunAt = performance.now();
    const tally = await runStep(step, root, stop.signal);
    counts.passed += tally.passed;
    counts.failed += tally.failed;
    failures.push(...tally.failures);
    const seconds = ((performance.now() - begunAt) / 1000).toFixed(1).padStart(6);
    const verdict = tally.failed === 0 ? 'ok    ' : 'FAILED';
    const line = `${verdict} ${step.name.padEnd(12)} ${seconds} s of ${step.budgetSeconds} s  ${tally.note}`.trimEnd();
    summary.push(line);
    console.log(`== ${line}`);
  }
  const shown = failures.slice(0, FAILURES_SHOWN);
  if (failures.length > shown.length) shown.push(`and ${failures.length - shown.length} more, above`);
  const ends = [summary.join('\n'), ...shown, `${((performance.now() - startedAt) / 1000).toFixed(0)} s in all`];
  console.log(`\n${ends.join('\n\n')}`);
  for (const note of notes) console.log(note);
  console.log(`${counts.passed} passed, ${counts.failed} failed${under === undefined ? '' : ` with ${under}`}`);
  return stop.code ?? (counts.failed === 0 ? 0 : 1);
}

/** The first signal to end ends the running step, and with it the run. */
function interruption(): Disposable & { signal: AbortSignal; code: number | null } {
  const controller = new AbortController();
  // With the terminal gone the step still has to be ended.
  process.stdout.on('error', () => undefined);
  const caught = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = (): void => {
      state.code ??= code;
      controller.abort();
    };
    process.on(name, listener);
    return { name, listener };
  });
  const state = {
    signal: controller.signal,
    code: null as number | null,
    [Symbol.dispose]: () => caught.forEach(({ name, listener }) => process.off(name, listener)),
  };
  return state;
}

async function runStep(step: Step, root: string, interrupt: AbortSignal): Promise<Tally> {
  const { argv, budgetSeconds, progress, needs = [] } = step;
  const missing = needs.filter((file) => !existsSync(file)).map((file) => path.basename(file));
  if (missing.length > 0) {
    return { passed: 0, failed: 1, note: `not tried, there is no ${missing.join(' and no ')}`, failures: [] };
  }
  if (progress !== undefined && existsSync(progress)) rmSync(progress);
  const env = { ...step.env, ...(progress === undefined ? {} : { [PROGRESS_FILE]: progress }) };
  const ended = await runCommand({ argv, cwd: root, env, budgetMs: budgetSeconds * 1000, interrupt });
  const tally =
    progress === undefined ? checked(ended) : tallyOf(ended.outcome, readProgress(progress), root, Date.now());
  return withLeft(step, ended, tally);
}

function checked({ outcome }: Ended): Tally {
  const isGood = outcome === 'ok';
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, note: isGood ? '' : outcome, failures: [] };
}

/** Counts processes that a step left running: one that came to its end should have ended them. */
function withLeft({ name }: Step, { outcome, left }: Ended, tally: Tally): Tally {
  if (left.length === 0) return tally;
  if (outcome === 'over budget' || outcome === 'interrupted') {
    return { ...tally, note: `${tally.note}; ended with it: ${left.length} processes` };
  }
  const shown = left.slice(0, LEFT_SHOWN).map((line) => `  ${line.slice(0, COMMAND_LINE_LENGTH)}`);
  return {
    ...tally,
    failed: tally.failed + 1,
    note: `${tally.note}, ${left.length} processes left behind`,
    failures: [...tally.failures, [`${name}: these outlived the tests`, ...shown].join('\n')],
  };
}
