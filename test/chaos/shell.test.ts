import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inside, openWorld, poll, UP, type World } from '../e2e/world.ts';
import { violationsAfterDown, violationsAtRest, type Planned } from './invariants.ts';
import { readJournal } from './journal.ts';
import { seeded, seedOfRun, strikesOfRun } from './random.ts';
import { Client } from './requests.ts';
import { atRest, storm } from './storm.ts';
import { strikes } from './strikes.ts';
import { table } from './table.ts';

const AGENTS = 3;
const SHARE = 0.8;
/** Restarts are what is tested here, so none of them is one too many. */
const CONFIG = `agents: {worker: {kind: shell, count: ${AGENTS}, intensity: 1000, backoff: 100ms, backoffMax: 1s}}\n`;
const FLOW_MS = 45_000;
const REST_MS = 90_000;
/** Beside the plan's, so that a task which is killed again and again still ends. */
const RETRIES = 50;
const FAILS_EVERY = 7;

const count = strikesOfRun(SHARE);
const seed = seedOfRun();
const taskProgram = path.join(import.meta.dirname, 'task.sh');
let world: World;

beforeAll(async () => {
  world = await openWorld({ repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': CONFIG } } });
});
afterAll(() => world[Symbol.asyncDispose]());

test(`commands in ${AGENTS} agents, ${count} strikes, seed ${seed}: nothing is lost, doubled or left behind`, async () => {
  console.log(`SWARM_CHAOS_SEED=${seed}`);
  const random = seeded(seed);
  await world.ok(UP);
  const { project } = await world.brokerUp();
  const client = new Client(world, project.hash);
  const journalFile = inside(world, 'journal');
  const planned: Planned[] = [];

  const add = async (
    name: string,
    options: { seconds: number; after?: Planned[]; fails?: boolean; agent?: string },
  ) => {
    const { seconds, after = [], fails = false, agent } = options;
    const files = after.map((task) => `${task.name}.txt`);
    const id = await client.add({
      title: name,
      key: name,
      command: [taskProgram, journalFile, name, String(seconds), fails ? '4' : '0', ...files],
      after: after.map((task) => task.id),
      retries: fails ? 0 : RETRIES,
      ...(agent === undefined ? {} : { agent }),
      priority: name.startsWith('probe') ? 'critical' : 'normal',
    });
    const task = { id, name, fails, after: after.map((one) => one.name) };
    planned.push(task);
    return task;
  };
  const seconds = () => random.between(1, 14) / 10;
  const recoveries = await storm({
    world,
    random,
    strikes: strikes(random),
    count,
    isAgent: (line) => line.includes('/task.sh '),
    plan: async (n) => {
      const first = await add(`first-${n}`, { seconds: seconds() });
      await add(`other-${n}`, { seconds: seconds(), fails: n % FAILS_EVERY === 0 });
      await add(`second-${n}`, { seconds: seconds(), after: [first] });
    },
    probe: async (n, agent) => {
      const { name } = await add(`probe-${n}`, { seconds: 0.1, ...(agent === null ? {} : { agent }) });
      const begun = () => readJournal(journalFile).begins.find((begin) => begin.name === name)?.at;
      return (await poll(begun, (at) => at !== undefined, `${name} to begin`, FLOW_MS)) ?? Number.NaN;
    },
  });
  const struckAt = performance.now();
  const atEnd = await atRest(world, REST_MS).then(
    () => [],
    (error: unknown) => [String(error)],
  );
  console.log(
    `seed ${seed}, ${planned.length} tasks, at rest after ${(performance.now() - struckAt).toFixed(0)} ms\n${table(recoveries)}`,
  );
  const violations = [...atEnd, ...(await violationsAtRest(world, client, planned, readJournal(journalFile)))];
  await world.ok(['down']);
  expect([...violations, ...(await violationsAfterDown(world))], `SWARM_CHAOS_SEED=${seed}`).toEqual([]);
}, 3_600_000);
