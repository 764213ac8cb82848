/**
 * `node victim.mjs ORDER`: captures or rolls back, and kills itself with the n-th git that it starts, or a moment
 * later.
 */
import { subscribe } from 'node:diagnostics_channel';
import { CheckpointStore } from '../../../../src/checkpoint/store.ts';
import type { CheckpointLimits, CheckpointPlace } from '../../../../src/checkpoint/tree/types.ts';

export interface Order {
  place: CheckpointPlace;
  limits: CheckpointLimits;
  /** Number of the checkpoint to roll back to; null captures. */
  rollback: number | null;
  /** The number of the git that counts, from 1. */
  git: number;
  microseconds: number;
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
let started = 0;

function dieAt(when: number): void {
  if (performance.now() >= when) process.kill(process.pid, 'SIGKILL');
  // Disk operations under way go on meanwhile.
  else setImmediate(() => dieAt(when));
}

subscribe('child_process', () => {
  started += 1;
  if (started === order.git) dieAt(performance.now() + order.microseconds / 1000);
});
const store = new CheckpointStore(order.place, order.limits);
const done = order.rollback === null ? await store.capture({ reason: 'killed' }) : await store.rollback(order.rollback);
process.stdout.write(JSON.stringify(done));
