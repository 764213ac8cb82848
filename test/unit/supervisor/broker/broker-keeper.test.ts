import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SwarmError } from '../../../../src/domain/errors.ts';
import { BrokerKeeper } from '../../../../src/supervisor/broker/broker-keeper.ts';
import { silentLog } from '../kit.ts';

const NODE = { url: 'amqp://swarm:secret@127.0.0.1:5673/v', publicUrl: 'amqp://127.0.0.1:5673/v', pid: 99 };
const MISSING = new SwarmError('no-rabbitmq', 'RabbitMQ is not installed', { hint: 'Install it.' });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function scene({ url = null as string | null } = {}) {
  const calls = { ensure: 0, join: 0, leave: 0, stop: 0 };
  const urls: (string | null)[] = [];
  const states: string[] = [];
  let ensure: (signal: AbortSignal) => Promise<typeof NODE & { note?: string }> = async () => NODE;
  let others = false;
  let install: { state: string; log: string } | null = null;
  const keeper = new BrokerKeeper({
    url,
    log: silentLog,
    broker: {
      ensure: (signal) => {
        calls.ensure += 1;
        return ensure(signal);
      },
      join: async () => void (calls.join += 1),
      leave: async () => {
        calls.leave += 1;
        return { last: !others };
      },
      stop: async () => void (calls.stop += 1),
      installing: async () => install,
    },
    onUrl: (value) => urls.push(value),
    onChange: (state) => states.push(state.state),
  });
  return {
    keeper,
    calls,
    urls,
    states,
    shared: () => (others = true),
    installs: (value: typeof install) => (install = value),
    becomes: (next: typeof ensure) => (ensure = next),
  };
}

const soon = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

test('the node is started once, and up when it is connected', async () => {
  const { keeper, calls, urls, states } = scene();
  expect(keeper.state).toMatchObject({ state: 'starting', private: true, url: null });
  keeper.begin();
  keeper.begin();
  await soon();
  expect(calls).toMatchObject({ ensure: 1, join: 1 });
  expect(urls).toEqual([NODE.url]);
  expect(keeper.state).toMatchObject({ state: 'starting', url: NODE.publicUrl, pid: 99 });
  keeper.connected();
  expect(keeper.state).toMatchObject({ state: 'up', reason: null });
  expect(JSON.stringify(keeper.state)).not.toContain('secret');
  keeper.begin();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states.at(-1)).toBe('up');
});

test('a node that is gone is started again at once', async () => {
  const { keeper, calls } = scene();
  keeper.begin();
  await soon();
  keeper.connected();
  await vi.advanceTimersByTimeAsync(60_000);
  keeper.disconnected('connection reset');
  expect(keeper.state).toMatchObject({ state: 'down', reason: 'connection reset' });
  await soon();
  expect(calls.ensure).toBe(2);
});

test('a node that lives and refuses us is not asked round and round, and says why it is down', async () => {
  const { keeper, calls } = scene();
  keeper.begin();
  // As the connection does: whenever it is given the URL it dials at once, and is refused at once.
  for (let ms = 0; ms < 60_000; ms += 10) {
    await vi.advanceTimersByTimeAsync(10);
    keeper.disconnected('PRECONDITION_FAILED');
  }
  expect(calls.ensure).toBeGreaterThan(4);
  expect(calls.ensure).toBeLessThan(10);
  expect(keeper.state).toMatchObject({ state: 'down', reason: 'PRECONDITION_FAILED' });
});

test('a connection that breaks at once again and again is not taken for a cure', async () => {
  const { keeper, calls } = scene();
  keeper.begin();
  for (let ms = 0; ms < 60_000; ms += 10) {
    await vi.advanceTimersByTimeAsync(10);
    keeper.connected();
    keeper.disconnected('closed by the broker');
  }
  expect(calls.ensure).toBeLessThan(10);
});

test('while RabbitMQ is not installed that is looked for every second, and told once', async () => {
  const { keeper, calls, states, becomes } = scene();
  becomes(() => Promise.reject(MISSING));
  keeper.begin();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls.ensure).toBeGreaterThan(50);
  expect(states).toEqual(['absent']);
  expect(keeper.state.reason).toBe('RabbitMQ is not installed. Install it.');
  becomes(async () => NODE);
  await vi.advanceTimersByTimeAsync(1_000);
  keeper.connected();
  expect(keeper.state.state).toBe('up');
});

test('an installation under way is told, and one that failed names its log', async () => {
  const { keeper, states, becomes, installs } = scene();
  becomes(() => Promise.reject(MISSING));
  installs({ state: 'installing', log: '/log' });
  keeper.begin();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(states).toEqual(['installing']);
  installs({ state: 'failed', log: '/log' });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(keeper.state).toMatchObject({
    state: 'absent',
    reason: 'RabbitMQ is not installed (its installation failed, see /log). Install it.',
  });
});

test('a boot that fails is tried again ever more rarely, with its reason', async () => {
  const { keeper, calls, becomes } = scene();
  becomes(async () => {
    throw new SwarmError('broker-boot-failed', 'it does not boot');
  });
  keeper.begin();
  await soon();
  expect(keeper.state).toMatchObject({ state: 'down', reason: 'it does not boot' });
  await vi.advanceTimersByTimeAsync(300_000);
  expect(calls.ensure).toBeGreaterThan(15);
  expect(calls.ensure).toBeLessThan(26);
});

test('while a boot is tried again its last reason stays, until it works', async () => {
  const { keeper, states, becomes } = scene();
  becomes(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    throw new SwarmError('broker-boot-failed', 'it does not boot');
  });
  keeper.begin();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states.slice(-1)).toEqual(['down']);
  expect(states.lastIndexOf('starting')).toBeLessThan(states.indexOf('down'));
  expect(keeper.state).toMatchObject({ state: 'down', reason: 'it does not boot' });
  becomes(async () => NODE);
  await vi.advanceTimersByTimeAsync(30_000);
  keeper.connected();
  expect(keeper.state).toMatchObject({ state: 'up', reason: null });
});

test('what people should know of a start is told with the connection, and not with the next one', async () => {
  const { keeper, becomes } = scene();
  becomes(async () => ({ ...NODE, note: 'data were put aside' }));
  keeper.begin();
  await soon();
  keeper.connected();
  expect(keeper.state).toMatchObject({ state: 'up', reason: 'data were put aside' });
  becomes(async () => NODE);
  await vi.advanceTimersByTimeAsync(10_000);
  keeper.disconnected('connection reset');
  await soon();
  keeper.connected();
  expect(keeper.state).toMatchObject({ state: 'up', reason: null });
});

test('only a boot that takes its time is shown as one', async () => {
  const { keeper, states, becomes } = scene();
  becomes(() => Promise.reject(MISSING));
  keeper.begin();
  await soon();
  const boot = Promise.withResolvers<typeof NODE>();
  becomes(() => boot.promise);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(states).toEqual(['absent', 'starting']);
});

test("a broker that is not swarm's is only reported on, without its password", async () => {
  const { keeper, calls, urls } = scene({ url: 'amqps://me:secret@rabbit.example/' });
  keeper.begin();
  expect(urls).toEqual(['amqps://me:secret@rabbit.example/']);
  keeper.disconnected('ENOTFOUND');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(keeper.state).toMatchObject({
    state: 'down',
    private: false,
    reason: 'ENOTFOUND',
    url: 'amqps://rabbit.example/',
  });
  expect(calls).toEqual({ ensure: 0, join: 0, leave: 0, stop: 0 });
  await keeper.close(true);
  expect(calls.leave).toBe(0);
});

test('the last project stops the node, another one and a mere restart leave it alone', async () => {
  for (const [everything, shared, stops] of [
    [true, false, 1],
    [true, true, 0],
    [false, false, 0],
  ] as const) {
    const w = scene();
    if (shared) w.shared();
    w.keeper.begin();
    await soon();
    await w.keeper.close(everything);
    expect(w.calls).toMatchObject({ leave: everything ? 1 : 0, stop: stops });
  }
});

test('a close cuts a start short and nothing follows it', async () => {
  const { keeper, calls, urls, becomes } = scene();
  becomes(
    (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('given up')));
      }),
  );
  keeper.begin();
  await soon();
  await keeper.close(false);
  keeper.disconnected('too late');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls.ensure).toBe(1);
  expect(urls).toEqual([]);
});
