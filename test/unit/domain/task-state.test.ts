import { describe, expect, test } from 'vitest';
import { SwarmError } from '../../../src/domain/errors.ts';
import { looseTaskNumber, taskId, taskNumber } from '../../../src/domain/task-id.ts';
import { changeState, isFinal, isHeld, type TaskChange } from '../../../src/domain/task-state.ts';
import { TASK_STATES, type TaskState } from '../../../src/domain/task.ts';

const run = (changes: readonly TaskChange[], from: TaskState = 'waiting'): TaskState =>
  changes.reduce((state, change) => changeState(state, change), from);

describe('the life of a task', () => {
  test('goes from waiting to done', () => {
    expect(run(['unblock', 'claim', 'work', 'verify', 'work', 'verify', 'succeed'])).toBe('done');
  });

  test('comes back after a failure, a loss and a person’s retry', () => {
    expect(run(['unblock', 'claim', 'back-off', 'due', 'claim', 'requeue', 'claim', 'give-up', 'revive'])).toBe(
      'ready',
    );
    expect(run(['cancel', 'revive-blocked'])).toBe('waiting');
  });

  test('a done task never changes again', () => {
    const all: TaskChange[] = [
      'unblock',
      'claim',
      'prepare',
      'work',
      'verify',
      'succeed',
      'succeed-late',
      'requeue',
      'back-off',
      'due',
      'give-up',
      'cancel',
      'revive',
      'revive-blocked',
    ];
    for (const change of all) expect(() => changeState('done', change)).toThrow(SwarmError);
  });

  test('a change from the wrong state says what it needs', () => {
    expect(() => changeState('waiting', 'claim')).toThrow('A task that is waiting cannot claim; that needs ready.');
  });

  test('a task is held or final or neither, never both', () => {
    for (const state of TASK_STATES) expect(isHeld(state) && isFinal(state)).toBe(false);
    expect(TASK_STATES.filter(isHeld)).toEqual(['leased', 'running', 'verifying']);
    expect(TASK_STATES.filter(isFinal)).toEqual(['done', 'dead', 'cancelled']);
  });
});

describe('task ids', () => {
  test('are read strictly from programs and loosely from people', () => {
    expect(taskId(12)).toBe('t12');
    expect(taskNumber('t12')).toBe(12);
    for (const wrong of ['12', 't', 't0', 't01', 'T12', 't1.5', 't12 ', 't9999999999999999'])
      expect(taskNumber(wrong)).toBeUndefined();
    for (const typed of ['12', '#12', 'T12', ' t12 ']) expect(looseTaskNumber(typed)).toBe(12);
    expect(looseTaskNumber('build')).toBeUndefined();
  });
});
