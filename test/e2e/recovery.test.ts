import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  brokerRecord,
  commandLinesOf,
  find,
  inside,
  kill,
  killEverything,
  openWorld,
  outcomes,
  poll,
  swarmProcesses,
  UP,
  wrapperPid,
  type World,
} from './world.ts';

let world: World;

/** A command that runs until `release` is called; each of its runs leaves a line: the pid of its shell. */
async function gate(
  name: string,
  ...args: string[]
): Promise<{ id: string; release(): Promise<void>; runs(): Promise<number>; shells(): Promise<number[]> }> {
  const [open, log] = [inside(world, `${name}.open`), inside(world, `${name}.log`)];
  const id = await world.add(
    name,
    ...args,
    '--',
    'sh',
    '-c',
    `echo $$ >> ${log}; while [ ! -e ${open} ]; do sleep 0.05; done; echo ${name} > ${name}.txt`,
  );
  const shells = async (): Promise<number[]> =>
    (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);
  return {
    id,
    release: () => writeFile(open, ''),
    runs: async () => (await shells()).length,
    shells,
  };
}

const running = (id: string) => world.until(id, 'running');

describe('tasks that run commands', () => {
  beforeAll(async () => {
    world = await openWorld();
    await world.ok(UP);
    await world.brokerUp();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('one agent takes what is ready by priority, whatever the order of adding', async () => {
    const first = await gate('first');
    await running(first.id);
    const ids: string[] = [];
    for (const priority of ['low', 'normal', 'high', 'critical'])
      ids.push(await world.shell('true', '--priority', priority));
    await first.release();
    await world.done(...ids);
    const begun = await Promise.all(
      ids.map(async (id) => ({ id, at: (await world.task(id)).attempts[0]?.startedAt ?? '' })),
    );
    expect(begun.toSorted((a, b) => a.at.localeCompare(b.at)).map(({ id }) => id)).toEqual(ids.toReversed());
  });

  test('cancel of a waiting, a ready and a running task: none of them runs on, others do', async () => {
    const busy = await gate('busy');
    await running(busy.id);
    const ready = await gate('never-ready');
    const waiting = await gate('never-waiting', '--after', busy.id);
    expect((await world.task(waiting.id)).reason).toContain(busy.id);
    const cancelled = await world.ok(['task', 'cancel', waiting.id, ready.id, busy.id]);
    expect(cancelled.stdout).toContain(`task ${waiting.id}: cancelled`);
    for (const { id } of [waiting, ready, busy]) await world.until(id, 'cancelled');
    await poll(
      () => commandLinesOf(world.environment.directory).filter(({ argv }) => argv.join(' ').includes('busy.open')),
      (left) => left.length === 0,
      'its process to be gone',
    );
    await world.done(await world.shell('true'));
    expect([await busy.runs(), await ready.runs(), await waiting.runs()]).toEqual([1, 0, 0]);
    expect((await world.run(['task', 'wait', busy.id])).exitCode).toBe(1);
  });

  test('wait tells by its exit code: 0 done, 1 dead, 3 not in time; retry of a dead task brings its dependents too', async () => {
    const cause = inside(world, 'mended');
    const fails = await world.shell(
      `test -e ${cause} || { echo the cause is missing >&2; exit 4; }; echo ok > ok.txt`,
      '--retries',
      '1',
    );
    const after = await world.shell('cat ok.txt', '--after', fails);
    const dead = await world.run(['task', 'wait', fails, '--timeout', '60s']);
    expect(dead.exitCode, dead.stderr).toBe(1);
    const view = await world.task(fails);
    expect(outcomes(view)).toEqual(['failed', 'failed']);
    expect(view.attempts[1]?.error).toMatch(/4.*the cause is missing|the cause is missing.*4/s);
    const late = await world.run(['task', 'wait', after, '--timeout', '500ms']);
    expect([late.exitCode, late.stderr]).toEqual([3, expect.stringContaining(`not ended within 500ms: ${after}`)]);
    await writeFile(cause, '');
    await world.ok(['task', 'retry', fails]);
    await world.done(fails, after);
    expect((await world.task(after)).result?.summary).toContain('ok');
    expect(outcomes(await world.task(fails))).toEqual(['failed', 'failed', 'done']);
  });

  test('a timeout ends the command with all that it left in the background', async () => {
    const id = await world.shell(
      'setsid sleep 98765 & (setsid sh -c "sleep 98765; true" &) ; nohup sleep 98765',
      '--timeout',
      '1s',
      '--retries',
      '0',
    );
    expect((await world.run(['task', 'wait', id, '--timeout', '30s'])).exitCode).toBe(1);
    expect(outcomes(await world.task(id))).toEqual(['timeout']);
    expect(commandLinesOf(world.environment.directory).filter(({ argv }) => argv.includes('98765'))).toEqual([]);
  });

  test('--on goes on from another task, --after brings its code in, and others begin at the base', async () => {
    const one = await world.shell('echo one > one.txt');
    const on = await world.shell('cat one.txt && echo two > two.txt', '--on', one);
    const after = await world.shell('cat one.txt two.txt', '--after', on);
    const alone = await world.shell('ls; test ! -e one.txt');
    await world.done(one, on, after, alone);
    const parent = (await world.repository.git('rev-parse', `${(await world.task(on)).result?.commit ?? ''}^`)).trim();
    expect(parent).toBe((await world.task(one)).result?.commit);
  });

  test('SIGTERM of the supervisor: agents live on with their work, and a wrapper starts the next supervisor', async () => {
    const work = await gate('through-sigterm');
    await running(work.id);
    const [before, wrapper] = [await world.status(), await wrapperPid(world, 'worker-1')];
    kill(before.supervisor.pid, 'SIGTERM');
    await poll(
      () => swarmProcesses(world).some(({ pid }) => pid === before.supervisor.pid),
      (lives) => !lives,
      'the supervisor to end',
    );
    const after = await world.status();
    expect(after.supervisor.pid).not.toBe(before.supervisor.pid);
    expect(await wrapperPid(world, 'worker-1')).toBe(wrapper);
    await work.release();
    await world.done(work.id);
    expect([outcomes(await world.task(work.id)), await work.runs()]).toEqual([['done'], 1]);
    expect((await world.all('idle')).agents[0]?.restarts).toBe(0);
  });

  test('kill -9 of supervisor and wrapper at once: the lost attempt is counted, its processes end, the next one finishes', async () => {
    const work = await gate('through-both');
    await running(work.id);
    const { supervisor } = await world.status();
    const wrapper = await wrapperPid(world, 'worker-1');
    kill(supervisor.pid);
    kill(wrapper);
    // No process of swarm is left to start the supervisor again: only the person can.
    await world.ok(UP);
    await poll(
      () => work.runs(),
      (runs) => runs === 2,
      'a second attempt',
    );
    // By pid: a process that a shell has just forked has the shell's argv.
    const own = await work.shells();
    const living = commandLinesOf(world.environment.directory).map(({ pid }) => pid);
    expect(own.filter((pid) => living.includes(pid))).toEqual(own.slice(1));
    await work.release();
    await world.done(work.id);
    expect(outcomes(await world.task(work.id))).toEqual(['lost', 'done']);
  });

  test('kill -9 of everything, sockets and all left behind: up goes on with the same tasks', async () => {
    const done = await world.shell('echo kept > kept.txt');
    await world.done(done);
    const work = await gate('through-all');
    await running(work.id);
    const next = await world.shell('cat through-all.txt', '--after', work.id);
    await killEverything(world);
    const sockets = (await find(world.environment.runtimeDir, '-type', 's'))
      .map((file) => path.basename(file))
      .toSorted();
    expect(sockets).toEqual(['api.sock', 'link.sock', 'tmux.sock']);
    // At once: no wrapper is left whose restart of the supervisor it could wait for, which it would for ten seconds.
    const down = await world.ok(['status']);
    expect(down.stdout).toMatch(/is not up/);
    expect(down.durationMs).toBeLessThan(9_000);
    await world.ok(UP);
    await work.release();
    await world.done(work.id, next);
    expect(outcomes(await world.task(work.id))).toEqual(['lost', 'done']);
    expect(await world.show(done, 'kept.txt')).toBe('kept');
  });

  test('kill -9 of the broker while tasks come in by command and by queue: what was confirmed is not lost', async () => {
    const { project, broker } = await world.brokerUp();
    const model = await connect(brokerRecord(world).url);
    model.on('error', () => undefined);
    const channel = await model.createConfirmChannel();
    channel.on('error', () => undefined);
    const confirmed: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      const body = {
        v: 1,
        id: `outside-${n}`,
        type: 'task.submit',
        from: 'ci',
        at: new Date().toISOString(),
        payload: { title: `outside ${n}`, key: `outside-${n}` },
      };
      channel.sendToQueue(
        `${project.hash}.agent.submit`,
        Buffer.from(JSON.stringify(body)),
        { persistent: true, messageId: body.id },
        (error: unknown) => {
          if (error === null || error === undefined) confirmed.push(body.payload.title);
        },
      );
    }
    const adding = Promise.all(
      Array.from({ length: 8 }, (_, n) => world.shell(`echo ${n} > n.txt`, '--key', `inside-${n}`)),
    );
    await poll(
      () => confirmed.length,
      (count) => count > 0,
      'a confirm',
    );
    kill(broker.pid);
    const ids = await adding;
    await model.close().catch(() => undefined);
    await world.done(...ids);
    const titles = async () =>
      (await world.ok(['task', 'ls', '--json', '--limit', '500']))
        .json<{ title: string }[]>()
        .map(({ title }) => title);
    const all = await poll(
      titles,
      (known) => confirmed.every((title) => known.includes(title)),
      `${confirmed.length} confirmed tasks to be there`,
    );
    expect(new Set(all.filter((title) => title.startsWith('outside'))).size).toBe(
      all.filter((title) => title.startsWith('outside')).length,
    );
    expect((await world.brokerUp()).broker.pid).not.toBe(broker.pid);
  });

  test('data that this RabbitMQ cannot read are put aside and named, and tasks go on', async () => {
    const { broker } = await world.brokerUp();
    const work = await gate('over-versions');
    await running(work.id);
    const ready = await world.shell('echo ready > ready.txt');
    const { file } = brokerRecord(world);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), dataVersion: '99.0.1' }));
    kill(broker.pid);
    const place = path.join(path.dirname(file), 'mnesia-99.0.1');
    const told = await poll(world.status, (seen) => seen.broker.reason?.includes(place) === true, 'the note');
    expect(told.broker.state).toBe('up');
    await work.release();
    await world.done(work.id, ready);
    expect(outcomes(await world.task(work.id))).toEqual(['done']);
  });
});
