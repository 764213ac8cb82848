/**
 * The dashboard over a supervisor that only answers requests: first paint over Node doing nothing, the cost of fifty
 * busy agents and of idle ones, and how soon a key has its effect. Usage: node test/bench/dash.bench.ts
 */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { projectHash } from '../../src/domain/layout.ts';
import {
  fakeAgent,
  fakePermission,
  fakeStatus,
  fakeSupervisor,
  fakeTask,
  type FakeSupervisor,
} from '../integration/dashboard/fake-supervisor.ts';
import { isolatedEnvironment } from '../support/environment.ts';
import { temporaryRepository } from '../support/repository.ts';
import { compare, conclude, judge, median, percentile, timed } from './lib.ts';
import { builtProgram, until } from './place.ts';
import { processorMs, residentMb } from './process-use.ts';

const AGENTS = 50;
const CHANGES_PER_SECOND = 10;
const MEASURED_MS = 15_000;
/** Until start-up work is over and the JIT has settled. */
const WARM_UP_MS = 4_000;
const KEYS = 200;
const KEY_EVERY_MS = 40;
const PAINT_TIMEOUT_MS = 10_000;
const STARTS = 7;

await using environment = await isolatedEnvironment();
const repository = await temporaryRepository({ parent: environment.directory });
const hash = projectHash(realpathSync(path.join(repository.path, '.git')));
const ids = Array.from({ length: AGENTS }, (_, at) => `worker-${at + 1}`);
await using supervisor = fakeSupervisor(
  path.join(environment.runtimeDir, 'swarm', hash, 'api.sock'),
  fakeStatus(ids.map((id) => fakeAgent(id))),
);
supervisor.tasks = Array.from({ length: 60 }, (_, at) => fakeTask(`t${at + 1}`, `Improve part ${at + 1} of the shop`));
supervisor.status.needsYou = [fakePermission('worker-7', 'p1', 'npm install left-pad')];
await supervisor.listen();

/** A dashboard in a terminal of 120×40: `script` gives it one, and passes its output to this program. */
class Terminal {
  bytes = 0;
  #seen = '';
  readonly #script: ChildProcessWithoutNullStreams;

  constructor() {
    const program = `stty cols 120 rows 40; exec '${process.execPath}' '${builtProgram('cli')}' dash`;
    this.#script = spawn('script', ['-qefc', program, '/dev/null'], {
      cwd: repository.path,
      env: environment.variables,
    });
    this.#script.stdout.on('data', (part: Buffer) => {
      this.bytes += part.length;
      this.#seen += part.toString();
      this.#look?.();
    });
  }

  #look: (() => void) | null = null;

  /** Resolves as soon as output from now on contains the text. */
  async paints(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`"${text}" was not painted; instead: ${JSON.stringify(this.#seen.slice(-2_000))}`)),
      PAINT_TIMEOUT_MS,
    );
    this.#look = () => (this.#seen.includes(text) ? resolve() : undefined);
    this.#look();
    await promise.finally(() => clearTimeout(timer));
    this.#look = null;
  }

  forget(): void {
    this.#seen = '';
  }

  press(key: string): void {
    this.#script.stdin.write(key);
  }

  /** Pid of the dashboard itself, which has taken the place of the shell. */
  get pid(): number {
    return Number(readFileSync(`/proc/${this.#script.pid}/task/${this.#script.pid}/children`, 'utf8').trim());
  }

  async leave(): Promise<void> {
    const ended = once(this.#script, 'exit');
    this.press('q');
    await ended;
  }
}

async function firstPaint(): Promise<number> {
  const beganAt = performance.now();
  const terminal = new Terminal();
  await terminal.paints('worker-7');
  const taken = performance.now() - beganAt;
  await until('event stream', PAINT_TIMEOUT_MS, () => (supervisor.listeners > 0 ? true : null));
  await terminal.leave();
  return taken;
}

async function nothing(): Promise<number> {
  return await timed(async () => execFileSync(process.execPath, ['-e', '0'], { stdio: 'ignore' }));
}

/** Processor time and bytes that it uses while `work` goes on. */
async function use(terminal: Terminal): Promise<{ percent: number; bytesPerSecond: number }> {
  await pause(WARM_UP_MS);
  const [cpu, bytes, beganAt] = [processorMs(terminal.pid), terminal.bytes, performance.now()];
  await pause(MEASURED_MS);
  const seconds = (performance.now() - beganAt) / 1_000;
  return {
    percent: (processorMs(terminal.pid) - cpu) / seconds / 10,
    bytesPerSecond: (terminal.bytes - bytes) / seconds,
  };
}

/** Each agent changes so many times a second, spread over the second. @returns the function that ends it */
function keepBusy(fake: FakeSupervisor): Disposable {
  const states = ['working', 'idle'] as const;
  let turn = 0;
  const timer = setInterval(() => {
    turn += 1;
    for (const [at, agent] of fake.status.agents.entries()) {
      agent.status = states[(turn + at) % states.length] ?? 'idle';
      agent.costUsd += 0.01;
      agent.reason = `step ${turn} of a long task`;
      fake.emit({ name: 'task.progress', agent: agent.id, task: 't1', data: { text: `step ${turn}` } });
    }
  }, 1_000 / CHANGES_PER_SECOND);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * Times from a key to its frame, each a whole screen: the help comes and goes. Measured with everything else going on.
 */
async function keyTimes(terminal: Terminal): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < KEYS; at += 1) {
    terminal.forget();
    const beganAt = performance.now();
    terminal.press('?');
    await terminal.paints(at % 2 === 0 ? 'While you write' : '═══');
    times.push(performance.now() - beganAt);
    await pause(KEY_EVERY_MS);
  }
  return times;
}

const floorAndPaint = await compare({
  name: 'dash, first paint',
  unit: 'ms',
  floor: { name: 'node -e 0', measure: nothing },
  ours: { name: 'swarm dash', measure: firstPaint },
  bar: 11,
  runs: STARTS,
});

const terminal = new Terminal();
await terminal.paints('worker-7');
const idle = await use(terminal);
const quietKeys = await keyTimes(terminal);
const busy = keepBusy(supervisor);
const loaded = await use(terminal);
const busyKeys = await keyTimes(terminal);
busy[Symbol.dispose]();
const memory = residentMb(terminal.pid);
await terminal.leave();

console.log(
  `key to paint, median: quiet ${median(quietKeys).toFixed(1)} ms, busy ${median(busyKeys).toFixed(1)} ms; memory ${memory.toFixed(0)} MB`,
);
conclude([
  floorAndPaint,
  judge('dash, nothing changes: processor', '% of a core', idle.percent, 0.5),
  judge('dash, nothing changes: output', 'bytes/s', idle.bytesPerSecond, 0),
  judge('dash, 50 agents, 10 changes/s each: processor', '% of a core', loaded.percent, 8),
  judge('dash, 50 agents, 10 changes/s each: output', 'kB/s', loaded.bytesPerSecond / 1_000, 25),
  judge('dash, key to paint, quiet, p99', 'ms', percentile(quietKeys, 0.99), 50),
  judge('dash, key to paint, busy, p99', 'ms', percentile(busyKeys, 0.99), 50),
]);
