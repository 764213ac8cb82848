/**
 * `node shard.mjs MOUNTS VICTIM FIRST STEP CASES`: worlds of the seeds FIRST, FIRST + STEP, …; prints the coverage as
 * JSON.
 */
import { runWorld } from './cases.ts';
import type { Outcome } from './cases.ts';
import { mountDisk } from './disk.ts';

const [mounts, victim = '', ...numbers] = process.argv.slice(2);
const [first = 0, step = 1, cases = 1] = numbers.map(Number);
const disk = mounts === 'own-mounts' ? mountDisk() : null;
const outcome: Outcome = { coverage: new Map(), cases: 0 };
for (let seed = first; outcome.cases < cases; seed += step)
  await runWorld(seed, cases - outcome.cases, outcome, { disk, victim });
process.stdout.write(JSON.stringify({ cases: outcome.cases, coverage: [...outcome.coverage] }));
