/**
 * The cost of watching many agents: the supervisor as it is built, a tmux server with a pane for each of 200 `shell`
 * agents, all of them at work, every one judged once a second. In the panes run light stand-ins for the wrappers
 * (light-wrapper.mjs), because 200 real ones would take 14 GB; the supervisor sees no difference: each has its own
 * process, link and lease, and heartbeats of each come by the broker as often as from a real one. Usage: node
 * test/bench/fleet-watch.bench.ts [agents] [seconds]
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AmqpConnection } from '../../src/amqp/index.ts';
import { ensureBroker } from '../../src/broker/index.ts';
import { Bus } from '../../src/coordination/bus.ts';
import { amqpNames } from '../../src/coordination/names.ts';
import { personalCapability, SHELL_CAPABILITY } from '../../src/coordination/tickets.ts';
import { repositoryRoot } from '../support/environment.ts';
import { runSwarm } from '../support/swarm.ts';
import { conclude, judge, loadText } from './lib.ts';
import { benchPlace, builtProgram, until, type BenchPlace, type StatusView } from './place.ts';
import { childFaults, childrenOf, processorMs, residentMb } from './process-use.ts';

const AGENTS = Number(process.argv[2] ?? 200);
const WINDOW_MS = Number(process.argv[3] ?? 60) * 1_000;
const HEARTBEAT_MS = 5_000;
const UP_TIMEOUT_MS = 300_000;
const CLAIM_TIMEOUT_MS = 20_000;
/** Time after which the work of the start is over. */
const SETTLE_MS = 10_000;
const CPU_BAR_PERCENT = 5;
const MEMORY_BAR_MB = 200;

await using place = await benchPlace({
  files: 5,
  config: `admission: {atOnce: 20, load: 0}\nagents:\n  worker: {count: 0}\n  runner: {kind: shell, count: ${AGENTS}}\n`,
});
await startFleet(place);
await until('idle agents', UP_TIMEOUT_MS, async () => (await allAre('idle')) || null, 500);
const supervisor = (await status()).supervisor.pid ?? 0;
await until('broker', UP_TIMEOUT_MS, async () => (await status()).broker.state === 'up' || null, 200);
const { url } = await ensureBroker({ dir: path.join(place.environment.stateHome, 'swarm', 'broker') });
const isConnected = Promise.withResolvers<void>();
await using connection = AmqpConnection.open({
  url,
  name: 'stand-ins',
  setup: () => Promise.resolve(),
  onState: (state) => state.status === 'connected' && isConnected.resolve(),
});
await isConnected.promise;
const bus = new Bus({ connection, names: amqpNames(place.hash), from: 'stand-ins' });
const held = await giveWork();
await until('agents at work', UP_TIMEOUT_MS, async () => (await allAre('working')) || null, 500);
const beats = setInterval(() => void beat(), HEARTBEAT_MS / held.length);
let next = 0;
await pause(SETTLE_MS);

const before = used();
const peaks: number[] = [];
const startedAt = performance.now();
while (performance.now() - startedAt < WINDOW_MS) {
  await pause(1_000);
  peaks.push(residentMb(supervisor));
}
const tookMs = performance.now() - startedAt;
const after = used();
clearInterval(beats);
const percent = (key: 'supervisor' | 'tmux'): number => ((after[key] - before[key]) / tookMs) * 100;
const stillAll = (await status()).agents.filter((agent) => agent.status === 'working').length;
console.log(
  `  ${stillAll} of ${AGENTS} agents at work; tmux server ${percent('tmux').toFixed(2)} % of a core, ` +
    `${(tookMs / 1_000).toFixed(0)} s [${loadText()}]`,
);
conclude([
  judge(`supervisor watching ${AGENTS} shell agents`, '% of a core', percent('supervisor'), CPU_BAR_PERCENT),
  judge('its memory, the most', 'MB', Math.max(...peaks), MEMORY_BAR_MB),
  // A process that was run and waited for leaves its page faults with its parent.
  judge('processes that it ran meanwhile', '', started(), 0),
]);

function started(): number {
  const fresh = after.children.filter((pid) => !before.children.includes(pid)).length;
  return fresh + (after.faults > before.faults ? 1 : 0);
}

function used(): { supervisor: number; tmux: number; faults: number; children: number[] } {
  return {
    supervisor: processorMs(supervisor),
    tmux: processorMs(tmuxServer()),
    faults: childFaults(supervisor),
    children: childrenOf(supervisor),
  };
}

/** `up` by the built programs in a place of their own, with another wrapper. */
async function startFleet({ environment, repository }: BenchPlace): Promise<void> {
  const built = path.dirname(builtProgram('supervisor'));
  const copy = path.join(environment.directory, 'swarm');
  const programs = path.join(copy, 'dist', path.basename(built));
  cpSync(built, programs, { recursive: true });
  for (const name of ['package.json', 'tmux.conf']) cpSync(path.join(repositoryRoot, name), path.join(copy, name));
  rmSync(path.join(programs, 'wrapper.js'));
  cpSync(path.join(import.meta.dirname, 'light-wrapper.mjs'), path.join(programs, 'wrapper.js'));
  const { exitCode, stderr } = await runSwarm(environment, repository.path, ['up', '--detach', '--yes', '--trust'], {
    launcher: [process.execPath, path.join(programs, 'cli.js')],
    timeoutMs: UP_TIMEOUT_MS,
  });
  if (exitCode !== 0) throw new Error(`swarm up ended with ${exitCode}\n${stderr.slice(-2_000)}`);
}

function runtimeDir(): string {
  return path.join(place.environment.runtimeDir, 'swarm', place.hash);
}

function tmuxServer(): number {
  const stat = readFileSync(`/proc/${held[0]?.pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function status(): Promise<StatusView> {
  return place.call('GET', '/v1/swarm');
}

async function allAre(wanted: string): Promise<boolean> {
  const { agents } = await status();
  return agents.length === AGENTS && agents.every((agent) => agent.status === wanted);
}

interface Held {
  agent: string;
  pid: number;
  incarnation: string;
  task: string;
  attempt: number;
}

/** Submits a task for each agent, and claims it as its wrapper would. */
async function giveWork(): Promise<Held[]> {
  const { agents } = await status();
  const given: Held[] = [];
  for (const { id } of agents) {
    const file = path.join(runtimeDir(), 'agents', `${id}.json`);
    const pid = Number(readFileSync(`${file}.pid`, 'utf8'));
    await place.call('POST', '/v1/tasks', { title: 'long', command: ['sleep', '86400'], agent: id });
    const incarnation = `light-${id}`;
    const capabilities = [personalCapability(id), SHELL_CAPABILITY];
    const reply = await bus.claim({ agent: id, kind: 'shell', capabilities, slot: 0, incarnation }, CLAIM_TIMEOUT_MS);
    if (reply.got !== 'task') throw new Error(`${id} got ${JSON.stringify(reply)}`);
    const { task, attempt } = reply.order;
    const since = new Date().toISOString();
    writeFileSync(`${file}.task`, JSON.stringify({ task, attempt, slot: 0, phase: 'running', since }));
    process.kill(pid, 'SIGUSR1');
    given.push({ agent: id, pid, incarnation, task, attempt });
  }
  return given;
}

/** Sends the next agent's heartbeat: each has one in five seconds. */
async function beat(): Promise<void> {
  next += 1;
  const one = held[next % held.length];
  if (one === undefined) return;
  const { agent, incarnation, task, attempt } = one;
  await bus.heartbeat({ agent, incarnation, attempts: [{ task, attempt, phase: 'running' }] });
}
