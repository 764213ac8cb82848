import { randomUUID } from 'node:crypto';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerOf, type ApiAnswer } from '../support/api.ts';
import {
  brokerRecord,
  expectError,
  openAccount,
  openWorld,
  poll,
  SHELL_WORKER,
  UP,
  type Account,
  type World,
} from './world.ts';

let account: Account;
let world: World;

beforeAll(async () => {
  account = await openAccount();
});
afterAll(() => account[Symbol.asyncDispose]());

describe('what a person may mistype', () => {
  beforeAll(async () => {
    world = await openWorld({ account });
    await world.ok(UP);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test('an unknown verb, option or number is met with the nearest right one', async () => {
    expectError(await world.run(['taks', 'add', 'x']), 2, /unknown command 'taks'/, /Did you mean task\?/);
    expectError(await world.run(['task', 'ad', 'x']), 2, /unknown command 'ad'/, /Did you mean add\?/);
    expectError(await world.run(['up', '--detatch']), 2, /unknown option '--detatch'/, /--detach/);
    expectError(await world.run(['up', 'three']), 2, /'three' is invalid/, /1 to 200/);
    expectError(await world.run(['up', '0']), 2, /1 to 200/);
    expectError(await world.run(['task', 'add', 'x', '--priority', 'urgent']), 2, /critical, high, normal, low/);
    expectError(await world.run(['task', 'add', 'x', '--timeout', 'soon']), 2, /soon/, /30m|1h|duration/);
    expectError(
      await world.run(['task', 'add', 'fix', 'the', 'build']),
      2,
      /one word too many/,
      /task add "fix the build"/,
    );
    expectError(
      await world.run(['-C', '/nonexistent/place', 'status']),
      2,
      /there is no directory \/nonexistent\/place/,
    );
    const json = await world.run(['taks', '--json']);
    expect(json.exitCode).toBe(2);
    expect(json.json()).toMatchObject({ error: { code: 'usage', exitCode: 2 } });
  });

  test('an unknown agent, task or checkpoint is met with the nearest right one', async () => {
    const only = await world.shell('echo 1 > one.txt');
    await world.done(only);
    await world.ok(['checkpoint', 'worker-1', '-m', 'by hand']);
    for (const verb of [
      ['attach', 'worker-2'],
      ['checkpoint', 'ls', 'worke-1'],
      ['checkpoint', 'worker1'],
      ['rollback', 'woker-1', '1'],
      ['restart', 'worker-01'],
      ['send', 'Worker-1', 'hello'],
      ['logs', 'worker-7'],
      ['answer', 'worker-3', 'allow'],
    ]) {
      expectError(await world.run(verb), 2, /there is no (agent|log)|unknown/i, /worker-1/);
    }
    for (const verb of [
      ['task', 'show', 't9'],
      ['task', 'wait', 't9'],
      ['task', 'cancel', 't9'],
      ['task', 'retry', 't9'],
      ['diff', 't9'],
      ['merge', 't9'],
    ]) {
      expectError(await world.run(verb), 2, /t9/, new RegExp(`\\b${only}\\b`));
    }
    expectError(
      await world.run(['rollback', 'worker-1', '99']),
      2,
      /worker-1 has no checkpoint 99/,
      /Did you mean \d+\?/,
    );
    expectError(
      await world.run(['task', 'add', 'x', '--agent', 'worker-2', '--', 'true']),
      2,
      /There is no agent "worker-2"/,
      /worker-1/,
    );
    expectError(await world.run(['task', 'add', 'x', '--verify', 'tests']), 2, /There is no verify command "tests"/);
    expectError(
      await world.run(['send', 'worker-1', 'hello']),
      1,
      /runs shell commands and reads no messages/,
      /task add/,
    );
  });

  test('a dependency that does not exist, and a cycle in a batch, are said and nothing is submitted', async () => {
    await world.add('there');
    const before = (await world.ok(['task', 'ls', '--json'])).stdout;
    expectError(await world.run(['task', 'add', 'x', '--after', 't99', '--', 'true']), 2, /t99/, /newest is t\d+/);
    expectError(await world.run(['task', 'add', 'x', '--on', 'nothing', '--', 'true']), 2, /nothing/);
    const shell = (key: string, after: string[]) => ({ title: key, key, after, command: ['true'] });
    const cycle = await post({ tasks: [shell('alone', []), shell('a', ['c']), shell('b', ['a']), shell('c', ['b'])] });
    expect(cycle.status).toBe(400);
    expect(cycle.body.error.message).toMatch(/\ba\b.*\bc\b|\bc\b.*\ba\b/);
    const missing = await post({ tasks: [shell('first', []), shell('second', ['frist'])] });
    expect(missing.status).toBe(400);
    expect(JSON.stringify(missing.body)).toMatch(/frist.*first/);
    expect((await post(shell('second', ['frist']))).status).toBe(400);
    const wrong = await post({ tasks: [{ title: 'x', comand: ['true'] }] });
    expect(wrong.status).toBe(400);
    expect(JSON.stringify(wrong.body)).toContain('comand');
    expect((await world.ok(['task', 'ls', '--json'])).stdout).toBe(before);
  });

  test('a wrong swarm.yaml is told with line, key and what is accepted, and what runs goes on', async () => {
    const pid = (await world.status()).supervisor.pid;
    const wrong: [text: string, ...says: RegExp[]][] = [
      [
        'agents:\n  worker: {kind: shell}\ntask: {lease: 60s}\n',
        /swarm\.yaml:3:1: there is no key `task`/,
        /Did you mean `tasks`\?/,
      ],
      [
        'agents:\n  worker:\n    kind: shel\n',
        /swarm\.yaml:3:11: agents\.worker\.kind: "shel" is not accepted/,
        /claude, shell/,
        /`shell`/,
      ],
      [
        'agents:\n  worker:\n    count: -1\n',
        /swarm\.yaml:3:12: agents\.worker\.count: -1 is not accepted/,
        /at least/,
      ],
      ['verify:\n  check: npm test\n', /swarm\.yaml:2:10: verify\.check: a list is needed/, /\["npm", "test"\]/],
      ['tasks:\n  lease: soon\n', /swarm\.yaml:2:10: tasks\.lease/, /60s|duration/],
      ['agents: [worker\n', /swarm\.yaml:[12]:\d+: /, /YAML/],
    ];
    for (const [text, ...says] of wrong) {
      await world.repository.write({ 'swarm.yaml': text });
      const started = await world.run(UP);
      expectError(started, 2, ...says);
      expect(started.stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    }
    await world.repository.write({ 'swarm.yaml': SHELL_WORKER });
    await world.ok(UP);
    expect((await world.status()).supervisor.pid).toBe(pid);
  });

  test('a second up changes nothing, a second down says that nothing was up', async () => {
    const before = await world.status();
    await world.ok(UP);
    const after = await world.status();
    expect(after.supervisor).toEqual(before.supervisor);
    expect(after.agents.map(({ pid, restarts }) => [pid, restarts])).toEqual(
      before.agents.map(({ pid, restarts }) => [pid, restarts]),
    );
    expect((await world.ok(['down'])).stdout).toMatch(/is down/);
    expect((await world.ok(['down'])).stdout).toMatch(/was not up/);
    expectError(await world.run(['task', 'add', 'x', '--', 'true']), 1, /not up|not running/, /swarm up|`.*up`/);
  });

  const post = (body: unknown): Promise<ApiAnswer<{ error: { code: string; message: string; hint?: string } }>> =>
    answerOf(world.environment, world.repository.path, '/v1/tasks', body);
});

describe('what may come over the queue', () => {
  let model: ChannelModel;
  let channel: ConfirmChannel;
  let prefix: string;

  beforeAll(async () => {
    world = await openWorld({ account });
    await world.ok(UP);
    const { project } = await world.brokerUp();
    model = await connect(brokerRecord(world).url);
    model.on('error', () => undefined);
    channel = await model.createConfirmChannel();
    channel.on('error', () => undefined);
    prefix = `${project.hash}.`;
  });
  afterAll(async () => {
    await model.close();
    await world[Symbol.asyncDispose]();
  });

  const envelope = (type: string, payload: unknown, more: object = {}) =>
    Buffer.from(
      JSON.stringify({ v: 1, id: randomUUID(), type, from: 'a test', at: new Date().toISOString(), payload, ...more }),
    );

  async function publish(queue: string, body: Buffer, options: object = {}): Promise<void> {
    channel.sendToQueue(prefix + queue, body, { persistent: true, ...options });
    await channel.waitForConfirms();
  }

  /** `status` leaves the queues out where the broker does not answer within a second. */
  async function untilEmpty(queue: string): Promise<void> {
    await poll(
      async () => (await world.status()).queues.find(({ name }) => name.endsWith(queue))?.messages,
      (messages) => messages === 0,
      `${queue} to be empty`,
      10_000,
    );
  }

  async function nextDead(): Promise<{ reason: string; queue: string; body: Buffer }> {
    const got: { reason: string; queue: string; body: Buffer }[] = [];
    await expect
      .poll(
        async () => {
          const message = await channel.get(`${prefix}agent.tasks.dead`, { noAck: true });
          if (message !== false) {
            const headers = message.properties.headers ?? {};
            got.push({
              reason: String(headers['x-swarm-reason']),
              queue: String(headers['x-swarm-queue']),
              body: message.content,
            });
          }
          return got.length;
        },
        { timeout: 10_000, interval: 25 },
      )
      .toBe(1);
    if (got[0] === undefined) throw new Error('no dead letter');
    return got[0];
  }

  test.each([
    ['agent.submit', 'no JSON', Buffer.from('{half'), /not JSON/],
    ['agent.submit', 'no UTF-8', Buffer.from([0xff, 0xfe, 0x00]), /not JSON in UTF-8/],
    ['agent.submit', 'an empty body', Buffer.alloc(0), /not JSON/],
    ['agent.submit', 'an unknown version', envelope('task.submit', { title: 'x' }, { v: 9 }), /\bv\b/],
    [
      'agent.submit',
      'another type',
      envelope('task.ticket', { capability: null }),
      /type "task\.ticket" where "task\.submit" is expected/,
    ],
    ['agent.submit', 'no title', envelope('task.submit', { prompt: 'x' }), /title/],
    [
      'agent.submit',
      'a command of its own',
      envelope('task.submit', { title: 'x', command: ['rm', '-rf', '/'] }),
      /command/,
    ],
    ['agent.submit', 'an unknown dependency', envelope('task.submit', { title: 'x', after: ['t77'] }), /t77/],
    ['agent.submit', 'an unknown verify', envelope('task.submit', { title: 'x', verify: 'none-such' }), /none-such/],
    ['agent.claims', 'half a claim', envelope('task.claim', { agent: 'worker-1' }), /kind|slot|incarnation/],
    ['agent.claims', 'a list', Buffer.from('[]'), /./],
    ['agent.results', 'no outcome', envelope('task.result', { task: 't1', attempt: 1 }), /outcome/],
    ['agent.tasks.shell', 'no ticket', envelope('task.ticket', 'anything'), /./],
    ['agent.tasks.shell', 'no JSON', Buffer.from('nonsense'), /not JSON/],
  ])('%s with %s ends in the dead letters with the reason', async (queue, _what, body, reason) => {
    await publish(queue, body);
    const dead = await nextDead();
    expect(dead.queue).toBe(prefix + queue);
    expect(dead.reason).toMatch(reason);
    expect(dead.body.equals(body)).toBe(true);
  });

  test('a claim of an agent that does not exist, and a result of an attempt that never was, change nothing', async () => {
    const claim = { agent: 'worker-99', kind: 'shell', capabilities: [], slot: 0, incarnation: 'x' };
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const waiting = await world.add('for a claude agent');
    await publish('agent.claims', envelope('task.claim', claim), { replyTo: queue, correlationId: 'c1' });
    const replies: string[] = [];
    await channel.consume(queue, (message) => message !== null && replies.push(message.content.toString()), {
      noAck: true,
    });
    await expect.poll(() => replies.length).toBe(1);
    expect(JSON.parse(replies[0] ?? '')).toMatchObject({ payload: { got: 'none' } });
    const usage = { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
    const at = new Date().toISOString();
    const result = {
      task: waiting,
      attempt: 1,
      agent: 'worker-1',
      outcome: 'done',
      errorClass: null,
      error: null,
      summary: '',
      commit: null,
      branch: null,
      sessionId: null,
      usage,
      startedAt: at,
      endedAt: at,
    };
    await publish('agent.results', envelope('task.result', result));
    await untilEmpty('agent.results');
    expect((await world.task(waiting)).state).toBe('ready');
    await world.ok(['task', 'cancel', waiting]);
  });

  test('after all that a good submit becomes a task, once for its id, and tasks still run', async () => {
    const good = envelope('task.submit', { title: 'from outside', prompt: 'do it' });
    await publish('agent.submit', good);
    await publish('agent.submit', good);
    const titles = async () =>
      (await world.ok(['task', 'ls', '--json']))
        .json<{ title: string }[]>()
        .filter(({ title }) => title === 'from outside').length;
    await expect.poll(titles).toBe(1);
    const id = await world.shell('echo alive > alive.txt');
    await world.done(id);
    expect(await world.show(id, 'alive.txt')).toBe('alive');
    expect(await titles()).toBe(1);
    await untilEmpty('agent.tasks.dead');
  });
});
