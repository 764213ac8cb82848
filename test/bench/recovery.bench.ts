/**
 * How soon a death is noticed, and how soon work goes on as before: an agent, its wrapper, the supervisor, the broker,
 * each killed by `kill -9`. A repository of 1,000 files; one Claude Code at work, three shell agents; the first step of
 * the backoff is set to nothing. Usage: node test/bench/recovery.bench.ts [wrapper] [agent] [supervisor] [broker]
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { processesOf } from '../support/processes.ts';
import { bareTurn } from './bare-agents.ts';
import { conclude, judge, loadText, median, percentile, untilQuiet, type BenchmarkResult } from './lib.ts';
import { benchPlace, until, type BenchPlace, type StatusView } from './place.ts';
import { stockBrokerStart } from './stock-broker.ts';

const WRAPPERS = 3;
const ROUNDS = { noticed: 24, agent: 10, supervisor: 6, broker: 3 };
/** So rarely that the benchmark stays below four minutes, on a busy machine too. */
const QUIET_EVERY = 4;
const NOTICED_BAR_MS = 150;
const AGENT_BAR_MS = 700;
const SUPERVISOR_BAR_MS = 2_000;
const BROKER_BAR_MS = 2_000;
const TIMEOUT_MS = 60_000;
/** Longer than the benchmark takes. */
const THINKING_MS = 900_000;
const POLICY = 'intensity: 1000, backoff: 1ms, backoffMax: 1ms';

await using place = await benchPlace({
  files: 1_000,
  config: `agents:\n  worker: {count: 1, idle: lazy, ${POLICY}}\n  runner: {kind: shell, count: ${WRAPPERS}, ${POLICY}}\n`,
  script: {
    rules: [{ name: 'works', contains: 'think for long', steps: [{ delayMs: THINKING_MS, text: 'At last.' }] }],
  },
});
await place.swarm('up', '--detach', '--yes', '--trust');
await until('broker', TIMEOUT_MS, async () => ((await status(place)).broker.state === 'up' ? true : null), 100);

const PARTS: Record<string, () => Promise<BenchmarkResult[]>> = {
  wrapper: async () => [await deadWrapperNoticed()],
  agent: deadAgent,
  supervisor: async () => [await deadSupervisor()],
  broker: async () => [await deadBroker()],
};
const wanted = process.argv.slice(2);
const results: BenchmarkResult[] = [];
for (const [part, measure] of Object.entries(PARTS)) {
  if (wanted.length === 0 || wanted.includes(part)) results.push(...(await measure()));
}
conclude(results);

function status({ call }: BenchPlace): Promise<StatusView> {
  return call('GET', '/v1/swarm');
}

/** The pane dies with its wrapper; the same event reports both. */
async function deadWrapperNoticed(): Promise<BenchmarkResult> {
  const kills: { agent: string; at: number }[] = [];
  for (let round = 0; round < ROUNDS.noticed; round += 1) {
    const agent = `runner-${(round % WRAPPERS) + 1}`;
    await all('idle', 'runner');
    kills.push({ agent, at: killed(pidOfWrapper(agent)) });
    await until('death', TIMEOUT_MS, async () => ((await agentOf(agent)).status === 'idle' ? null : true));
  }
  const noticed = await eventsOf('agent.died');
  return noticedIn('a dead wrapper, and so its pane', kills, noticed);
}

/**
 * Kills an agent in the middle of a turn: until its death is noticed, and until the conversation reaches the API again.
 */
async function deadAgent(): Promise<BenchmarkResult[]> {
  const { id } = await place.call<{ id: string }>('POST', '/v1/tasks', {
    title: 'think for long',
    prompt: 'Please think.',
    agent: 'worker-1',
  });
  await until('turn', TIMEOUT_MS, () => (place.api.turns().length > 0 ? true : null), 50);
  const { worktree } = await agentOf('worker-1');
  const session = place.api.turns()[0]?.session;
  const kills: { agent: string; at: number }[] = [];
  const [back, bare]: number[][] = [[], []];
  for (let round = 0; round < ROUNDS.agent; round += 1) {
    if (round % QUIET_EVERY === 0) await untilQuiet();
    bare?.push(await bareTurn(place, worktree));
    const before = place.api.turns().filter((turn) => turn.session === session).length;
    const { pid } = await agentOf('worker-1');
    const at = killed(pid);
    kills.push({ agent: 'worker-1', at });
    const again = await until('conversation', TIMEOUT_MS, () => {
      return place.api.turns().filter((turn) => turn.session === session)[before]?.at ?? null;
    });
    back?.push(Date.parse(again) - at);
  }
  await place.call('POST', `/v1/tasks/${id}/cancel`, {});
  console.log(
    `  Claude Code's own start: median ${median(bare ?? []).toFixed(0)} ms; back: median ${median(back ?? []).toFixed(0)} ms`,
  );
  // Ninety-fifth percentiles are compared with each other: a slow moment of the machine slows both sides.
  return [
    noticedIn('a dead agent', kills, deathsInLog('worker-1')),
    judge(
      "agent back with its conversation over Claude Code's own start, p95",
      'ms',
      percentile(back ?? [], 0.95) - percentile(bare ?? [], 0.95),
      AGENT_BAR_MS,
    ),
  ];
}

async function deadSupervisor(): Promise<BenchmarkResult> {
  const taken: number[] = [];
  await untilQuiet();
  for (let round = 0; round < ROUNDS.supervisor; round += 1) {
    await all('idle', 'runner');
    const before = (await status(place)).supervisor.pid;
    const at = killed(before);
    await until('next supervisor', TIMEOUT_MS, async () => {
      const seen = await status(place).catch(() => null);
      if (seen === null || seen.supervisor.pid === before) return null;
      const adopted = seen.agents.every(({ status: is }) => !['unknown', 'starting', 'recovering'].includes(is));
      return adopted ? true : null;
    });
    taken.push(Date.now() - at);
  }
  return judge('supervisor dead → another has adopted everything, worst', 'ms', Math.max(...taken), SUPERVISOR_BAR_MS);
}

async function deadBroker(): Promise<BenchmarkResult> {
  const [flows, own]: number[][] = [[], []];
  await untilQuiet();
  for (let round = 0; round < ROUNDS.broker; round += 1) {
    own?.push(await stockBrokerStart(place.environment.directory));
    await all('idle', 'runner');
    const at = killed((await status(place)).broker.pid);
    const { id } = await place.call<{ id: string }>('POST', '/v1/tasks', { title: 'flows', command: ['true'] });
    await until(`end of ${id}`, TIMEOUT_MS, async () =>
      (await place.call<{ state: string }>('GET', `/v1/tasks/${id}`)).state === 'done' ? true : null,
    );
    flows?.push(Date.now() - at);
  }
  console.log(
    `  RabbitMQ's own start: median ${median(own ?? []).toFixed(0)} ms; tasks flow: median ${median(flows ?? []).toFixed(0)} ms`,
  );
  return judge(
    "broker kill -9 → a task is done, over RabbitMQ's own start",
    'ms',
    median(flows ?? []) - median(own ?? []),
    BROKER_BAR_MS,
  );
}

function killed(pid: number | null): number {
  if (pid === null) throw new Error('there is no process to kill');
  const at = Date.now();
  process.kill(pid, 'SIGKILL');
  return at;
}

function pidOfWrapper(agent: string): number {
  const spec = `/agents/${agent}.json`;
  const found = processesOf(place.environment.directory).find(({ commandLine }) => commandLine.endsWith(spec));
  if (found === undefined) throw new Error(`${agent} has no wrapper`);
  return found.pid;
}

async function agentOf(id: string): Promise<StatusView['agents'][number]> {
  const found = (await status(place)).agents.find((agent) => agent.id === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
}

async function all(wanted: string, role: string): Promise<void> {
  const as = (view: StatusView): boolean =>
    view.agents.every((agent) => !agent.id.startsWith(role) || agent.status === wanted);
  await until(`${wanted} agents`, TIMEOUT_MS, async () => (as(await status(place)) ? true : null), 20);
}

interface EventView {
  at: string;
  name: string;
  agent: string | null;
}

async function eventsOf(name: string): Promise<EventView[]> {
  const printed = (await place.swarm('events', '--json', '--since', '20m')).jsonLines<EventView>();
  return printed.filter((event) => event.name === name);
}

/** When the wrapper saw its agent end; its event comes after the tree is gone and the worktree is captured. */
function deathsInLog(agent: string): EventView[] {
  const lines = readFileSync(path.join(place.logsDir, `${agent}.jsonl`), 'utf8').split('\n');
  return lines
    .filter((line) => line.includes('"the agent ended in the middle of its turn"'))
    .map((line) => new Date((JSON.parse(line) as { time: number }).time).toISOString())
    .map((at) => ({ at, name: 'ended', agent }));
}

/** The event that reports a death is the first one about its agent after it. */
function noticedIn(what: string, kills: { agent: string; at: number }[], events: EventView[]): BenchmarkResult {
  const taken = kills.map(({ agent, at }) => {
    const event = events.find((one) => one.agent === agent && Date.parse(one.at) >= at);
    if (event === undefined) throw new Error(`no event reports the death of ${agent}`);
    return Date.parse(event.at) - at;
  });
  console.log(`  ${what}: p50 ${median(taken).toFixed(0)} ms of ${taken.length} [${loadText()}]`);
  return judge(`${what} noticed, p99`, 'ms', percentile(taken, 0.99), NOTICED_BAR_MS);
}
