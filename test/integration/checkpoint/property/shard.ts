/** `node shard.ts FIRST STEP CASES`: worlds of the seeds FIRST, FIRST + STEP, …; prints what was covered as JSON. */
import { runWorld } from './cases.ts';
import type { Outcome } from './cases.ts';

const [first = 0, step = 1, cases = 1] = process.argv.slice(2).map(Number);
const outcome: Outcome = { coverage: new Map(), cases: 0 };
for (let seed = first; outcome.cases < cases; seed += step) await runWorld(seed, cases - outcome.cases, outcome);
process.stdout.write(JSON.stringify({ cases: outcome.cases, coverage: [...outcome.coverage] }));
