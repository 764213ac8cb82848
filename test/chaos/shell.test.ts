import path from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { inside, openWorld, poll, type World } from '../e2e/world.ts';
import { endure } from './endure.ts';
import { readJournal } from './journal.ts';
import { seedOfRun, strikesOfRun } from './random.ts';
import { strikes } from './strikes.ts';

const AGENTS = 3;
const SHARE = 0.6;
/** Restarts are tested here, so none of them is one too many; nor is an end of the tmux server. */
const CONFIG = `agents: {worker: {kind: shell, count: ${AGENTS}, intensity: 1000, backoff: 100ms, backoffMax: 1s}}
holds: {massDeath: {repeats: 1000}}
`;
const FLOW_MS = 120_000;
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
  const journalFile = inside(world, 'journal');
  await endure({
    world,
    seed,
    count,
    strikes,
    isAgent: (line) => line.includes('/task.sh '),
    command: (name, { after = [], fails = false }, random) => {
      const seconds = name.startsWith('probe') ? 0.1 : random.between(1, 14) / 10;
      const files = after.map((task) => `${task.name}.txt`);
      return [taskProgram, journalFile, name, String(seconds), fails ? '4' : '0', ...files];
    },
    plan: async (n, add) => {
      const first = await add(`first-${n}`);
      await add(`other-${n}`, { fails: n % FAILS_EVERY === 0 });
      await add(`second-${n}`, { after: [first] });
    },
    began: async (name) => {
      const begun = () => readJournal(journalFile).begins.find((begin) => begin.name === name)?.at;
      return (await poll(begun, (at) => at !== undefined, `${name} to begin`, FLOW_MS)) ?? Number.NaN;
    },
    journalFile,
  });
}, 3_600_000);
