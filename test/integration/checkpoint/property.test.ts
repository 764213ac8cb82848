import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { coverageTable, MANY_CASES } from './property/cases.ts';
import type { Outcome } from './property/cases.ts';
import { ownMounts } from './property/disk.ts';
import { CASES_OF_A_WORLD, hasManyFiles } from './property/start.ts';

/**
 * `SWARM_PROPERTY_SEED=7` tries the world of that seed alone, `SWARM_PROPERTY_CASES=200` so many cases, from which on each
 * feature must be among them, and many files; `scripts/test --long` tries 2,000.
 */
const only = process.env['SWARM_PROPERTY_SEED'];
const wanted = Number(process.env['SWARM_PROPERTY_CASES'] ?? (process.env['SWARM_TEST_LONG'] === '1' ? 2_000 : 100));
const first = only === undefined ? Math.floor(Math.random() * 1_000_000) * 1_000 : Number(only);
const LEAST_OF_EACH = 10;
const ENOUGH_FOR_EACH = 200;
/** The edits of one world come one after another; a second process makes use of a second processor. */
const PROCESSES = 2;

it(`any state can be brought back, byte for byte (${wanted} random cases)`, { timeout: 3_000_000 }, async () => {
  const outcome = await inProcesses(wanted);
  process.stdout.write(`seeds from ${first}: ${coverageTable(outcome)}\n`);
  if (only !== undefined || wanted < ENOUGH_FOR_EACH) return;
  const rows = coverageTable(outcome).split('\n').slice(1);
  const rare = rows.filter((row) => Number(row.slice(0, 6)) < LEAST_OF_EACH);
  const why = ownMounts() === null ? ' (neither root nor anybody else may mount here: unshare --mount)' : '';
  expect(rare, `each at least ${LEAST_OF_EACH} times${why}`).toEqual([]);
});

/**
 * The world of many files has a process of its own: what it keeps in memory makes every start of a program slower, since
 * the system copies the table of pages.
 */
async function inProcesses(cases: number): Promise<Outcome> {
  const outcome: Outcome = { coverage: new Map(), cases: 0 };
  const shard = path.join(import.meta.dirname, 'property', 'shard.ts');
  const mounts = ownMounts();
  const run = async (from: number, step: number, count: number): Promise<void> => {
    const numbers = [from, step, count].map(String);
    const argv = [...(mounts ?? []), process.execPath, shard, mounts === null ? 'none' : 'own-mounts', ...numbers];
    const { stdout } = await promisify(execFile)(argv[0] ?? '', argv.slice(1), { maxBuffer: 1e8 });
    const done = JSON.parse(stdout) as { cases: number; coverage: [string, number][] };
    outcome.cases += done.cases;
    for (const [name, times] of done.coverage) outcome.coverage.set(name, (outcome.coverage.get(name) ?? 0) + times);
  };
  if (only !== undefined) await run(first, 1, hasManyFiles(first) ? MANY_CASES : CASES_OF_A_WORLD);
  else {
    const many = cases < ENOUGH_FOR_EACH ? 0 : MANY_CASES;
    const few = Math.ceil((cases - many) / PROCESSES);
    const small = Array.from({ length: PROCESSES }, (_, at) => run(first + 1 + at, PROCESSES, few));
    await Promise.all(many === 0 ? small : [run(first, 1, many), ...small]);
  }
  return outcome;
}
