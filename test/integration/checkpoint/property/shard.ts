/** `node shard.ts MOUNTS FIRST STEP CASES`: worlds of the seeds FIRST, FIRST + STEP, …; prints what was covered as JSON. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runWorld } from './cases.ts';
import type { Outcome } from './cases.ts';
import { mountDisk } from './disk.ts';
import { bundleVictim } from './kill.ts';

const [mounts, ...numbers] = process.argv.slice(2);
const [first = 0, step = 1, cases = 1] = numbers.map(Number);
const disk = mounts === 'own-mounts' ? mountDisk() : null;
const programs = mkdtempSync(path.join(os.tmpdir(), 'swarm-victim-'));
const victim = bundleVictim(programs);
const outcome: Outcome = { coverage: new Map(), cases: 0 };
try {
  for (let seed = first; outcome.cases < cases; seed += step)
    await runWorld(seed, cases - outcome.cases, outcome, { disk, victim });
} finally {
  rmSync(programs, { recursive: true });
}
process.stdout.write(JSON.stringify({ cases: outcome.cases, coverage: [...outcome.coverage] }));
