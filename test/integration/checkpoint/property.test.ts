import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { coverageTable, runWorld } from './property/cases.ts';
import type { Outcome } from './property/cases.ts';

/** `SWARM_PROPERTY_SEED=7` tries the world of that seed alone; `scripts/test --long` tries 2,000 cases, and each feature must be among them. */
const only = process.env['SWARM_PROPERTY_SEED'];
const wanted = Number(process.env['SWARM_PROPERTY_CASES'] ?? (process.env['SWARM_TEST_LONG'] === '1' ? 2_000 : 60));
const first = only === undefined ? Math.floor(Math.random() * 1_000_000) * 1_000 : Number(only);
const LEAST_OF_EACH = 10;
/** The edits of one world come one after another; a second process makes use of a second processor. */
const PROCESSES = 2;

it(`any state can be brought back, byte for byte (${wanted} random cases)`, { timeout: 1_800_000 }, async () => {
  const outcome: Outcome = { coverage: new Map(), cases: 0 };
  if (only === undefined) await inProcesses(outcome);
  else await runWorld(first, wanted, outcome);
  process.stdout.write(`seeds from ${first}: ${coverageTable(outcome)}\n`);
  if (only !== undefined || wanted < 200) return;
  const rows = coverageTable(outcome).split('\n').slice(1);
  const rare = rows.filter((row) => Number(row.slice(0, 6)) < LEAST_OF_EACH);
  expect(rare, `each at least ${LEAST_OF_EACH} times`).toEqual([]);
});

async function inProcesses(outcome: Outcome): Promise<void> {
  const program = path.join(import.meta.dirname, 'property', 'shard.ts');
  const shards = Array.from({ length: PROCESSES }, async (_, at) => {
    const args = [program, first + at, PROCESSES, Math.ceil(wanted / PROCESSES)].map(String);
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 });
    return JSON.parse(stdout) as { cases: number; coverage: [string, number][] };
  });
  for (const { cases, coverage } of await Promise.all(shards)) {
    outcome.cases += cases;
    for (const [name, count] of coverage) outcome.coverage.set(name, (outcome.coverage.get(name) ?? 0) + count);
  }
}
