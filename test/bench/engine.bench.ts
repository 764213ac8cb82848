/**
 * The whole engine: submit through the API, ticket, claim, result, done, with 16 runners that know only the broker, a
 * private RabbitMQ, a supervisor with every commit on disk (`synchronous=FULL`, group commit), everything confirmed.
 * Usage: node test/bench/engine.bench.ts [tasks per run]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ensureBroker } from '../../src/broker/index.ts';
import { conclude, judge, loadText, median, untilQuiet } from './lib.ts';
import { benchPlace, until } from './place.ts';
import { processorMs } from './process-use.ts';

const TASKS = Number(process.argv[2] ?? 5_000);
const RUNS = 5;
const RUNNERS = 16;
const BATCH = 250;
const BAR_PER_SECOND = 1_000;
const RUN_TIMEOUT_MS = 120_000;

interface SwarmView {
  project: { hash: string };
  broker: { state: string; pid: number };
  supervisor: { pid: number };
  tasks: Record<string, number>;
}

await using place = await benchPlace({
  files: 1,
  config: 'agents:\n  worker: {count: 0}\n  runner: {kind: shell, count: 1}\n',
});
await place.swarm('up', '--detach', '--yes', '--trust');
const view = (): Promise<SwarmView> => place.call<SwarmView>('GET', '/v1/swarm');
const swarm = await until('broker', 60_000, async () => {
  const now = await view();
  return now.broker.state === 'up' ? now : null;
});
const { url } = await ensureBroker({ dir: path.join(place.environment.stateHome, 'swarm/broker') });

const program = path.join(import.meta.dirname, 'engine-runners.ts');
const options = ['--url', url, '--project', swarm.project.hash, '--runners', String(RUNNERS)];
const child = spawn(process.execPath, [program, ...options], { env: {}, stdio: ['pipe', 'pipe', 'inherit'] });
const reported = { done: 0, tickets: 0, cpuMs: 0 };
createInterface(child.stdout).on('line', (line) => Object.assign(reported, JSON.parse(line)));
await once(child.stdout, 'data');

const rates: number[] = [];
let total = 0;
try {
  for (let run = 0; run < RUNS; run += 1) rates.push(await oneRun());
} finally {
  const ended = once(child, 'exit');
  child.stdin.end();
  await ended;
}
conclude([judge(`engine, ${RUNNERS} runners on AMQP`, 'tasks/s', median(rates), BAR_PER_SECOND, 'minimum')]);

async function oneRun(): Promise<number> {
  await untilQuiet();
  total += TASKS;
  const before = { cpu: cpuOf(), tickets: reported.tickets };
  const startedAt = performance.now();
  for (let at = 0; at < TASKS; at += BATCH) {
    const tasks = Array.from({ length: Math.min(BATCH, TASKS - at) }, (_, n) => ({
      title: `task ${at + n}`,
      prompt: 'Do what the title says, then stop. '.repeat(10),
    }));
    await place.call('POST', '/v1/tasks', { tasks });
  }
  const submitted = performance.now() - startedAt;
  await until(`result of ${TASKS} tasks`, RUN_TIMEOUT_MS, () => (reported.done >= total ? true : null));
  // A result that the broker has confirmed is not a task that is done: that is what the store says.
  await until('end of the tasks', RUN_TIMEOUT_MS, async () => ((await view()).tasks['done'] === total ? true : null));
  const tookMs = performance.now() - startedAt;
  const cpu = cpuOf();
  const share = (now: number, then: number): string => `${(((now - then) / tookMs) * 100).toFixed(0)} %`;
  const rate = (TASKS / tookMs) * 1_000;
  console.log(
    `  ${rate.toFixed(0)} tasks/s (${TASKS} in ${tookMs.toFixed(0)} ms, submitted in ${submitted.toFixed(0)} ms, ` +
      `${reported.tickets - before.tickets} tickets; of a core: supervisor ${share(cpu.supervisor, before.cpu.supervisor)}, ` +
      `broker ${share(cpu.broker, before.cpu.broker)}, runners ${share(cpu.runners, before.cpu.runners)}) [${loadText()}]`,
  );
  return rate;
}

/** Processor time so far, ms. */
function cpuOf(): { supervisor: number; broker: number; runners: number } {
  return {
    supervisor: processorMs(swarm.supervisor.pid),
    broker: processorMs(swarm.broker.pid),
    runners: processorMs(child.pid ?? 0),
  };
}
