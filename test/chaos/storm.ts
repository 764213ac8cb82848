import { setTimeout as pause } from 'node:timers/promises';
import { kill, killEverything, poll, swarmProcesses, UP, type StatusView, type World } from '../e2e/world.ts';
import { processesOf } from '../support/processes.ts';
import type { Random } from './random.ts';
import type { Strike } from './strikes.ts';
import type { Recovery } from './table.ts';
import { castOf, type Cast, type Part } from './victims.ts';

export interface StormOptions {
  world: World;
  random: Random;
  strikes: Iterator<Strike, never>;
  count: number;
  isAgent(commandLine: string): boolean;
  /** Adds the work around one strike. */
  plan(n: number): Promise<unknown>;
  /**
   * Submits one more task right after a strike, for the struck agent where there is one; resolves with the time when it
   * began.
   */
  probe(n: number, agent: string | null): Promise<number>;
}

/** Longest time from adding the work to the strike, ms. */
const REST_MS = 500;
/** How long to wait for a part that is just being started, or an agent between two tasks, ms. */
const PART_MS = 60_000;
const LOOK_MS = 100;
/** When no process of swarm has lived for so long, the person comes, ms. */
const NOBODY_MS = 500;

/** Strikes again and again; resolves with the time of each recovery. */
export async function storm(options: StormOptions): Promise<Recovery[]> {
  const recoveries: Recovery[] = [];
  for (let n = 1; n <= options.count; n += 1) {
    const strike = options.strikes.next().value;
    await options.plan(n);
    await pause(options.random.between(0, REST_MS));
    const at = Date.now();
    const agent = await harm(options, strike);
    const begun = await withAPerson(options, options.probe(n, agent)).catch(async (error: unknown) => {
      const struck = `strike ${n}, ${strike.name}${agent === null ? '' : ` of ${agent}`}`;
      throw new Error(`${struck}: ${String(error)}\n${await told(options, agent)}`);
    });
    recoveries.push({ kind: strike.name, ms: begun - at });
    console.log(
      `strike ${n}: ${strike.name}${agent === null ? '' : ` (${agent})`}, flows again after ${begun - at} ms`,
    );
  }
  return recoveries;
}

/** Facts for the report, for when the world is gone. */
async function told({ world }: StormOptions, agent: string | null): Promise<string> {
  const asked = [['status'], ['task', 'ls'], ['explain', agent ?? 'worker-1'], ['events', '--lines', '60']];
  const answers: string[] = [];
  for (const words of asked) {
    const { stdout, stderr } = await world.run(words);
    answers.push(`$ swarm ${words.join(' ')}\n${stdout}${stderr}`);
  }
  const processes = swarmProcesses(world).map(({ pid, commandLine }) => `${pid} ${commandLine}`);
  return [...answers, ...processes].join('\n');
}

/** Carries out a strike. Resolves with the agent that was struck; null: none was. */
async function harm(options: StormOptions, strike: Strike): Promise<string | null> {
  const { world, random } = options;
  if (strike.how === 'everything') {
    await killEverything(world);
    return null;
  }
  if (strike.how === 'other') {
    await strike.act();
    return null;
  }
  const parts = strike.how === 'stop' ? [strike.part] : strike.parts;
  const cast = await castWith(options, parts);
  const whose = random.pick(cast.wrappers);
  const pids = parts.map((part) => victim(cast, part, whose.agent));
  if (strike.how === 'stop') {
    const [pid = null] = pids;
    const resume = stop(pid);
    await pause(strike.ms);
    resume();
  } else {
    for (const [at, pid] of pids.entries()) {
      if (at > 0 && strike.how === 'twice') await pause(strike.ms);
      if (pid !== null) kill(pid);
    }
  }
  return parts.includes('agent') || parts.includes('wrapper') ? whose.agent : null;
}

/** The parts to strike, once all of them live, or after some time. */
async function castWith({ world, isAgent }: StormOptions, parts: readonly Part[]): Promise<Cast> {
  const look = () => {
    const cast = castOf(world, isAgent);
    const wrappers = parts.includes('agent') ? cast.wrappers.filter(({ child }) => child !== null) : cast.wrappers;
    return { ...cast, wrappers };
  };
  const complete = (cast: Cast): boolean =>
    cast.wrappers.length > 0 && parts.every((part) => part === 'agent' || part === 'wrapper' || cast[part] !== null);
  return await poll(look, complete, `${parts.join(' and ')} to live`, PART_MS);
}

function victim(cast: Cast, part: Part, agent: string): number | null {
  if (part !== 'agent' && part !== 'wrapper') return cast[part];
  const wrapper = cast.wrappers.find((one) => one.agent === agent);
  return (part === 'agent' ? wrapper?.child : wrapper?.pid) ?? null;
}

/** Stops a process by SIGSTOP; the returned function continues that very process only. */
function stop(pid: number | null): () => void {
  const find = () => processesOf('/').find((process) => process.pid === pid);
  const before = find();
  if (before === undefined) return () => undefined;
  kill(before.pid, 'SIGSTOP');
  return () => {
    if (find()?.startTime === before.startTime) kill(before.pid, 'SIGCONT');
  };
}

/** Where no process of swarm is left that could start the others, only the person can. */
async function withAPerson<T>({ world, isAgent }: StormOptions, work: Promise<T>): Promise<T> {
  const ended = work.then(
    () => true,
    () => true,
  );
  let nobodySince: number | null = null;
  while (!(await Promise.race([ended, pause(LOOK_MS, false)]))) {
    const { supervisor, wrappers } = castOf(world, isAgent);
    if (supervisor !== null || wrappers.length > 0) nobodySince = null;
    else nobodySince ??= performance.now();
    if (nobodySince === null || performance.now() - nobodySince < NOBODY_MS) continue;
    await world.ok(UP);
    nobodySince = null;
  }
  return await work;
}

/** Waits until every task has ended and every agent rests. */
export async function atRest(world: World, timeoutMs: number): Promise<StatusView> {
  const open = ({ tasks }: StatusView) =>
    Object.entries(tasks).some(
      ([state, count]) => count > 0 && !['done', 'dead', 'cancelled', 'total'].includes(state),
    );
  return await poll(
    () => world.status(),
    (status) => !open(status) && status.agents.every((agent) => agent.status === 'idle'),
    'every task to have ended and every agent to be idle',
    timeoutMs,
  );
}
