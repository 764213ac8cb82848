import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/** A benchmark compares swarm with a floor: the same work without swarm, measured in the same run. */
export interface Measurement {
  /**
   * Makes one run; resolves with its measured value, in the benchmark's unit. Set-up and tidying are outside of that
   * value.
   */
  (run: number): Promise<number>;
}

export interface Benchmark {
  name: string;
  unit: string;
  floor: { name: string; measure: Measurement };
  ours: { name: string; measure: Measurement };
  /** Highest allowed ours/floor; `minimum` turns it round, for throughput. */
  bar: number;
  direction?: 'maximum' | 'minimum';
  /** Default 5. */
  runs?: number;
}

export interface BenchmarkResult {
  name: string;
  unit: string;
  floor: number;
  ours: number;
  ratio: number;
  bar: number;
  met: boolean;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Linear interpolation between the two nearest values; `p` from 0 to 1. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * p;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error('no values to take a percentile of');
  return below + (above - below) * (position - Math.floor(position));
}

/** How long `work` takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/**
 * The least idle share of a quiet machine. Other work lengthens the times of both sides, but not by the same factor.
 */
const QUIET_IDLE_SHARE = 0.85;
const QUIET_LOOKS = 3;
const LOOK_MS = 500;
const PATIENCE_MS = Number(process.env['SWARM_BENCH_PATIENCE'] ?? 20) * 1_000;

/** Waits until the processors have had little to do for a moment, but not for ever. */
export async function untilQuiet(): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let quiet = 0, before = processorTimes(); quiet < QUIET_LOOKS && performance.now() < deadline;) {
    await pause(LOOK_MS);
    const now = processorTimes();
    quiet = (now.idle - before.idle) / (now.all - before.all) > QUIET_IDLE_SHARE ? quiet + 1 : 0;
    before = now;
  }
}

function processorTimes(): { idle: number; all: number } {
  const times = os.cpus().map((cpu) => cpu.times);
  const idle = times.reduce((sum, time) => sum + time.idle, 0);
  return { idle, all: times.reduce((sum, time) => sum + time.idle + time.user + time.sys + time.nice + time.irq, 0) };
}

/**
 * Medians over interleaved runs: floor, ours, floor, ours, … so that a machine that is slow for a while is slow for
 * both; each run begins with the other one.
 */
export async function compare(benchmark: Benchmark): Promise<BenchmarkResult> {
  const { name, unit, bar } = benchmark;
  const taken = { floor: [] as number[], ours: [] as number[] };
  for (let run = 0; run < (benchmark.runs ?? 5); run += 1) {
    const order = run % 2 === 0 ? (['floor', 'ours'] as const) : (['ours', 'floor'] as const);
    for (const side of order) {
      await untilQuiet();
      taken[side].push(await benchmark[side].measure(run));
    }
  }
  const [floor, ours] = [median(taken.floor), median(taken.ours)];
  const ratio = ours / floor;
  const met = benchmark.direction === 'minimum' ? ratio >= bar : ratio <= bar;
  return { name, unit, floor, ours, ratio, bar, met };
}

/** An absolute bar: no floor, the number itself. */
export function judge(
  name: string,
  unit: string,
  ours: number,
  bar: number,
  direction: 'maximum' | 'minimum' = 'maximum',
): BenchmarkResult {
  return {
    name,
    unit,
    floor: Number.NaN,
    ours,
    ratio: Number.NaN,
    bar,
    met: direction === 'minimum' ? ours >= bar : ours <= bar,
  };
}

export function formatResult(result: BenchmarkResult): string {
  const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 });
  const compared = Number.isNaN(result.ratio)
    ? `${number(result.ours)} ${result.unit} (bar ${number(result.bar)})`
    : `floor ${number(result.floor)} ${result.unit}, ours ${number(result.ours)} ${result.unit}, ratio ${result.ratio.toFixed(2)} (bar ${result.bar})`;
  return `${result.met ? 'met   ' : 'MISSED'} ${result.name}: ${compared}`;
}

/** The load average of the last minute and the number of processors, which show how quiet the machine was. */
export function loadText(): string {
  return `load ${os.loadavg()[0]?.toFixed(1)} on ${os.availableParallelism()} processors`;
}

/** Prints the results, and fails the program when a bar is missed. */
export function conclude(results: readonly BenchmarkResult[]): void {
  for (const result of results) console.log(`${formatResult(result)} [${loadText()}]`);
  if (results.some((result) => !result.met)) process.exitCode = 1;
}
