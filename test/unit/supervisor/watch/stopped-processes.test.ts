import { expect, test } from 'vitest';
import { Stops } from '../../../../src/supervisor/watch/stopped-processes.ts';
import { events, pane, record, says, snapshot, Time } from '../kit.ts';

function scene() {
  const time = new Time();
  const seen = events();
  const worker = record();
  worker.observed.pane = pane({ pid: 10 });
  const stopped = new Set<number>();
  const ran = new Set<number>();
  const asked: number[] = [];
  const resumed: number[] = [];
  const stops = new Stops(
    { events: seen.log, records: () => [worker], ran: (pid) => ran.has(pid) },
    {
      now: time.now,
      stopped: (pid) => {
        asked.push(pid);
        return stopped.has(pid) ? { pid, startTime: '1', bootId: 'b' } : null;
      },
      resume: ({ pid }) => {
        resumed.push(pid);
        return stopped.delete(pid);
      },
    },
  );
  return { time, seen, worker, stopped, ran, asked, resumed, stops };
}

test('a process that a signal has stopped is let go on after three seconds, and that is told', () => {
  const { time, seen, stopped, resumed, stops } = scene();
  stopped.add(10);
  stops.tick();
  time.pass(2_999);
  stops.tick();
  expect(resumed).toEqual([]);
  time.pass(1);
  stops.tick();
  expect(resumed).toEqual([10]);
  stops.tick();
  expect(resumed).toEqual([10]);
  return expect.poll(() => seen.names()).toEqual(['agent.resumed-process']);
});

test('one that goes on by itself meanwhile is left alone, also when it is stopped again', () => {
  const { time, stopped, resumed, stops } = scene();
  stopped.add(10);
  stops.tick();
  time.pass(2_000);
  stopped.clear();
  stops.tick();
  stopped.add(10);
  time.pass(1_000);
  stops.tick();
  time.pass(2_000);
  stops.tick();
  expect(resumed).toEqual([]);
});

test('what was just seen to run is not asked for, but for what was seen stopped since', () => {
  const { time, stopped, ran, asked, resumed, stops } = scene();
  ran.add(10);
  stops.tick();
  expect(asked).toEqual([]);
  stopped.add(10);
  ran.clear();
  stops.tick();
  // In a scan from before the stop it would seem to have gone on.
  ran.add(10);
  time.pass(3_000);
  stops.tick();
  expect([asked, resumed]).toEqual([[10, 10], [10]]);
});

test('what has no living pane has nothing to let go on', () => {
  const { time, worker, stopped, resumed, stops } = scene();
  worker.observed.pane = pane({ pid: 10, dead: true });
  stopped.add(10);
  stops.tick();
  time.pass(60_000);
  stops.tick();
  expect(resumed).toEqual([]);
});

test('Ctrl-Z in a pane is taken back once it is seen on the screen', async () => {
  const { seen, worker, resumed, stops, time } = scene();
  says(worker, snapshot('worker-1', { child: { pid: 11, startTime: '2', bootId: 'b' } }), time.now());
  const at = time.now();
  worker.signs = {
    transcriptAt: null,
    work: null,
    screen: { kind: 'suspended', text: 'Claude Code is suspended.', at },
    person: { attached: true, lastKeyAt: at },
    stopped: null,
    session: null,
    use: null,
  };
  stops.tick();
  stops.tick();
  expect(resumed).toEqual([11]);
  expect(worker.signs.screen).toBeNull();
  expect(seen.names()).toEqual([]);
});
