import { afterAll, beforeAll, test } from 'vitest';
import { openWorld, poll, type World } from '../e2e/world.ts';
import { endure } from './endure.ts';
import { seedOfRun, strikesOfRun, type Random } from './random.ts';
import { openRelay, type Relay } from './relay.ts';
import { kill, stop, type Deal, deals } from './strikes.ts';

const AGENTS = 2;
const SHARE = 0.15;
const CONFIG = `agents: {worker: {count: ${AGENTS}, idle: lazy, intensity: 1000, backoff: 100ms, backoffMax: 1s}}\n`;
const FLOW_MS = 120_000;
const HOLD_MS = { least: 200, most: 4_000 };
/** How long Claude Code waits for the first byte of an answer, a setting for people, ms. */
const API_TIMEOUT_MS = 3_000;
const THINKING_MS = 400;

const write = (file: string, content: string) => ({ name: 'Write', input: { file_path: `{{cwd}}/${file}`, content } });
const finish = [
  { delayMs: THINKING_MS, tools: [write('{{1}}.txt', '{{1}}\n')] },
  { tools: [{ name: 'mcp__swarm__complete_task', input: { summary: '{{1}} is written' } }] },
];

/** Faults of the API that come once in the middle of a task whose name ends so. */
const FAULTS = {
  s401: { kind: 'status', status: 401 },
  s429: { kind: 'status', status: 429, retryAfter: 1 },
  s500: { kind: 'status', status: 500 },
  s529: { kind: 'status', status: 529 },
  hang: { kind: 'hang' },
  drop: { kind: 'drop' },
} as const;
const faults = Object.keys(FAULTS);

const script = {
  rules: [
    {
      name: 'goes on',
      matches: '^(?:You were interrupted|An error of the API|Another session).*?[Tt]ask t\\d+: ([\\w-]+)',
      steps: finish,
    },
    ...Object.entries(FAULTS).map(([name, fault]) => ({
      name,
      matches: `^# Task t\\d+: ([\\w-]+-${name})\\b`,
      steps: [{ tools: [write('{{1}}.part', '{{1}}\n')] }, { fault }, ...finish],
    })),
    {
      name: 'plain',
      matches: '^# Task t\\d+: ([\\w-]+)',
      steps: [{ tools: [write('{{1}}.part', '{{1}}\n')] }, ...finish],
    },
  ],
};

const count = strikesOfRun(SHARE);
const seed = seedOfRun();
let world: World;
let line: Relay;

beforeAll(async () => {
  world = await openWorld({
    environment: { variables: { API_TIMEOUT_MS: String(API_TIMEOUT_MS) } },
    repository: { files: { 'README.md': 'a project\n', 'swarm.yaml': CONFIG } },
    script,
  });
  line = await openRelay(world.api?.url ?? '');
  world.environment.variables['ANTHROPIC_BASE_URL'] = line.url;
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await line[Symbol.asyncDispose]();
});

const deck: Deal[] = [
  kill('agent'),
  kill('wrapper'),
  kill('supervisor', 'wrapper'),
  kill('tmux'),
  stop('agent'),
  stop('wrapper'),
  () => ({ name: 'API cut', how: 'other', act: async () => line.cut() }),
  (random: Random) => ({
    name: 'API slow',
    how: 'other',
    act: () => line.hold(random.between(HOLD_MS.least, HOLD_MS.most)),
  }),
];

test(`conversations in ${AGENTS} agents, ${count} strikes, seed ${seed}: nothing is lost, doubled or left behind`, async () => {
  // Each seed begins with another fault.
  let next = seed;
  await endure({
    world,
    seed,
    count,
    strikes: (random) => deals(deck, random),
    isAgent: (commandLine) => /^(\S*\/)?claude( |$)/.test(commandLine),
    command: null,
    plan: async (n, add) => {
      if (n % 2 === 1) await add(`plain-${n}`);
      await add(`fault-${n}-${faults[next++ % faults.length]}`);
    },
    began: async (name) => {
      const turn = () => world.api?.turns().find(({ prompt }) => prompt.includes(`: ${name}`))?.at;
      return Date.parse((await poll(turn, (at) => at !== undefined, `${name} to begin`, FLOW_MS)) ?? '');
    },
    journalFile: null,
    alsoWrong: () =>
      (world.api?.turns() ?? [])
        .filter(({ rule }) => rule === null)
        .map(({ prompt }) => `the model was asked what no rule answers: ${prompt.slice(0, 200)}`),
  });
}, 3_600_000);
