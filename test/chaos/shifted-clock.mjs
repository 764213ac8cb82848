// Loaded (--import=…) before every Node program of a swarm: its wall clock is off by the number of ms in
// the file of CHAOS_CLOCK, and jumps when that changes. Monotonic time and timers are not changed.
import { readFileSync } from 'node:fs';

const LOOK_MS = 20;
const file = process.env.CHAOS_CLOCK;
const now = Date.now;
let lookedAt = -Infinity;
let shift = 0;

function shifted() {
  if (performance.now() - lookedAt > LOOK_MS) {
    lookedAt = performance.now();
    shift = Number(readFileSync(file, 'utf8')) || 0;
  }
  return now() + shift;
}

if (file !== undefined) {
  Date.now = shifted;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [shifted()] : args, newTarget),
    apply: () => new Date(shifted()).toString(),
  });
}
