import { SwarmError } from './errors.ts';
import { FINAL_STATES, HELD_STATES, type TaskState } from './task.ts';

/** Every way in which a task's state may change. No other code writes a state. */
export type TaskChange =
  | 'unblock' // the last dependency is done
  | 'claim'
  | 'prepare' // back to preparing, as its wrapper reports it
  | 'work'
  | 'verify'
  | 'succeed'
  | 'succeed-late' // the result of a lost attempt arrived before another attempt began
  | 'requeue' // given back, or lost with another try at once
  | 'back-off'
  | 'due'
  | 'give-up'
  | 'cancel'
  | 'revive' // a person's retry; all dependencies are done
  | 'revive-blocked'; // a person's retry; a dependency is not done

const TRANSITIONS: Readonly<Record<TaskChange, { from: readonly TaskState[]; to: TaskState }>> = {
  unblock: { from: ['waiting'], to: 'ready' },
  claim: { from: ['ready'], to: 'leased' },
  prepare: { from: HELD_STATES, to: 'leased' },
  work: { from: HELD_STATES, to: 'running' },
  verify: { from: HELD_STATES, to: 'verifying' },
  succeed: { from: HELD_STATES, to: 'done' },
  'succeed-late': { from: ['ready', 'retrying'], to: 'done' },
  requeue: { from: HELD_STATES, to: 'ready' },
  'back-off': { from: HELD_STATES, to: 'retrying' },
  due: { from: ['retrying'], to: 'ready' },
  'give-up': { from: HELD_STATES, to: 'dead' },
  cancel: { from: ['waiting', 'ready', 'retrying', 'dead', ...HELD_STATES], to: 'cancelled' },
  revive: { from: ['dead', 'cancelled'], to: 'ready' },
  'revive-blocked': { from: ['dead', 'cancelled'], to: 'waiting' },
};

/** The state after `change`. Throws SwarmError `task-state` when the change does not start from the task's state. */
export function changeState(from: TaskState, change: TaskChange): TaskState {
  const { from: allowed, to } = TRANSITIONS[change];
  if (!allowed.includes(from)) {
    throw new SwarmError('task-state', `A task that is ${from} cannot ${change}; that needs ${allowed.join(' or ')}.`);
  }
  return to;
}

export function isHeld(state: TaskState): boolean {
  return HELD_STATES.includes(state);
}

export function isFinal(state: TaskState): boolean {
  return FINAL_STATES.includes(state);
}
