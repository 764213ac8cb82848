/**
 * `swarm up 3` with no broker running. Agents do not wait for it: they are ready as soon as with one. A task that is
 * added once the API answers is leased sooner than the stock script alone would have a RabbitMQ node answer. Usage:
 * node test/bench/up-without-broker.bench.ts
 */
import { compare, conclude, loadText, timed } from './lib.ts';
import { benchPlace, keepBrokerUp, until, type BenchPlace } from './place.ts';
import { stockBrokerStart } from './stock-broker.ts';

const FILES = 1_000;
const START_TIMEOUT_MS = 30_000;
const LEASE_TIMEOUT_MS = 60_000;
/** No later than with a broker, but for the processor time that a booting RabbitMQ takes from the agents. */
const READY_BAR = 1.15;
const LEASE_BAR = 0.6;

interface TaskView {
  attempts: { startedAt: string }[];
}

await using place = await benchPlace({ files: FILES });
const told = (name: string, tookMs: number): number => {
  console.log(`  ${name}: ${tookMs.toFixed(0)} ms [${loadText()}]`);
  return tookMs;
};
const up = (): Promise<number> => timed(() => place.swarm('up', '3', '--detach', '--yes', '--trust'));

const ready = await compare({
  name: 'up 3 without a broker: agents ready',
  unit: 'ms',
  floor: { name: 'broker up', measure: withBroker },
  ours: { name: 'no broker', measure: withoutBroker },
  bar: READY_BAR,
});
const lease = await compare({
  name: 'up 3 without a broker: first task leased',
  unit: 'ms',
  floor: { name: 'stock start of RabbitMQ', measure: stock },
  ours: { name: 'first task leased', measure: firstLease },
  bar: LEASE_BAR,
});
conclude([ready, lease]);

async function withBroker(): Promise<number> {
  await using _broker = await keepBrokerUp(place);
  const tookMs = told('up, broker running', await up());
  await place.forget();
  return tookMs;
}

async function withoutBroker(): Promise<number> {
  const tookMs = told('up, no broker', await up());
  await place.forget();
  return tookMs;
}

async function stock(): Promise<number> {
  return told('stock start of RabbitMQ', await stockBrokerStart(place.environment.directory));
}

/** The time from the start of `up` to the lease; the task is added while the agents still start. */
async function firstLease(): Promise<number> {
  const startedAt = Date.now();
  const upEnds = up();
  const id = await until('task', START_TIMEOUT_MS, () => addTask(place), 20);
  const attempt = await until(
    `lease of ${id}`,
    LEASE_TIMEOUT_MS,
    async () => (await place.call<TaskView>('GET', `/v1/tasks/${id}`)).attempts[0] ?? null,
    20,
  );
  await upEnds;
  await place.forget();
  return told('first task leased', Date.parse(attempt.startedAt) - startedAt);
}

/** Adds a task; null while no supervisor listens yet. */
async function addTask({ call }: BenchPlace): Promise<string | null> {
  try {
    return (await call<{ id: string }>('POST', '/v1/tasks', { title: 'the first one' })).id;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return null;
    throw error;
  }
}
