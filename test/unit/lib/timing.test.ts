import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Backoff, backoffDelay, FULL_JITTER, HALF_JITTER, jittered, NO_JITTER } from '../../../src/lib/backoff.ts';
import { sleep, systemClock } from '../../../src/lib/clock.ts';
import { coalesce } from '../../../src/lib/coalesce.ts';
import { formatDuration, parseDuration } from '../../../src/lib/duration.ts';
import { noteRestart } from '../../../src/lib/restart-window.ts';
import { waitFor } from '../../../src/lib/wait.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('backoff', () => {
  const rules = { baseMs: 100, capMs: 1000, jitter: FULL_JITTER };

  test('the upper bound doubles up to the cap', () => {
    const bounds = [1, 2, 3, 4, 5, 100, 10_000].map((attempt) => backoffDelay(rules, attempt, () => 0.999_999));
    expect(bounds).toEqual([99, 199, 399, 799, 999, 999, 999]);
  });

  test('the jitter is full: any delay down to zero', () => {
    expect(backoffDelay(rules, 5, () => 0)).toBe(0);
    expect(backoffDelay(rules, 5, () => 0.5)).toBe(500);
  });

  test.each([
    ['none leaves the delay as it is', NO_JITTER, 1000, 1000],
    ['half keeps the delay above its half', HALF_JITTER, 500, 999],
    ['any other lies between its two factors', [0.9, 1.1] as const, 900, 1099],
  ])('a jitter of %s', (_, jitter, least, most) => {
    expect(jittered(1000, jitter, () => 0)).toBe(least);
    expect(jittered(1000, jitter, () => 0.999_999)).toBe(most);
    expect([1, 2, 3].map((attempt) => backoffDelay({ ...rules, jitter }, attempt, () => 0))).toEqual(
      [100, 200, 400].map((ms) => (ms * least) / 1000),
    );
  });

  test('a reset begins the run again', () => {
    const backoff = new Backoff(rules, () => 0.5);
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([50, 100, 200]);
    expect(backoff.attempt).toBe(3);
    backoff.reset();
    expect(backoff.next()).toBe(50);
  });
});

describe('restart window', () => {
  const window = { intensity: 3, windowMs: 1000 };

  test('the restart above the intensity within the window is one too many', () => {
    let history: readonly number[] = [];
    const exceeded = [0, 100, 200, 300].map((now) => {
      const count = noteRestart(window, history, now);
      history = count.history;
      return count.exceeded;
    });
    expect(exceeded).toEqual([false, false, false, true]);
  });

  test('what is as old as the window no longer counts', () => {
    expect(noteRestart(window, [0, 100, 200], 1000)).toEqual({ history: [100, 200, 1000], exceeded: false });
  });

  test('a clock set back cannot keep restarts in the window for ever', () => {
    const count = noteRestart(window, [50_000], 100);
    expect(count.history).toEqual([100, 100]);
    expect(noteRestart(window, count.history, 1100).history).toEqual([1100]);
  });
});

describe('durations', () => {
  test.each([
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['2d 4h', 187_200_000],
    ['1m500ms', 60_500],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', ' ', '30', 'm', '-5m', '5m1h', '1x', '1h1h', 'Infinity'])('"%s" is refused', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'bad-duration', exitCode: 2 }));
  });

  test.each([
    [0, '0ms'],
    [999, '999ms'],
    [1500, '1.5s'],
    [9999, '10s'],
    [12_345, '12s'],
    [59_999, '1m'],
    [5_400_000, '1h30m'],
    [3_605_000, '1h'],
    [187_200_000, '2d4h'],
    [-1500, '-1.5s'],
  ])('%i ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('waiting', () => {
  const bounds = (clock: ManualClock) => ({ timeoutMs: 1000, intervalMs: 100, what: 'the bus', clock });

  test('gives the first answer that is not "not yet", zero and empty text included', async () => {
    const clock = new ManualClock();
    const answers = [undefined, null, false, 0];
    const waiting = waitFor<number>(() => answers.shift() as number, bounds(clock));
    await clock.advance(300);
    expect(await waiting).toBe(0);
  });

  test('gives up at the deadline and says what for', async () => {
    const clock = new ManualClock();
    const waiting = expect(waitFor(() => false, bounds(clock))).rejects.toMatchObject({
      code: 'timeout',
      exitCode: 3,
      message: 'gave up after 1.0 s waiting for the bus',
    });
    await clock.advance(1000);
    await waiting;
    expect(clock.pending).toBe(0);
  });

  test('a check that never settles does not outlast the deadline', async () => {
    const clock = new ManualClock();
    const waiting = expect(waitFor(() => new Promise<boolean>(() => undefined), bounds(clock))).rejects.toMatchObject({
      code: 'timeout',
    });
    await clock.advance(1000);
    await waiting;
  });

  test('a check that throws ends the wait with its own error', async () => {
    const broken = new Error('broken');
    await expect(waitFor(() => Promise.reject(broken), bounds(new ManualClock()))).rejects.toBe(broken);
  });

  test('an abort ends it with its reason', async () => {
    const clock = new ManualClock();
    const scope = new AbortController();
    const waiting = expect(waitFor(() => false, { ...bounds(clock), signal: scope.signal })).rejects.toThrow('enough');
    await clock.advance(250);
    scope.abort(new Error('enough'));
    await waiting;
    expect(clock.pending).toBe(0);
  });
});

describe('coalescing', () => {
  test('many calls become one at the end of the span, and flush and cancel act on what is asked for only', () => {
    vi.useFakeTimers();
    const fn = vi.fn<() => void>();
    const ask = coalesce(fn, 50);
    for (let n = 0; n < 10; n += 1) ask();
    vi.advanceTimersByTime(49);
    expect(fn).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(fn).toHaveBeenCalledTimes(1);
    ask.flush();
    expect(fn).toHaveBeenCalledTimes(1);
    ask();
    ask.flush();
    expect(fn).toHaveBeenCalledTimes(2);
    ask();
    ask.cancel();
    vi.advanceTimersByTime(1000);
    expect(fn).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });
});

describe('the system clock', () => {
  test('does not fire at once on a sleep longer than a timer can hold', async () => {
    const scope = new AbortController();
    const long = sleep(systemClock, 2 ** 40, scope.signal);
    const first = await Promise.race([long.then(() => 'slept'), sleep(systemClock, 20).then(() => 'still asleep')]);
    expect(first).toBe('still asleep');
    scope.abort(new Error('up'));
    await expect(long).rejects.toThrow('up');
  });

  test('a timer of a month waits a month, and can be taken back in its last week', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const month = parseDuration('30d');
    const run = vi.fn<() => void>();
    const cancelled = vi.fn<() => void>();
    systemClock.after(month, run);
    const cancel = systemClock.after(month, cancelled);
    vi.advanceTimersByTime(month - 1);
    expect(run).not.toHaveBeenCalled();
    cancel();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(month);
    expect(run).toHaveBeenCalledTimes(1);
    expect(cancelled).not.toHaveBeenCalled();
  });

  test('an aborted signal rejects at once', async () => {
    await expect(sleep(systemClock, 10_000, AbortSignal.abort(new Error('no')))).rejects.toThrow('no');
  });
});
