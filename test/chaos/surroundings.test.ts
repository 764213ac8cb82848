import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { kill, openWorld, poll, type World } from '../e2e/world.ts';
import { startTestBroker } from '../support/broker.ts';
import { endure } from './endure.ts';
import { readJournal } from './journal.ts';
import { seedOfRun, strikesOfRun, type Random } from './random.ts';
import { openRelay, type Relay } from './relay.ts';
import { deals, type Deal } from './strikes.ts';
import { castOf } from './victims.ts';

const AGENTS = 2;
const SHARE = 0.25;
const FLOW_MS = 120_000;
const DISK_BYTES = 96 * 1024 * 1024;
const LASTS_MS = { least: 300, most: 3_000 };
const SLOW_MS = { least: 50, most: 400 };
const JUMP_MINUTES = { least: 2, most: 180 };
/** A task that cannot write rightly fails; it is tried again until it can. */
const POLICY = 'intensity: 1000, backoff: 100ms, backoffMax: 1s';

const count = strikesOfRun(SHARE);
const seed = seedOfRun();
const program = (name: string): string => path.join(import.meta.dirname, name);
const isAgent = (line: string): boolean => line.includes('/task.sh ');
/** Directory outside of the small disk, for notes that must not be lost with it. */
let notes: string;
let line: Relay;
let world: World;
let shiftMs = 0;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  notes = await mkdtemp(path.join(tmpdir(), 'swarm-chaos-'));
  await writeFile(path.join(notes, 'clock'), '0');
  stack.defer(() => rm(notes, { recursive: true }));
  const broker = stack.use(await startTestBroker());
  line = stack.use(await openRelay(broker.url));
  // The disk is smaller than the space that must usually stay free on it.
  const config = `admission: {disk: 1MiB}\nbroker: {url: "${line.url}"}\nagents: {worker: {kind: shell, count: ${AGENTS}, ${POLICY}}}\n`;
  world = await openWorld({
    environment: {
      diskBytes: DISK_BYTES,
      variables: {
        // Of the verbs, and of swarm's own programs.
        NODE_OPTIONS: `--import=${program('shifted-clock.mjs')}`,
        SWARM_NODE_OPTIONS: `--import=${program('shifted-clock.mjs')}`,
        CHAOS_CLOCK: path.join(notes, 'clock'),
      },
    },
    repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': config } },
  });
  stack.use(world);
});
afterAll(() => stack.disposeAsync());

async function jump(byMs: number): Promise<void> {
  shiftMs += byMs;
  await writeFile(path.join(notes, 'clock'), String(shiftMs));
}

async function fullDisk(ms: number, meanwhile: () => void = () => undefined): Promise<void> {
  const { disk } = world.environment;
  if (disk === null) throw new Error('there is no small disk to fill');
  disk.fill();
  meanwhile();
  await pause(ms);
  await disk.free();
}

function killSupervisor(): void {
  const { supervisor } = castOf(world, isAgent);
  if (supervisor !== null) kill(supervisor);
}

const other =
  (name: string, act: (random: Random) => Promise<void>): Deal =>
  (random) => ({ name, how: 'other', act: () => act(random) });
const lasts = (random: Random): number => random.between(LASTS_MS.least, LASTS_MS.most);
const minutes = (random: Random): number => random.between(JUMP_MINUTES.least, JUMP_MINUTES.most) * 60_000;

const deck: Deal[] = [
  other('clock forward', (random) => jump(minutes(random))),
  other('clock back', (random) => jump(-minutes(random))),
  other('clock jumps, supervisor killed', async (random) => {
    killSupervisor();
    await jump(random.pick([-1, 1]) * minutes(random));
  }),
  other('broker line cut', async () => line.cut()),
  other('broker line held', (random) => line.hold(lasts(random))),
  other('broker line slow', (random) => line.delay(random.between(SLOW_MS.least, SLOW_MS.most), lasts(random))),
  other('broker line gone', (random) => line.refuse(lasts(random))),
  other('disk full', (random) => fullDisk(lasts(random))),
  other('disk full, supervisor killed', (random) => fullDisk(lasts(random), killSupervisor)),
];

test(`disk, clock and lines of ${AGENTS} agents, ${count} strikes, seed ${seed}: nothing is lost, doubled or left behind`, async () => {
  const journalFile = path.join(notes, 'journal');
  await endure({
    world,
    seed,
    count,
    strikes: (random) => deals(deck, random),
    isAgent,
    command: (name, _of, random) => {
      const seconds = name.startsWith('probe') ? 0.1 : random.between(1, 14) / 10;
      return [program('task.sh'), journalFile, name, String(seconds), '0'];
    },
    plan: async (n, add) => {
      await add(`first-${n}`);
      await add(`second-${n}`);
    },
    began: async (name) => {
      const begun = () => readJournal(journalFile).begins.find((begin) => begin.name === name)?.at;
      return (await poll(begun, (at) => at !== undefined, `${name} to begin`, FLOW_MS)) ?? Number.NaN;
    },
    journalFile,
    unharmed: true,
  });
}, 3_600_000);
