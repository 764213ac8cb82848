import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { coverageTable, MANY_CASES } from './property/cases.ts';
import type { Outcome } from './property/cases.ts';
import { worldMounts } from './property/disk.ts';
import { bundlePrograms } from './property/programs.ts';
import type { Programs } from './property/programs.ts';
import { CASES_OF_A_WORLD, hasManyFiles } from './property/start.ts';

/**
 * `SWARM_PROPERTY_SEED=7` tries the world of that seed alone, `SWARM_PROPERTY_CASES=40` so many cases; from 200 on each
 * feature must occur often enough. `scripts/test --long` tries 2,000, many files among them.
 */
const only = process.env['SWARM_PROPERTY_SEED'];
const wanted = Number(process.env['SWARM_PROPERTY_CASES'] ?? (process.env['SWARM_TEST_LONG'] === '1' ? 2_000 : 200));
const first = only === undefined ? Math.floor(Math.random() * 1_000_000) * 1_000 : Number(only);
const LEAST_OF_EACH = 10;
const isCounted = only === undefined && wanted >= 200;
/** Ten cases among a hundred thousand files take minutes. */
const withMany = wanted > 200;
const EXTRA_CASES = 24;
/** The edits of one world follow each other; a second process uses a second processor. */
const PROCESSES = 2;

it(`any state can be brought back, byte for byte (${wanted} random cases)`, { timeout: 3_000_000 }, async () => {
  const outcome: Outcome = { coverage: new Map(), cases: 0 };
  const place = mkdtempSync(path.join(os.tmpdir(), 'swarm-property-'));
  try {
    const programs = bundlePrograms(place);
    if (only === undefined) await tryAll(outcome, programs);
    else await tryWorlds(outcome, programs, first, 1, hasManyFiles(first) ? MANY_CASES : CASES_OF_A_WORLD);
  } finally {
    rmSync(place, { recursive: true });
  }
  process.stdout.write(`seeds from ${first}: ${coverageTable(outcome)}\n`);
  if (!isCounted) return;
  const why = worldMounts() === null ? ' (neither root nor another user may mount here: unshare --mount)' : '';
  expect(rareIn(outcome), `each at least ${LEAST_OF_EACH} times${why}`).toEqual([]);
});

function rareIn(outcome: Outcome): string[] {
  const rows = coverageTable(outcome).split('\n').slice(1);
  const tried = withMany ? rows : rows.filter((row) => !/many files|100,000/.test(row));
  return tried.filter((row) => Number(row.slice(0, 6)) < LEAST_OF_EACH);
}

/**
 * Tries all worlds. The world of many files has a process of its own: its memory makes every start of a program slower,
 * since the system copies the table of pages. Features that occurred too seldom are tried until they did often enough.
 */
async function tryAll(outcome: Outcome, programs: Programs): Promise<void> {
  const side = async (from: number, cases: number): Promise<void> => {
    const few = Math.ceil(cases / PROCESSES);
    await Promise.all(
      Array.from({ length: PROCESSES }, (_, at) => tryWorlds(outcome, programs, from + at, PROCESSES, few)),
    );
  };
  await Promise.all([
    side(first + 1, wanted - (withMany ? MANY_CASES : 0)),
    ...(withMany ? [tryWorlds(outcome, programs, first, 1, MANY_CASES)] : []),
  ]);
  for (let round = 1; isCounted && rareIn(outcome).length > 0 && outcome.cases < 2 * wanted; round += 1)
    await side(first + 1 + 500_000_000 * round, EXTRA_CASES);
}

async function tryWorlds(
  outcome: Outcome,
  { shard, victim }: Programs,
  from: number,
  step: number,
  cases: number,
): Promise<void> {
  const mounts = worldMounts();
  const program = [process.execPath, '--max-semi-space-size=1', shard];
  const words = [mounts === null ? 'none' : 'own-mounts', victim, ...[from, step, cases].map(String)];
  const argv = [...(mounts ?? []), ...program, ...words];
  const { stdout } = await promisify(execFile)(argv[0] ?? '', argv.slice(1), { maxBuffer: 1e8 });
  const done = JSON.parse(stdout) as { cases: number; coverage: [string, number][] };
  outcome.cases += done.cases;
  for (const [name, times] of done.coverage) outcome.coverage.set(name, (outcome.coverage.get(name) ?? 0) + times);
}
