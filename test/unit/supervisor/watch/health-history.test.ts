import { describe, expect, test } from 'vitest';
import { historyOf } from '../../../../src/health/index.ts';
import { documentSchemas } from '../../../../src/api/document-schemas.ts';
import { HealthHistory } from '../../../../src/supervisor/watch/health-history.ts';
import { EventLog } from '../../../../src/supervisor/project/event-log.ts';
import { Store } from '../../../../src/store/store.ts';
import { NO_USAGE } from '../../../../src/domain/agent.ts';
import { shareText } from '../../../../src/cli/say/history.ts';
import { BEGIN, settled, silentLog } from '../kit.ts';

const HOUR = 3_600_000;
const fail = (error: unknown): void => {
  throw error;
};

describe('what became of an agent', () => {
  const at = (hour: number, status: 'idle' | 'working' | 'unknown') => ({ status, reason: null, at: hour * HOUR });

  test('is cut to the day, and what holds now goes on', () => {
    const { from, intervals, lasted } = historyOf(
      [at(0, 'idle'), at(20, 'working'), at(30, 'idle')],
      10 * HOUR,
      34 * HOUR,
    );
    expect(from).toBe(10 * HOUR);
    expect(intervals.map(({ status, since, until }) => [status, since / HOUR, until / HOUR])).toEqual([
      ['idle', 10, 20],
      ['working', 20, 30],
      ['idle', 30, 34],
    ]);
    expect(lasted).toEqual({ idle: 14 * HOUR, working: 10 * HOUR });
    expect(shareText([{ lasted }])).toBe('idle 58 %, working 42 %');
  });

  test('says the same once, and bears a clock that was set back', () => {
    expect(historyOf([at(1, 'idle'), at(2, 'idle')], 0, 3 * HOUR).intervals).toHaveLength(1);
    const { intervals } = historyOf([at(5, 'idle'), at(2, 'working'), at(9, 'idle')], 0, 10 * HOUR);
    expect(intervals.every(({ since, until }) => until >= since)).toBe(true);
    expect(historyOf([], 0, 1)).toEqual({ from: 1, intervals: [], lasted: {} });
  });
});

describe('the history in the store', () => {
  function scene() {
    const store = Store.memory();
    const log = new EventLog(store.events, fail);
    const history = new HealthHistory({ store, events: log, log: silentLog });
    const emit = async (status: string, at: number, reason = ''): Promise<void> => {
      log.tell(`agent.status.${status}`, { agent: 'worker-1', at: new Date(at).toISOString(), data: { reason } });
      await log.drain();
      await settled();
    };
    return { store, history, emit };
  }

  test('is made of the events, fits its schema, and keeps no more than a day', async () => {
    const { store, history, emit } = scene();
    await emit('idle', BEGIN);
    await emit('working', BEGIN + HOUR, 't1 running');
    const document = history.document('worker-1', BEGIN + 2 * HOUR);
    expect(documentSchemas.history.parse(document)).toEqual(document);
    expect(document.intervals).toMatchObject([
      { status: 'idle', ms: HOUR },
      { status: 'working', reason: 't1 running', ms: HOUR },
    ]);
    for (let n = 0; n < 600; n += 1) await emit(n % 2 === 0 ? 'idle' : 'working', BEGIN + 30 * HOUR + n);
    expect(store.health.of('worker-1', 0)[0]).toMatchObject({ status: 'working', at: BEGIN + HOUR });
    // After the next clearing, all that is left of the first day is the status that held when the last day began.
    for (let n = 0; n < 600; n += 1) await emit(n % 2 === 0 ? 'idle' : 'working', BEGIN + 90 * HOUR + n);
    expect(store.health.of('worker-1', 0)[0]?.at).toBe(BEGIN + 30 * HOUR + 599);
  });

  test('does not claim to know what was while no supervisor was there', async () => {
    const { store, history, emit } = scene();
    const agent = { role: 'worker', kind: 'claude', desired: 'up', spec: null, sessionId: null, restarts: 0 } as const;
    for (const id of ['worker-1', 'worker-2'])
      await store.agents.put({ ...agent, id, checkpoint: null, usage: NO_USAGE, createdAt: 0 });
    await emit('idle', BEGIN);
    await history.absent(BEGIN + HOUR, BEGIN + HOUR + 1_000);
    await history.absent(null, BEGIN + HOUR);
    expect(store.health.of('worker-1', 0)).toHaveLength(1);
    await history.absent(BEGIN + HOUR, BEGIN + 3 * HOUR);
    await emit('idle', BEGIN + 3 * HOUR);
    expect(
      history.document('worker-1', BEGIN + 4 * HOUR).intervals.map(({ status, ms }) => [status, ms / HOUR]),
    ).toEqual([
      ['idle', 1],
      ['unknown', 2],
      ['idle', 1],
    ]);
    expect(history.document('worker-2', BEGIN + 4 * HOUR).intervals).toEqual([]);
  });
});
