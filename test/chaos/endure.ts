import { expect } from 'vitest';
import { UP, type World } from '../e2e/world.ts';
import { violationsAfterDown, violationsAtRest, type Planned } from './invariants.ts';
import { readJournal, type Journal } from './journal.ts';
import { seeded, type Random } from './random.ts';
import { Client, type TaskRequest } from './requests.ts';
import { atRest, storm } from './storm.ts';
import type { Strike } from './strikes.ts';
import { table } from './table.ts';

/** A task that failed again and again waits for up to 5 min before its next try. */
const REST_MS = 420_000;
/** Enough that a task which is killed again and again still ends. */
const RETRIES = 50;

export interface TaskOptions {
  after?: Planned[];
  fails?: boolean;
  agent?: string;
}

export interface Endurance {
  world: World;
  seed: number;
  count: number;
  strikes(random: Random): Iterator<Strike, never>;
  isAgent(commandLine: string): boolean;
  /** The command of a task; null: the agents know by its name what to do. */
  command: ((name: string, options: TaskOptions, random: Random) => string[]) | null;
  /** Adds the work around one strike. */
  plan(n: number, add: (name: string, options?: TaskOptions) => Promise<Planned>): Promise<unknown>;
  /** Waits until the task of this name has begun; resolves with the time. */
  began(name: string): Promise<number>;
  /** The file with the tasks' own notes; null: they cannot write one. */
  journalFile: string | null;
  /** No strike harms an agent or its wrapper. */
  unharmed?: boolean;
  /** Further violations. */
  alsoWrong?(): string[];
}

/** Strikes a swarm at work, then counts violations of what must hold; prints the table of recoveries. */
export async function endure(options: Endurance): Promise<void> {
  const { world, seed, count } = options;
  console.log(`SWARM_CHAOS_SEED=${seed}`);
  const random = seeded(seed);
  await world.ok(UP);
  const { project } = await world.brokerUp();
  const client = new Client(world, project.hash);
  const planned: Planned[] = [];
  const add = async (name: string, of: TaskOptions = {}): Promise<Planned> => {
    const after = of.after ?? [];
    const request: TaskRequest = {
      title: name,
      key: name,
      after: after.map((task) => task.id),
      retries: of.fails === true ? 0 : RETRIES,
      priority: name.startsWith('probe') ? 'critical' : 'normal',
      ...(of.agent === undefined ? {} : { agent: of.agent }),
      ...(options.command === null ? {} : { command: options.command(name, of, random) }),
    };
    const id = await client.add(request);
    const task = { id, name, fails: of.fails === true, after: after.map((one) => one.name) };
    planned.push(task);
    return task;
  };
  const recoveries = await storm({
    ...options,
    random,
    strikes: options.strikes(random),
    plan: (n) => options.plan(n, add),
    probe: async (n, agent) => {
      const { name } = await add(`probe-${n}`, agent === null ? {} : { agent });
      return options.began(name);
    },
  });
  const struckAt = performance.now();
  const atEnd = await atRest(world, REST_MS).then(
    () => [],
    (error: unknown) => [String(error)],
  );
  const restMs = (performance.now() - struckAt).toFixed(0);
  console.log(`seed ${seed}, ${planned.length} tasks, at rest after ${restMs} ms\n${table(recoveries)}`);
  const journal: Journal | null = options.journalFile === null ? null : readJournal(options.journalFile);
  const violations = [
    ...atEnd,
    ...(options.alsoWrong?.() ?? []),
    ...(await violationsAtRest(world, client, planned, journal, options.unharmed === true)),
  ];
  await world.ok(['down']);
  violations.push(...(await violationsAfterDown(world)));
  expect(violations, `SWARM_CHAOS_SEED=${seed} SWARM_CHAOS_KILLS=${process.env['SWARM_CHAOS_KILLS'] ?? ''}`).toEqual(
    [],
  );
  expect(count).toBe(recoveries.length);
}
