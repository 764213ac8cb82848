import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { find, inside, kill, openWorld, outcomes, poll, UP, type World } from '../e2e/world.ts';
import { readJournal } from './journal.ts';
import { castOf } from './victims.ts';

const LONG = process.env['SWARM_TEST_LONG'] === '1';
/** How long there is no supervisor, ms. */
const AWAY_MS = LONG ? 600_000 : 5_000;
/** Shorter than the absence: a proof ends a lease, never time alone. */
const LEASES = LONG ? '' : 'tasks: {lease: 2s, heartbeat: 500ms}\n';
const CONFIG = `${LEASES}agents: {worker: {kind: shell, count: 2}}\n`;
const FLOW_MS = 60_000;
const AGAIN_MS = 20;

const taskProgram = path.join(import.meta.dirname, 'task.sh');
const isAgent = (line: string): boolean => line.includes('/task.sh ');
let world: World;

beforeAll(async () => {
  world = await openWorld({ repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': CONFIG } } });
  await world.ok(UP);
  await world.brokerUp();
});
afterAll(() => world[Symbol.asyncDispose]());

const WAYS = [
  { way: 'is stopped', away: stoppedFor },
  { way: 'is dead and none can begin', away: deadFor },
];

test.each(WAYS)(
  `tasks go on while the supervisor $way for ${AWAY_MS / 1_000} s, and none is taken from its agent`,
  async ({ away }) => {
    await world.all('idle');
    const journalFile = inside(world, `journal-${away.name}`);
    const command = (name: string, ms: number) => [taskProgram, journalFile, name, String(ms / 1_000), '0'];
    const add = (name: string, ms: number) => world.add(name, '--', ...command(name, ms));
    const ends = await add('ends', AWAY_MS / 2);
    const goesOn = await add('goes-on', AWAY_MS * 1.2);
    const journal = () => readJournal(journalFile);
    await poll(journal, ({ begins }) => begins.length === 2, 'both to begin', FLOW_MS);
    const { wrappers, supervisor } = castOf(world, isAgent);
    const before = new Map(wrappers.map(({ agent, pid }) => [agent, pid]));

    await away(supervisor ?? Number.NaN);

    expect(journal().ends.map(({ name }) => name)).toEqual(['ends']);
    for (const id of [ends, goesOn]) {
      const task = await poll(
        () => world.task(id),
        ({ state }) => state === 'done',
        `${id} to be done`,
        AWAY_MS / 2 + FLOW_MS,
      );
      expect(outcomes(task)).toEqual(['done']);
    }
    expect(journal().violations).toEqual([]);
    const { agents } = await world.all('idle');
    expect(agents.map(({ id, restarts }) => [id, restarts])).toEqual([...before.keys()].map((id) => [id, 0]));
    expect(new Map(castOf(world, isAgent).wrappers.map(({ agent, pid }) => [agent, pid]))).toEqual(before);
  },
  AWAY_MS * 3 + 120_000,
);

async function stoppedFor(pid: number): Promise<void> {
  kill(pid, 'SIGSTOP');
  await pause(AWAY_MS);
  kill(pid, 'SIGCONT');
}

/** Waits for the end of a supervisor that finds the lock taken by another. */
async function deadFor(pid: number): Promise<void> {
  const [file = ''] = (await find(world.environment.stateHome, '-name', 'lock.db')).filter(
    (one) => !one.includes('/broker/'),
  );
  const lock = new DatabaseSync(file);
  try {
    kill(pid);
    for (const taken = () => tries(lock, 'BEGIN EXCLUSIVE'); !taken();) await pause(AGAIN_MS);
    await pause(AWAY_MS);
  } finally {
    lock.close();
  }
}

function tries(database: DatabaseSync, statement: string): boolean {
  try {
    database.exec(statement);
    return true;
  } catch {
    return false;
  }
}
