import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { coverageTable } from './property/cases.ts';
import type { Outcome } from './property/cases.ts';
import { ownMounts } from './property/disk.ts';

/** `SWARM_PROPERTY_SEED=7` tries the world of that seed alone; `scripts/test --long` tries 2,000 cases. */
const only = process.env['SWARM_PROPERTY_SEED'];
const wanted = Number(process.env['SWARM_PROPERTY_CASES'] ?? (process.env['SWARM_TEST_LONG'] === '1' ? 2_000 : 200));
const first = only === undefined ? Math.floor(Math.random() * 1_000_000) * 1_000 : Number(only);
const LEAST_OF_EACH = 10;
const ENOUGH_FOR_EACH = 200;
/** The edits of one world come one after another; a second process makes use of a second processor. */
const PROCESSES = only === undefined ? 2 : 1;

it(`any state can be brought back, byte for byte (${wanted} random cases)`, { timeout: 3_000_000 }, async () => {
  const outcome = await inProcesses(only === undefined ? wanted : 1);
  process.stdout.write(`seeds from ${first}: ${coverageTable(outcome)}\n`);
  if (only !== undefined || wanted < ENOUGH_FOR_EACH) return;
  const rows = coverageTable(outcome).split('\n').slice(1);
  const rare = rows.filter((row) => Number(row.slice(0, 6)) < LEAST_OF_EACH);
  const why = ownMounts() === null ? ' (neither root nor anybody else may mount here: unshare --mount)' : '';
  expect(rare, `each at least ${LEAST_OF_EACH} times${why}`).toEqual([]);
});

async function inProcesses(cases: number): Promise<Outcome> {
  const outcome: Outcome = { coverage: new Map(), cases: 0 };
  const shard = path.join(import.meta.dirname, 'property', 'shard.ts');
  const mounts = ownMounts();
  const shards = Array.from({ length: PROCESSES }, async (_, at) => {
    const numbers = [first + at, PROCESSES, Math.ceil(cases / PROCESSES)].map(String);
    const argv = [...(mounts ?? []), process.execPath, shard, mounts === null ? 'none' : 'own-mounts', ...numbers];
    const { stdout } = await promisify(execFile)(argv[0] ?? '', argv.slice(1), { maxBuffer: 1e8 });
    return JSON.parse(stdout) as { cases: number; coverage: [string, number][] };
  });
  for (const { cases: done, coverage } of await Promise.all(shards)) {
    outcome.cases += done;
    for (const [name, count] of coverage) outcome.coverage.set(name, (outcome.coverage.get(name) ?? 0) + count);
  }
  return outcome;
}
