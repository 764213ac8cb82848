import { expect, test } from 'vitest';
import { MessageDesk } from '../../../../src/supervisor/links/message-desk.ts';
import type { StoredMessage } from '../../../../src/store/messages.ts';
import type { AgentRow } from '../../../../src/supervisor/project/agent-record.ts';
import { events, record, silentLog } from '../kit.ts';

/** A store in memory, and an agent that is linked or not, and takes orders or not. */
function scene(row: Partial<AgentRow> = {}, handoff: string | null = null) {
  const rows: StoredMessage[] = [];
  const seen = events();
  const given: string[] = [];
  const agent = { ...record(), breaks: false };
  agent.observed.linked = true;
  const find = (id: string): StoredMessage | undefined => rows.find((row) => row.id === id);
  const desk = new MessageDesk({
    log: silentLog,
    events: seen.log,
    store: {
      messages: {
        queue: async (message) => {
          rows.push({ ...message, receipt: 'queued', reason: null, createdAt: 0, updatedAt: 0 });
          return true;
        },
        settle: async (id, receipt, reason) => {
          const row = find(id);
          if (row === undefined || row.receipt !== 'queued') return false;
          Object.assign(row, { receipt, reason: reason ?? null });
          return true;
        },
        get: find,
        queued: (name) => rows.filter((row) => row.agent === name && row.receipt === 'queued'),
      },
    },
    names: { agent: (id) => record(id, row) },
    fleet: {
      get: (name) => (name === 'worker-1' ? agent : undefined),
      desired: (known) => known.row.desired,
    },
    works: { rollbacks: { handoff: async () => handoff } },
    links: {
      order: async (_name, order) => {
        if (agent.breaks) throw new Error('the link broke');
        given.push(order.do === 'send' ? order.text : order.do);
      },
    },
  });
  return { desk, agent, given, rows, seen };
}

const told = (desk: MessageDesk, name: string, data: Record<string, unknown>): Promise<void> =>
  desk.told({ name, data });

test('a message has the receipt that the wrapper gives it', async () => {
  const { desk, given, seen } = scene();
  const { id } = await desk.send({ id: 'worker-1', text: 'hello' });
  await expect.poll(() => given).toEqual(['hello']);
  await expect(desk.show({ id })).resolves.toMatchObject({ agent: 'worker-1', receipt: 'queued' });
  await told(desk, 'message.delivered', { id });
  await expect(desk.show({ id })).resolves.toMatchObject({ receipt: 'delivered' });
  expect(seen.names()).toEqual(['message.queued']);
  await expect(desk.show({ id: 'm9' })).rejects.toThrow('no message m9');
});

test('messages that were queued without a link, or when it broke, come with the next connection, in order', async () => {
  const { desk, agent, given } = scene();
  agent.observed.linked = false;
  await desk.send({ id: 'worker-1', text: 'one' });
  await desk.send({ id: 'worker-1', text: 'two' });
  agent.observed.linked = true;
  agent.breaks = true;
  await desk.send({ id: 'worker-1', text: 'three' });
  await expect.poll(() => given).toEqual([]);
  agent.breaks = false;
  await expect
    .poll(() => {
      desk.deliver('worker-1');
      return given.slice(0, 3);
    })
    .toEqual(['one', 'two', 'three']);
});

test('a turn that was called off leaves the message waiting, any other failure ends it with the reason', async () => {
  const { desk, rows } = scene();
  const [first, second] = [
    await desk.send({ id: 'worker-1', text: 'one' }),
    await desk.send({ id: 'worker-1', text: 'two' }),
  ];
  await told(desk, 'message.failed', { id: first.id, how: 'broken-off' });
  await told(desk, 'message.failed', { id: second.id, how: 'api', error: 'overloaded' });
  expect(rows.map(({ receipt, reason }) => [receipt, reason])).toEqual([
    ['queued', null],
    ['refused', 'overloaded'],
  ]);
});

test('once delivered it stays delivered, however its turn ends', async () => {
  const { desk } = scene();
  const { id } = await desk.send({ id: 'worker-1', text: 'one' });
  await told(desk, 'message.delivered', { id });
  await told(desk, 'message.failed', { id, how: 'api', error: 'overloaded' });
  await expect(desk.show({ id })).resolves.toMatchObject({ receipt: 'delivered' });
});

test('what an agent is to know of a rollback is said before the next message', async () => {
  const { desk, given } = scene({}, 'The files were set back.');
  await desk.send({ id: 'worker-1', text: 'go on' });
  await expect.poll(() => given).toEqual(['The files were set back.\n\ngo on']);
});

test('a message is refused where there is no conversation, and by one that is stopped', async () => {
  const shell = scene({ kind: 'shell' });
  await expect(shell.desk.send({ id: 'worker-1', text: 'hello' })).rejects.toMatchObject({ code: 'no-conversation' });
  const stopped = scene({ desired: 'stopped' });
  await expect(stopped.desk.send({ id: 'worker-1', text: 'hello' })).rejects.toMatchObject({
    code: 'agent-stopped',
    hint: expect.stringContaining('swarm resume worker-1'),
  });
  expect([...shell.rows, ...stopped.rows]).toEqual([]);
});
