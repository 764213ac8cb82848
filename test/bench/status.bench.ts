/**
 * `swarm status --json` from a cold start, with a living supervisor, over Node doing nothing; and the time that the
 * launcher script adds. Usage: node test/bench/status.bench.ts
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from '../support/environment.ts';
import { compare, conclude, judge, median, timed } from './lib.ts';
import { benchPlace, builtProgram } from './place.ts';

/** One start takes 30 ms, as much as the noise of a busy machine: each run takes the median of so many. */
const STARTS = 15;
const LAUNCHER_BAR_MS = 100;

await using place = await benchPlace({ files: 1_000 });
await place.swarm('up', '3', '--detach', '--yes', '--trust');

const start = (program: string, args: string[]) => () =>
  execFileSync(program, args, { cwd: place.repository.path, env: place.environment.variables, stdio: 'ignore' });

async function typical(run: () => unknown): Promise<number> {
  const taken: number[] = [];
  for (let at = 0; at < STARTS; at += 1) taken.push(await timed(async () => run()));
  return median(taken);
}

const nothing = start(process.execPath, ['-e', '0']);
const status = start(process.execPath, [builtProgram('cli'), 'status', '--json']);
const launched = start(path.join(repositoryRoot, 'scripts/swarm'), ['status', '--json']);

const cold = await compare({
  name: 'status --json, cold',
  unit: 'ms',
  floor: { name: 'node -e 0', measure: () => typical(nothing) },
  ours: { name: 'status --json', measure: () => typical(status) },
  bar: 3,
});
const launcher = await compare({
  name: 'the same through the launcher',
  unit: 'ms',
  floor: { name: 'status --json', measure: () => typical(status) },
  ours: { name: 'scripts/swarm status --json', measure: () => typical(launched) },
  bar: 3,
});
conclude([cold, judge('what the launcher adds', 'ms', launcher.ours - launcher.floor, LAUNCHER_BAR_MS)]);
