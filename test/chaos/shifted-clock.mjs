// Loaded before the program (NODE_OPTIONS=--import=…) into everything of a swarm that runs on Node: its wall clock is
// off by what the file of CHAOS_CLOCK says, in ms, and jumps when that changes. Monotonic time and timers go on as ever.
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
