import { describe, expect, test } from 'vitest';
import { SwarmError } from '../../../src/domain/errors.ts';
import { findCycle } from '../../../src/domain/cycle.ts';
import { nearIds, refuseCycle, unknownTask } from '../../../src/scheduler/dag.ts';

describe('cycles in a batch', () => {
  test('a diamond is none', () => {
    expect(findCycle([[1, 2], [3], [3], []])).toBeUndefined();
  });

  test('a task that waits for itself is one', () => {
    expect(findCycle([[], [1]])).toEqual([1, 1]);
  });

  test('a longer one is given in its order, without what only leads to it', () => {
    expect(findCycle([[1], [2], [3], [1]])).toEqual([1, 2, 3, 1]);
  });

  test('a chain of a hundred thousand tasks does not exhaust the stack', () => {
    const chain = Array.from({ length: 100_000 }, (_, at) => (at === 99_999 ? [] : [at + 1]));
    expect(findCycle(chain)).toBeUndefined();
    chain[99_999] = [0];
    expect(findCycle(chain)).toHaveLength(100_001);
  });

  test('the error names the tasks of the cycle', () => {
    const names = ['build', 'test'];
    expect(() => refuseCycle([[1], [0]], (place) => names[place] ?? '')).toThrow(/build → test → build/);
    const ring = Array.from({ length: 50 }, (_, at) => [(at + 1) % 50]);
    expect(() => refuseCycle(ring, String)).toThrow(/: 0 → 1 → 2 → 3 → 4 → 5 → 6 → 7 → 8 → … → 0\.$/);
  });
});

describe('a task that does not exist', () => {
  test('the nearest name is offered', () => {
    expect(unknownTask('biuld', ['build', 'test'], 't9')).toMatchObject({
      code: 'unknown-task',
      hint: 'Did you mean build?',
      exitCode: 2,
    });
  });

  test('where none is near, the newest is named, or that there is none', () => {
    expect(unknownTask('zzz', ['build'], 't9').hint).toContain('t9');
    expect(unknownTask('zzz', [], undefined)).toBeInstanceOf(SwarmError);
    expect(unknownTask('zzz', [], undefined).hint).toContain('no tasks yet');
  });

  test('ids a slip away are those with a digit too many or two swapped', () => {
    expect(nearIds('t21')).toEqual(expect.arrayContaining(['t1', 't2', 't12']));
    expect(nearIds('#100')).not.toContain('t00');
    expect(nearIds('build')).toEqual([]);
  });
});
