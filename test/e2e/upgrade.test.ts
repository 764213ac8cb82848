import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { repositoryRoot } from '../support/environment.ts';
import { bash, complete, write } from '../support/model-tools.ts';
import { releasedSwarm, type Release } from '../support/released.ts';
import {
  find,
  kill,
  openAccount,
  openWorld,
  outcomes,
  poll,
  swarmProcesses,
  UP,
  wrapperPid,
  type Account,
  type EventView,
  type StatusView,
  type TaskView,
  type World,
} from './world.ts';

/** A command that is at work until the test opens its gate, and that writes down each of its beginnings. */
const HOLD = `echo "$1" >> "$SWARM_ROOT/../begun"
until [ -e "$SWARM_ROOT/../gate-$1" ]; do sleep 0.1; done
`;
const SETTINGS = `
agents:
  worker: {count: 1, allow: ["Bash(sh hold.sh:*)"]}
  runner: {kind: shell, count: 2}
verify: {ok: [test, -e, README.md]}
stopGrace: 2s
`;
const script = {
  rules: [
    {
      name: 'model',
      matches: '^# Task t\\d+: model\\b',
      steps: [
        { tools: [write('first.txt', 'first\n')] },
        { tools: [bash('sh hold.sh model')] },
        { tools: [write('second.txt', 'second\n')] },
        { tools: [complete('as of old')] },
      ],
    },
    {
      name: 'after',
      matches: '^# Task t\\d+: after\\b',
      steps: [{ tools: [write('after.txt', 'after\n')] }, { tools: [complete('with the new one')] }],
    },
  ],
};

let released: Release;
let world: World;
/** swarm 0.1.0, as its user would call it. */
const old = (...args: string[]) => world.ok(args, { launcher: released.launcher });
const oldShell = async (command: string, ...args: string[]): Promise<string> =>
  (await old('task', 'add', '--json', command, ...args, '--', 'sh', '-c', command)).json<{ id: string }>().id;
/** Beside the repository, where agents find it by $SWARM_ROOT. */
const beside = (name: string): string => path.join(path.dirname(world.repository.path), name);
const open = (name: string): Promise<void> => writeFile(beside(`gate-${name}`), '');
const begun = (): string[] => {
  const file = beside('begun');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').toSorted() : [];
};
const begins = (...names: string[]) =>
  poll(begun, (seen) => names.every((name) => seen.includes(name)), `${names.join(', ')} to have begun`);
/** Everything but the broker, which another project keeps up. */
const agentsLeft = () =>
  swarmProcesses(world).filter(({ commandLine }) => /supervisor|wrapper|tmux|hold/.test(commandLine));
const build = (): string => readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();

interface Seen extends StatusView {
  version: string;
  supervisor: StatusView['supervisor'] & { buildId: string };
  config: { refused: unknown; later: string[]; outdated: string[] };
}
/** Names of the state directories of projects. */
const stateNames = async (): Promise<string[]> =>
  (await find(path.join(world.environment.stateHome, 'swarm'), '-mindepth', '1', '-maxdepth', '1'))
    .map((place) => path.basename(place))
    .filter((name) => /[0-9a-f]{10}$/.test(name));
const seen = async (): Promise<Seen> => (await world.status()) as Seen;

beforeAll(async () => {
  released = await releasedSwarm();
});

describe(`agents of 0.1.0 at work`, () => {
  let done: TaskView;
  let ids: Record<'done' | 'model' | 'long' | 'spooled' | 'waiting' | 'dependent', string>;
  let checkpoints: { n: number; reason: string }[];
  let before: Seen;
  let wrappers: number[];
  const agents = ['runner-1', 'runner-2', 'worker-1'];
  const wrapperPids = () => Promise.all(agents.map((agent) => wrapperPid(world, agent)));

  beforeAll(async () => {
    world = await openWorld({
      repository: { files: { 'README.md': 'a project\n', 'hold.sh': HOLD, 'swarm.yaml': SETTINGS } },
      script,
    });
    await old(...UP);
    const first = await oldShell('echo one > one.txt', '--verify', 'ok');
    await old('task', 'wait', first, '--timeout', '60s');
    done = await world.task(first);
    await writeFile(path.join(`${world.repository.path}.swarm`, 'worker-1', 'by-hand.txt'), 'before\n');
    await old('checkpoint', 'worker-1', '-m', 'before the update');
    ids = {
      done: first,
      model: (await old('task', 'add', '--json', 'model', '--verify', 'ok')).json<{ id: string }>().id,
      long: await oldShell('sh hold.sh long; echo long > long.txt'),
      spooled: await oldShell('sh hold.sh spooled; echo spooled > spooled.txt'),
      waiting: await oldShell('echo waiting > waiting.txt'),
      dependent: '',
    };
    ids.dependent = await oldShell('cat spooled.txt > dependent.txt', '--after', ids.spooled);
    await begins('model', 'long', 'spooled');
    checkpoints = (await old('checkpoint', 'ls', 'worker-1', '--json')).json();
    before = await seen();
    wrappers = await wrapperPids();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('`up` takes them over as they are, with a result that no supervisor could hear, and asks nothing again', async () => {
    expect(before).toMatchObject({ version: released.version, tasks: { running: 3, ready: 1, waiting: 1, done: 1 } });
    // A result with neither a supervisor nor a broker to take it.
    kill(before.supervisor.pid, 'SIGSTOP');
    kill(before.broker.pid);
    await open('spooled');
    const spool = () => find(world.environment.stateHome, '-path', '*/spool/*', '-type', 'f');
    await poll(spool, (files) => files.length > 0, 'a result in the spool');
    kill(before.supervisor.pid, 'SIGCONT');
    expect((await world.ok(['status'])).stderr).toMatch(
      /swarm was updated since it came up here: `\S*swarm up` changes/,
    );

    // 0.1.0 asked about programs alone: what agents may do is agreed to once.
    const unasked = await world.run(['up', '--detach']);
    expect([unasked.exitCode, unasked.stderr]).toEqual([
      2,
      expect.stringContaining('agents.worker.allow: Bash(sh hold.sh:*)'),
    ]);
    const { stderr } = await world.ok(['up', '--detach', '--yes']);
    expect(stderr).toContain(`changing from swarm ${released.version} to ${manifest.version}; agents work on`);
    const after = await seen();
    expect(after).toMatchObject({ version: manifest.version, supervisor: { state: 'up', buildId: build() } });
    expect(after.supervisor.epoch).toBeGreaterThan(before.supervisor.epoch ?? 0);
    expect(after.config).toMatchObject({ refused: null, later: [] });
    expect(await stateNames()).toEqual([`repo-${after.project.hash}`]);
    const atWork = ({ agents: all }: StatusView) =>
      all.filter(({ task }) => task === ids.model || task === ids.long).map(({ id, pid, task }) => [id, pid, task]);
    expect(atWork(after)).toEqual(atWork(before));
    expect(atWork(after)).toHaveLength(2);
    expect(after.agents.map(({ restarts }) => restarts)).toEqual([0, 0, 0]);
  });

  test('the earlier tasks are done once each, their results heard, and those that waited follow', async () => {
    const at = agents.indexOf((await world.task(ids.long)).attempts[0]?.agent ?? '');
    expect((await wrapperPids())[at]).toBe(wrappers[at]);
    await open('model');
    await open('long');
    await world.done(...Object.values(ids));
    expect(begun()).toEqual(['long', 'model', 'spooled']);
    for (const id of Object.values(ids)) expect([id, outcomes(await world.task(id))]).toEqual([id, ['done']]);
    // Later versions add fields.
    expect(await world.task(ids.done)).toEqual({ ...done, result: { ...done.result, notes: [] } });
    expect(await world.show(ids.model, 'first.txt')).toBe('first');
    expect(await world.show(ids.model, 'second.txt')).toBe('second');
    expect(await world.show(ids.dependent, 'dependent.txt')).toBe('spooled');
  });

  test('once idle every agent is of the new build, in its earlier conversation, and no agent was in trouble', async () => {
    const settled = await poll(
      seen,
      ({ config, agents: all }) => config.outdated.length === 0 && all.every(({ status }) => status === 'idle'),
      'every agent to be of the new build',
    );
    const now = await wrapperPids();
    expect(now.filter((pid) => wrappers.includes(pid))).toEqual([]);
    expect(settled.agents.map(({ restarts }) => restarts)).toEqual([0, 0, 0]);
    const session = ({ agents: all }: StatusView) => all.find(({ id }) => id === 'worker-1')?.sessionId;
    expect(session(settled)).toBe(session(before));
    const names = (await world.ok(['events', '--json', '--since', '1h']))
      .jsonLines<EventView>()
      .map(({ name }) => name);
    expect(names).toContain('agent.refreshed');
    for (const bad of ['agent.died', 'agent.failed', 'agent.odd-event', 'task.lost', 'agent.status.recovering'])
      expect(names).not.toContain(bad);
    const after = await world.add('after');
    await world.done(after);
    expect(await world.show(after, 'after.txt')).toBe('after');
  });

  test('the earlier checkpoints are listed and can be rolled back to', async () => {
    const listed = (await world.ok(['checkpoint', 'ls', 'worker-1', '--json'])).json<typeof checkpoints>();
    expect(listed).toEqual(expect.arrayContaining(checkpoints.map((each) => expect.objectContaining(each))));
    const { n } = checkpoints.find(({ reason }) => reason.includes('before the update')) ?? { n: 0 };
    await world.ok(['rollback', 'worker-1', String(n), '--files-only', '--yes']);
    const file = path.join(`${world.repository.path}.swarm`, 'worker-1', 'by-hand.txt');
    expect(readFileSync(file, 'utf8')).toBe('before\n');
  });

  test('the command line of 0.1.0 is still understood, and does not take it back', async () => {
    const id = await oldShell('echo by-the-old > old.txt');
    await old('task', 'wait', id, '--timeout', '60s');
    expect((await old('status')).stdout).toContain('worker-1');
    const { pid } = (await seen()).supervisor;
    await old('up', '--detach');
    expect((await seen()).supervisor.pid).toBe(pid);
  });

  test('`down` leaves nothing of either', async () => {
    await world.ok(['down']);
    expect(swarmProcesses(world)).toEqual([]);
    expect(await find(world.environment.runtimeDir, '-type', 's')).toEqual([]);
    expect(await find(path.join(world.repository.path, '.git'), '-name', '*.lock', '-o', '-name', 'locked')).toEqual(
      [],
    );
    const { findings } = (await world.run(['doctor', '--json'])).json<{ findings: { severity: string }[] }>();
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

describe('0.1.0 with one agent', () => {
  let account: Account;
  const files = {
    'README.md': 'a project\n',
    'hold.sh': HOLD,
    'swarm.yaml': 'agents: {worker: {kind: shell, count: 1}}\nstopGrace: 1s\n',
  };

  beforeAll(async () => {
    account = await openAccount();
    world = await openWorld({ account, repository: { files } });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await account[Symbol.asyncDispose]();
  });

  test('goes down in order, told so by the new one too, and its tasks go on with the next `up`', async () => {
    await old(...UP);
    const held = await oldShell('sh hold.sh held; echo held > held.txt');
    const waiting = await oldShell('cat held.txt > waiting.txt', '--after', held);
    await begins('held');
    await world.ok(['down']);
    expect(agentsLeft()).toEqual([]);

    expect((await world.ok(['up', '--detach'])).stderr).not.toContain('changing');
    expect(await stateNames()).toEqual([(await seen()).project.hash]);
    await open('held');
    await world.done(held, waiting);
    expect(outcomes(await world.task(held))).toEqual(['released', 'done']);
    expect(await world.show(waiting, 'waiting.txt')).toBe('held');
    await world.ok(['down']);
  });

  test('is found from a shell with another runtime directory, and taken over where it is', async () => {
    await old(...UP);
    const wrapper = await wrapperPid(world, 'worker-1');
    const held = await oldShell('sh hold.sh elsewhere');
    await begins('elsewhere');
    const elsewhere = { variables: { XDG_RUNTIME_DIR: undefined } };
    expect((await world.ok(['status'], elsewhere)).stderr).toContain('swarm was updated');
    expect((await world.ok(['up', '--detach'], elsewhere)).stderr).toContain('changing from');
    expect(await seen()).toMatchObject({ version: manifest.version, supervisor: { state: 'up' } });
    expect(await wrapperPid(world, 'worker-1')).toBe(wrapper);
    await open('elsewhere');
    await world.done(held);
    expect(outcomes(await world.task(held))).toEqual(['done']);
    await world.ok(['down'], elsewhere);
    expect(agentsLeft()).toEqual([]);
  });
});
