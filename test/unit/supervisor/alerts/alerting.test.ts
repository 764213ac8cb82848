import { expect, test } from 'vitest';
import type { AlertDocument } from '../../../../src/api/alerts/schemas.ts';
import { SwarmError } from '../../../../src/domain/errors.ts';
import type { AlertSink } from '../../../../src/supervisor/alerts/alert-sinks.ts';
import type { Observed, OpenAlert } from '../../../../src/health/index.ts';
import { Alerting } from '../../../../src/supervisor/alerts/alerting.ts';
import { events, settled, silentLog, Time } from '../kit.ts';

const WELL: Observed = { agents: [], broker: { state: 'up', since: 0, reason: null }, refused: null };

/** Conditions, sinks and the store, over one supervisor after the other. */
function scene() {
  const time = new Time();
  let kept: readonly OpenAlert[] = [];
  let observed = WELL;
  const told: string[] = [];
  const shown: number[] = [];
  /** Set: a sink has not taken the alert in yet. */
  let gate: PromiseWithResolvers<void> | null = null;
  let broken: Error | null = null;
  const sink = async ({ state, key }: AlertDocument): Promise<void> => {
    await gate?.promise;
    if (broken !== null) throw broken;
    told.push(`${state} ${key}`);
  };
  return {
    time,
    told,
    shown,
    wrong: (change: Partial<Observed>) => (observed = { ...WELL, ...change }),
    stuck: () =>
      (observed = {
        ...WELL,
        agents: [{ id: 'worker-1', status: 'stuck', since: new Date(time.now()).toISOString(), reason: null }],
      }),
    breakDown: (error: Error | null) => (broken = error),
    hold: () => (gate = Promise.withResolvers<void>()),
    next: () =>
      new Alerting({
        log: silentLog,
        events: events().log,
        now: time.now,
        observe: () => observed,
        sinks: new Map<string, AlertSink>([
          ['slow', sink],
          ['quick', async () => 'unasked' as const],
        ]),
        onOpen: (count) => shown.push(count),
        memory: { read: () => kept, write: async (open) => void (kept = structuredClone(open)) },
      }),
    async run(alerting: Alerting, seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second += 1) {
        alerting.tick();
        await settled(1);
        time.pass(1_000);
      }
    },
  };
}

test('a trouble that lasts while the supervisor is replaced is told once', async () => {
  const w = scene();
  w.stuck();
  await w.run(w.next(), 3);
  // Not over at once: agents have to be found again first.
  w.wrong({});
  const next = w.next();
  await w.run(next, 20);
  expect(w.shown.at(-1), 'and the status line shows it all the while').toBe(1);
  w.stuck();
  await w.run(next, 120);
  expect(w.told).toEqual(['raised agent.stuck.worker-1']);
  expect((await next.list()).map(({ key }) => key)).toEqual(['agent.stuck.worker-1']);
});

test('a trouble that was over while there was no supervisor is told to be over by the next, once', async () => {
  const w = scene();
  w.stuck();
  await w.run(w.next(), 3);
  w.wrong({});
  w.time.pass(3_600_000);
  await w.run(w.next(), 90);
  await w.run(w.next(), 90);
  expect(w.told).toEqual(['raised agent.stuck.worker-1', 'recovered agent.stuck.worker-1']);
});

test('what takes a while to be told anew is no new trouble', async () => {
  const w = scene();
  w.wrong({ broker: { state: 'down', since: 0, reason: null } });
  await w.run(w.next(), 3);
  w.wrong({ broker: { state: 'down', since: w.time.now(), reason: null } });
  await w.run(w.next(), 120);
  expect(w.told).toEqual(['raised broker']);
});

test('a supervisor that dies before it has passed an alert on leaves it to the next', async () => {
  const w = scene();
  w.stuck();
  w.hold();
  await w.run(w.next(), 3);
  expect(w.told).toEqual([]);
  const next = w.next();
  w.hold().resolve();
  await w.run(next, 3);
  expect(w.told).toEqual(['raised agent.stuck.worker-1']);
});

test('a down ends every trouble at once, and the next up knows of none', async () => {
  const w = scene();
  w.stuck();
  const first = w.next();
  await w.run(first, 3);
  w.wrong({ goingDown: true });
  await first.close();
  expect(w.told).toEqual(['raised agent.stuck.worker-1', 'recovered agent.stuck.worker-1']);
  w.wrong({});
  expect(await w.next().list()).toEqual([]);
});

test('one that goes and leaves the fleet alone tells nothing at its end', async () => {
  const w = scene();
  const first = w.next();
  await w.run(first, 3);
  w.stuck();
  await first.close();
  await w.run(w.next(), 3);
  expect(w.told).toEqual(['raised agent.stuck.worker-1']);
});

test('a sink that gets no alert is reported until one gets through', async () => {
  const w = scene();
  const alerting = w.next();
  await w.run(alerting, 1);
  w.breakDown(new SwarmError('cannot-start', 'nope cannot be started', { hint: 'Install it.' }));
  w.wrong({ refused: 'line 3' });
  await w.run(alerting, 2);
  expect(alerting.untold).toEqual(['slow: an alert did not get through, nope cannot be started. Install it.']);
  w.breakDown(null);
  w.wrong({});
  await w.run(alerting, 20);
  expect(alerting.untold).toEqual([]);
});
