/**
 * From the request that submits a task to the start of its process: an idle swarm with one shell agent, a repository of
 * 1,000 files, nothing changed in it. Usage: node test/bench/dispatch.bench.ts [tasks]
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { conclude, judge, loadText, percentile, untilQuiet } from './lib.ts';
import { benchPlace, until, type BenchPlace } from './place.ts';

const TASKS = Number(process.argv[2] ?? 120);
const WARM_UP = 5;
const QUIET_EVERY = 20;
/** Rest between two tasks: the swarm is idle again, and no tick of its clocks meets every task at the same moment. */
const REST_MS = 60;
const REST_JITTER_MS = 90;
const P50_BAR_MS = 60;
const P99_BAR_MS = 150;

interface TaskView {
  state: string;
  attempts: { startedAt: string }[];
}

/** Milliseconds after the request was sent. */
interface Sample {
  accepted: number;
  leased: number;
  begun: number;
  spawned: number;
}

await using place = await benchPlace({
  files: 1_000,
  config: 'agents:\n  worker: {count: 0}\n  runner: {kind: shell, count: 1}\n',
});
await place.swarm('up', '--detach', '--yes', '--trust');
await until(
  'broker',
  60_000,
  async () =>
    (await place.call<{ broker: { state: string } }>('GET', '/v1/swarm')).broker.state === 'up' ? true : null,
  100,
);

const samples: Sample[] = [];
for (let task = 0; task < TASKS + WARM_UP; task += 1) {
  if (task % QUIET_EVERY === 0) await untilQuiet();
  const sample = await dispatch(place);
  if (task >= WARM_UP) samples.push(sample);
}

const step = (name: string, of: (sample: Sample) => number): void => {
  const taken = samples.map(of);
  console.log(`  ${name}: p50 ${percentile(taken, 0.5).toFixed(1)} ms, p99 ${percentile(taken, 0.99).toFixed(1)} ms`);
};
console.log(`${samples.length} tasks, one after the other [${loadText()}]`);
step('request → answered', (sample) => sample.accepted);
step('request → leased (stored, ticket, claim)', (sample) => sample.leased);
step('leased → wrapper begins (reply)', (sample) => sample.begun - sample.leased);
step('wrapper begins → process (checkpoint, prepare, spawn)', (sample) => sample.spawned - sample.begun);
const total = samples.map((sample) => sample.spawned);
conclude([
  judge('API accepts a task → its process started, p50', 'ms', percentile(total, 0.5), P50_BAR_MS),
  judge('API accepts a task → its process started, p99', 'ms', percentile(total, 0.99), P99_BAR_MS),
]);

async function dispatch({ call }: BenchPlace): Promise<Sample> {
  const sentAt = Date.now();
  const { id } = await call<{ id: string }>('POST', '/v1/tasks', {
    title: 'what time is it',
    command: ['date', '+%s%N'],
  });
  const accepted = Date.now() - sentAt;
  const done = await until(
    `end of ${id}`,
    30_000,
    async () => {
      const seen = await call<TaskView>('GET', `/v1/tasks/${id}`);
      if (seen.state === 'dead') throw new Error(`${id} failed`);
      return seen.state === 'done' ? seen : null;
    },
    20,
  );
  const printed = readFileSync(path.join(place.logsDir, 'runner-1', `${id}-1.log`), 'utf8').trim();
  const begun = begunAt(path.join(place.logsDir, 'runner-1.jsonl'), id);
  await pause(REST_MS + Math.random() * REST_JITTER_MS);
  return {
    accepted,
    leased: Date.parse(done.attempts[0]?.startedAt ?? '') - sentAt,
    begun: begun - sentAt,
    spawned: Number(printed) / 1e6 - sentAt,
  };
}

/** When the wrapper logged that it has the order. */
function begunAt(log: string, task: string): number {
  const lines = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"attempt begins"'));
  const line = lines.findLast((candidate) => (JSON.parse(candidate) as { task: string }).task === task);
  if (line === undefined) throw new Error(`the log of the wrapper does not know ${task}`);
  return (JSON.parse(line) as { time: number }).time;
}
