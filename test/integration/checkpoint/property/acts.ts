import { execFileSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { journalPath } from '../../../../src/checkpoint/restore/journal.ts';
import type { CheckpointStore } from '../../../../src/checkpoint/store.ts';
import type { CheckpointLimits } from '../../../../src/checkpoint/tree/types.ts';
import { SwarmError } from '../../../../src/domain/errors.ts';
import type { Disk } from './disk.ts';
import { killAtRandom } from './kill.ts';
import type { Place } from './operations.ts';

export interface Stage {
  place: Place;
  store: CheckpointStore;
  limits: CheckpointLimits;
  /** Null: this machine does not allow a mount. */
  disk: Disk | null;
  victim: string;
  story: string[];
}

/** The outcome of a capture or a rollback. */
export interface Tried {
  /** False: it had ended before the mishap came. */
  befell: boolean;
  /** Why it was not done. */
  error: string | null;
  /** The checkpoint of the files before, named by a rollback. */
  safety: number | null;
}

/** A mishap during a capture (`n` is null) or a rollback to `n`. Null: nothing was tried. */
export type Act = (stage: Stage, n: number | null) => Promise<Tried | null>;

const PAGE = 4_096;

async function tried(work: () => Promise<{ safety: number | null }>, codes: readonly string[]): Promise<Tried> {
  try {
    return { befell: true, error: null, safety: (await work()).safety };
  } catch (error) {
    // One line for a person, with a cure; never Node's text for a system call.
    if (!(error instanceof SwarmError) || error.hint === undefined || !codes.includes(error.code)) throw error;
    return { befell: true, error: `${error.code}: ${error.message}`, safety: null };
  }
}

const go = async ({ store }: Stage, n: number | null): Promise<{ safety: number | null }> => {
  if (n !== null) return store.rollback(n);
  await store.capture({ reason: 'something befalls it' });
  return { safety: null };
};

/** Waits for a random moment: after the rollback has begun to change files, or before. */
async function randomMoment({ place }: Stage, n: number | null): Promise<void> {
  const { random, store } = place;
  if (n === null || random.chance(0.3)) {
    await delay(random.below(n === null ? 30 : 60));
    return;
  }
  for (let at = 0; at < 2_000 && !existsSync(journalPath(store.place)); at += 1) await delay(1);
  await delay(random.below(12));
}

const diskFull: Act = async (stage, n) => {
  const { disk, place } = stage;
  if (disk === null) return null;
  const room = PAGE * place.random.below(n === null ? 40 : 60);
  const later = n !== null && place.random.chance(0.6);
  try {
    if (!later) disk.leave(room);
    const work = tried(() => go(stage, n), ['disk-full']);
    if (later) {
      await randomMoment(stage, n);
      disk.leave(PAGE * place.random.below(4));
    }
    return await work;
  } finally {
    disk.leave(null);
  }
};

const readOnly: Act = async (stage, n) => {
  const { disk } = stage;
  if (disk === null) return null;
  const work = tried(() => go(stage, n), ['read-only']);
  let ended = false;
  const noted = work.finally(() => (ended = true));
  noted.catch(() => undefined);
  try {
    await randomMoment(stage, n);
    while (!ended && !disk.setReadOnly(true)) await delay(1);
    return await noted;
  } finally {
    disk.setReadOnly(false);
  }
};

const killed: Act = async (stage, n) => {
  const { place, limits, victim, story } = stage;
  const { moment, through } = await killAtRandom(place, victim, { limits, rollback: n });
  story.push(moment);
  return { befell: through === null, error: through === null ? 'killed' : null, safety: through?.safety ?? null };
};

/** Collects garbage between any two gits that the capture or the rollback starts. */
const collected: Act = async (stage, n) => {
  const { place } = stage;
  let left = 1 + place.random.below(n === null ? 10 : 14);
  const collect = (): void => {
    left -= 1;
    if (left !== 0) return;
    const args = ['gc', '-q', '--prune=now'];
    execFileSync('git', args, { cwd: place.repository.root, stdio: 'ignore' });
  };
  subscribe('child_process', collect);
  try {
    const done = await tried(() => go(stage, n), []);
    return { ...done, befell: left <= 0 };
  } finally {
    unsubscribe('child_process', collect);
  }
};

const MOST_PATIENCE_MS = 400;

/** Another git holds the person's index for a moment; in one of ten cases for longer than swarm waits. */
const indexLocked: Act = async (stage, n) => {
  const { place } = stage;
  const lock = path.join(place.gitDir, 'index.lock');
  if (existsSync(lock)) return null;
  writeFileSync(lock, '');
  const forLong = n === null || place.random.chance(0.1);
  const work = tried(() => go(stage, n), forLong && n !== null ? ['index-locked'] : []);
  if (!forLong) {
    await delay(place.random.below(MOST_PATIENCE_MS));
    rmSync(lock);
  }
  const done = await work;
  if (forLong) rmSync(lock);
  return done;
};

export const nothing: Act = async (stage, n) => tried(() => go(stage, n), []);

/** In turn, so that each occurs as often as it is listed here. */
export const CAPTURES: readonly (readonly [string, Act])[] = [
  ['capture', nothing],
  ['killed while capturing', killed],
  ['disk full while capturing', diskFull],
  ['killed while capturing', killed],
  ['git gc --prune=now while capturing', collected],
  ['killed while capturing', killed],
  ['read-only while capturing', readOnly],
  ['killed while capturing', killed],
  ['index.lock held while capturing', indexLocked],
];
export const ROLLBACKS: readonly (readonly [string, Act])[] = [
  ['killed while restoring', killed],
  ['disk full while restoring', diskFull],
  ['rollback', nothing],
  ['killed while restoring', killed],
  ['read-only while restoring', readOnly],
  ['killed while restoring', killed],
  ['git gc --prune=now while restoring', collected],
  ['index.lock held while restoring', indexLocked],
  ['killed while restoring', killed],
  ['disk full while restoring', diskFull],
  ['rollback', nothing],
];
