import { describe, expect, test } from 'vitest';
import { encodeJsonLine, JsonLines } from '../../../src/lib/json-lines.ts';
import { KeyedMutex } from '../../../src/lib/mutex.ts';
import { editDistance, nearest } from '../../../src/lib/nearest.ts';

describe('JSON lines', () => {
  test('a stream cut at every byte gives the same values', () => {
    const values = [{ text: 'first\nsecond 🐝 ü' }, [1, 2], 'x', null];
    const bytes = Buffer.from(values.map(encodeJsonLine).join(''));
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const lines = new JsonLines();
      const got = [...lines.push(bytes.subarray(0, cut)), ...lines.push(bytes.subarray(cut))];
      expect(got).toEqual(values.map((value) => ({ ok: true, value })));
      expect(lines.pendingBytes).toBe(0);
    }
  });

  test('a bad line is told and the next one still read; blank lines are nothing', () => {
    const got = new JsonLines().push(Buffer.from('{"a":\n\n\n{"a":1}\n'));
    expect(got).toEqual([
      { ok: false, reason: expect.stringContaining('not JSON') },
      { ok: true, value: { a: 1 } },
    ]);
  });

  test('bytes that are not UTF-8 are refused, not replaced', () => {
    expect(new JsonLines().push(Buffer.from([0x22, 0xff, 0x22, 0x0a]))[0]).toMatchObject({ ok: false });
  });

  test('a line without end cannot fill the memory', () => {
    const lines = new JsonLines(100);
    expect(lines.push(Buffer.alloc(100, 'x'))).toEqual([]);
    expect(() => lines.push(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'line-too-long' }));
    expect(lines.pendingBytes).toBe(0);
  });
});

describe('the keyed mutex', () => {
  test('one at a time per key, in order; other keys are not held up', async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    const gate = Promise.withResolvers<void>();
    const a1 = mutex.run('a', async () => {
      log.push('a1 in');
      await gate.promise;
      log.push('a1 out');
    });
    const a2 = mutex.run('a', () => log.push('a2'));
    await mutex.run('b', () => log.push('b'));
    expect(log).toEqual(['a1 in', 'b']);
    gate.resolve();
    await Promise.all([a1, a2]);
    expect(log).toEqual(['a1 in', 'b', 'a1 out', 'a2']);
    await Promise.resolve();
    expect(mutex.held('a')).toBe(false);
  });

  test('a failure goes to its caller and not to the next', async () => {
    const mutex = new KeyedMutex();
    const failing = mutex.run('a', () => Promise.reject(new Error('mine')));
    const next = mutex.run('a', () => 'fine');
    await expect(failing).rejects.toThrow('mine');
    expect(await next).toBe('fine');
  });

  test('a call that is aborted while it waits never runs, and does not let the next one in early', async () => {
    const mutex = new KeyedMutex();
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const first = mutex.run('a', () => gate.promise);
    const scope = new AbortController();
    const second = mutex.run('a', () => log.push('second'), scope.signal);
    const third = mutex.run('a', () => log.push('third'));
    scope.abort(new Error('gave up'));
    await expect(second).rejects.toThrow('gave up');
    expect(log).toEqual([]);
    gate.resolve();
    await Promise.all([first, third]);
    expect(log).toEqual(['third']);
  });
});

describe('nearest names', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['worker', 'wroker', 1],
    ['ca', 'abc', 3],
  ])('%j and %j are %i apart', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

  test('near misses first, then prefixes, nothing far', () => {
    const names = ['status', 'stop', 'start', 'checkpoint', 'attach'];
    expect(nearest('statsu', names)[0]).toBe('status');
    expect(nearest('check', names)).toEqual(['checkpoint']);
    expect(nearest('STOP', names)[0]).toBe('stop');
    expect(nearest('frobnicate', names)).toEqual([]);
  });
});
