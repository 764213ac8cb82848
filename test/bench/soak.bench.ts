/**
 * A hanging agent is found, and a merely slow one is left alone: shell agents and Claude Code work for a long time on a
 * machine that is busy, with a disk that makes them wait, in sleep for more than `health.stuckAfter` now and then
 * (everything of swarm is stopped and goes on), while ten of them hang for good one after the other: eight commands
 * that do nothing any more, two requests that the API never answers. Usage: node test/bench/soak.bench.ts [minutes]
 * [stuckAfter in seconds]
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { processesOf } from '../support/processes.ts';
import { conclude, judge, loadText } from './lib.ts';
import { benchPlace, until, type StatusView } from './place.ts';

const DURATION_MS = Number(process.argv[2] ?? 12) * 60_000;
const STUCK_AFTER_MS = Number(process.argv[3] ?? 30) * 1_000;
const RUNNERS = 6;
const WORKERS = 2;
const HANGS = 10;
/** Every fifth hang is one of the API. */
const API_EVERY = 5;
const SLEEPS = 2;
const FOUND_WITHIN_MS = 10_000;
const UP_TIMEOUT_MS = 120_000;
const LOOK_MS = 250;
/** Load from outside comes and goes. */
const LOAD = { processes: 3, onMs: 40_000, offMs: 40_000 };
const HANG_AFTER_S = 3;

type Agent = StatusView['agents'][number] & { restarts: number; reason: string | null; task: string | null };

const says = (delayMs: number) => ({
  delayMs,
  tools: [{ name: 'Write', input: { file_path: '{{cwd}}/a.txt', content: 'a\n' } }],
});
const end = { tools: [{ name: 'mcp__swarm__complete_task', input: { summary: 'done' } }] };
/** The model thinks, but not for too long at once. */
const SLOWEST_MS = STUCK_AFTER_MS * 0.6;

await using place = await benchPlace({
  files: 200,
  config: [
    `health: {stuckAfter: ${STUCK_AFTER_MS / 1_000}s, ladder: {nudge: 5s, interrupt: 10s, restart: 20s}}`,
    'agents:',
    `  worker: {count: ${WORKERS}, idle: lazy}`,
    `  runner: {kind: shell, count: ${RUNNERS}}`,
    '',
  ].join('\n'),
  script: {
    rules: [
      { name: 'cut short', matches: '^(?:You were|Another session|An error|swarm)', steps: [end] },
      { name: 'api hangs', matches: '^# Task t\\d+: api hangs', steps: [says(0), { fault: { kind: 'hang' } }, end] },
      {
        name: 'thinks',
        matches: '^# Task t\\d+: thinks',
        steps: [says(SLOWEST_MS), says(1_000), says(SLOWEST_MS), end],
      },
    ],
  },
});
await place.swarm('up', '--detach', '--yes', '--trust');
await until(
  'agents',
  UP_TIMEOUT_MS,
  async () => ((await agents()).every(({ status }) => status === 'idle') ? true : null),
  LOOK_MS,
);
await until('broker', UP_TIMEOUT_MS, async () => ((await status()).broker.state === 'up' ? true : null), LOOK_MS);

interface Hang {
  agent: string;
  task: string;
  /** When the agent began to hang, epoch ms; null: not yet. */
  since(): number | null;
  foundAt: number | null;
}
const hangs: Hang[] = [];
/** Agents that hang, or that are just being helped out of it: they are not healthy ones. */
const ill = new Map<string, Hang>();
const wrongly = new Map<string, string>();
const restartedBefore = new Map((await agents()).map(({ id, restarts }) => [id, restarts]));
const restarted = new Map<string, number>();
const counts = { tasks: 0, sleeps: 0 };

const startedAt = performance.now();
const passed = (): number => (performance.now() - startedAt) / DURATION_MS;
using _load = outsideLoad();
while (passed() < 1 || ill.size > 0) {
  if (passed() > 1.5) break;
  const seen = await agents();
  for (const agent of seen) await lookAt(agent);
  // The last hang of both kinds comes long before the end.
  if (passed() < 0.9 && hangs.length < HANGS && passed() > ((hangs.length + 0.5) / HANGS) * 0.85) await hang(seen);
  if (ill.size === 0 && counts.sleeps < SLEEPS && passed() > (counts.sleeps + 0.6) / SLEEPS) await sleep();
  await pause(LOOK_MS);
}

const events = (await place.swarm('events', '--json', '--since', '2h')).jsonLines<{
  name: string;
  agent: string;
  data: { detail?: string };
}>();
const restarts = events
  .filter(({ name }) => name === 'agent.restarted')
  .map(({ agent, data }) => `${agent} (${data.detail})`);
const late = hangs.map((one) =>
  one.foundAt === null ? Infinity : one.foundAt - (one.since() ?? one.foundAt) - STUCK_AFTER_MS,
);
const inTime = late.filter((ms) => ms <= FOUND_WITHIN_MS).length;
const total = [...restarted.values()].reduce((sum, count) => sum + count, 0);
console.log(
  `  ${(DURATION_MS / 60_000).toFixed(0)} min, stuckAfter ${STUCK_AFTER_MS / 1_000} s, ${RUNNERS} shell agents and ${WORKERS} Claude Codes, ` +
    `${counts.tasks} healthy tasks, ${counts.sleeps} sleeps [${loadText()}]\n` +
    `  hangs found so long after stuckAfter: ${late.map((ms) => `${(ms / 1_000).toFixed(1)} s`).join(', ')}\n` +
    `  healthy agents that were called stuck: ${[...wrongly].map((one) => one.join(': ')).join('; ') || 'none'}\n` +
    `  restarts: ${restarts.join('; ') || 'none'}`,
);
conclude([
  judge('healthy agents restarted', '', total, 0),
  judge('healthy agents taken for stuck', '', wrongly.size, 0),
  judge(`hangs found within stuckAfter + ${FOUND_WITHIN_MS / 1_000} s, of ${HANGS}`, '', inTime, HANGS, 'minimum'),
]);

function status(): Promise<StatusView> {
  return place.call('GET', '/v1/swarm');
}

async function agents(): Promise<Agent[]> {
  return (await status()).agents as Agent[];
}

async function lookAt(agent: Agent): Promise<void> {
  const { id, restarts } = agent;
  const hung = ill.get(id);
  // Until the agent comes to that task it is healthy.
  if (hung === undefined || hung.since() === null) {
    const before = restartedBefore.get(id) ?? 0;
    if (restarts > before) restarted.set(id, (restarted.get(id) ?? 0) + restarts - before);
    restartedBefore.set(id, restarts);
    if (agent.status === 'stuck') wrongly.set(`${id} ${agent.task}`, agent.reason ?? '');
    if (agent.status === 'idle' && hung === undefined) await give(agent);
    return;
  }
  restartedBefore.set(id, restarts);
  if (agent.status === 'stuck' && hung.foundAt === null && agent.task === hung.task) {
    hung.foundAt = Date.now();
    // A hanging command has no ladder and its task is cancelled here; a hang of the API is ended by the ladder.
    if (id.startsWith('runner')) await place.call('POST', `/v1/tasks/${hung.task}/cancel`, {});
  }
  const { state } = await place.call<{ state: string }>('GET', `/v1/tasks/${hung.task}`);
  if (agent.status === 'idle' && ['done', 'dead', 'cancelled'].includes(state)) ill.delete(id);
}

async function add(agent: string, title: string, command: string[] | null): Promise<string> {
  const more = command === null ? {} : { command };
  return (await place.call<{ id: string }>('POST', '/v1/tasks', { title, agent, ...more })).id;
}

/** Gives an agent the next piece of healthy work; every agent does each kind. */
async function give({ id }: Agent): Promise<void> {
  counts.tasks += 1;
  if (id.startsWith('worker')) return void (await add(id, 'thinks', null));
  const seconds = STUCK_AFTER_MS / 1_000;
  const kinds: [string, number][] = [
    ['sleeps', seconds * 0.6],
    ['computes', seconds * 1.7],
    ['writes', seconds * 1.2],
    ['talks', seconds * 1.3],
  ];
  const [kind, lasts] = kinds[counts.tasks % kinds.length] ?? ['talks', seconds];
  await add(id, kind, [program(), kind, String(Math.round(lasts))]);
}

/** Makes one agent hang as soon as it comes to this task. */
async function hang(seen: readonly Agent[]): Promise<void> {
  const atApi = (hangs.length + 1) % API_EVERY === 0;
  const agent = seen.find(({ id, status: is }) => is === 'idle' && !ill.has(id) && id.startsWith('worker') === atApi);
  const whose = agent ?? seen.find(({ id }) => !ill.has(id) && id.startsWith('worker') === atApi);
  if (whose === undefined) return;
  const n = hangs.length + 1;
  const mark = path.join(place.environment.directory, `hang-${n}`);
  const title = atApi ? `api hangs ${n}` : `hangs ${n}`;
  const task = await add(whose.id, title, atApi ? null : [program(), 'hangs', String(HANG_AFTER_S), mark]);
  const hung: Hang = {
    agent: whose.id,
    task,
    foundAt: null,
    since: () => (atApi ? secondRequest(task) : existsSync(mark) ? Number(readFileSync(mark, 'utf8')) : null),
  };
  hangs.push(hung);
  ill.set(whose.id, hung);
}

function secondRequest(task: string): number | null {
  const ours = place.api.turns().filter(({ prompt }) => prompt.startsWith(`# Task ${task}:`));
  return ours[1] === undefined ? null : Date.parse(ours[1].at);
}

/** Like a closed lid: nothing of swarm runs, for longer than an agent may be silent. */
async function sleep(): Promise<void> {
  counts.sleeps += 1;
  const stopped = processesOf(place.environment.directory);
  for (const { pid } of stopped) signal(pid, 'SIGSTOP');
  await pause(STUCK_AFTER_MS * 1.5);
  for (const { pid } of stopped) signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function program(): string {
  return path.join(import.meta.dirname, 'soak-task.sh');
}

/** Load by other programs on the machine. */
function outsideLoad(): Disposable {
  const burners = Array.from({ length: LOAD.processes }, () =>
    spawn(process.execPath, ['-e', 'for (;;) for (let i = 0; i < 1e8; i += 1);'], { stdio: 'ignore' }),
  );
  let on = true;
  const turn = setInterval(
    () => {
      on = !on;
      for (const burner of burners) burner.kill(on ? 'SIGCONT' : 'SIGSTOP');
    },
    (LOAD.onMs + LOAD.offMs) / 2,
  );
  return {
    [Symbol.dispose]: () => {
      clearInterval(turn);
      for (const burner of burners) burner.kill('SIGKILL');
    },
  };
}
