/**
 * The whole engine: submit through the API, ticket, claim, result, done, with 16 runners that only use the broker, a
 * private RabbitMQ, a supervisor with every commit on disk (`synchronous=FULL`, group commit), everything confirmed.
 * Usage: node test/bench/engine.bench.ts [tasks per run]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '../support/environment.ts';
import { conclude, judge, loadText, median, untilQuiet } from './lib.ts';
import { benchPlace, builtProgram, until } from './place.ts';
import { processorMs } from './process-use.ts';

const TASKS = Number(process.argv[2] ?? 5_000);
const RUNS = 5;
const RUNNERS = 16;
const BATCH = 250;
const BAR_PER_SECOND = 1_000;
const RUN_TIMEOUT_MS = 120_000;

interface SwarmView {
  broker: { pid: number };
  supervisor: { pid: number };
  tasks: Record<string, number>;
}

await using place = await benchPlace({ files: 1 });
place.environment.variables['SWARM_SUPERVISOR_PROGRAM'] = await buildWithoutWrapper(place.environment.directory);
const specs = path.join(place.environment.runtimeDir, 'swarm', place.hash, 'agents');
const program = path.join(import.meta.dirname, 'engine-runners.ts');
const child = spawn(process.execPath, [program, '--specs', specs, '--runners', String(RUNNERS)], {
  env: {},
  stdio: ['pipe', 'pipe', 'inherit'],
});
const reported = { done: 0, tickets: 0 };
createInterface(child.stdout).on('line', (line) => Object.assign(reported, JSON.parse(line)));
const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the runners ended with ${String(code)}`)));
const up = place.swarm('up', String(RUNNERS), '--detach', '--yes', '--trust');
await Promise.race([Promise.all([up, once(child.stdout, 'data')]), died]);
died.catch(() => undefined);
const view = (): Promise<SwarmView> => place.call<SwarmView>('GET', '/v1/swarm');
const swarm = await view();

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
  // A result that the broker has confirmed is no proof that the task is done: only the store is.
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

/**
 * A copy of the build whose wrappers do nothing: the runners act for them.
 * @returns its supervisor
 */
async function buildWithoutWrapper(directory: string): Promise<string> {
  const build = path.join(directory, 'stand-in/dist/build');
  await cp(path.dirname(builtProgram('supervisor')), build, { recursive: true });
  for (const file of ['package.json', 'tmux.conf']) {
    await cp(path.join(repositoryRoot, file), path.join(directory, 'stand-in', file));
  }
  await writeFile(path.join(build, 'wrapper.js'), 'setInterval(() => {}, 2 ** 30);\n');
  return path.join(build, 'supervisor.js');
}

/** Processor time so far, ms. */
function cpuOf(): { supervisor: number; broker: number; runners: number } {
  return {
    supervisor: processorMs(swarm.supervisor.pid),
    broker: processorMs(swarm.broker.pid),
    runners: processorMs(child.pid ?? 0),
  };
}
