import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BrokerPaths } from './config.ts';

/** The last 3.x, whose data 4.x reads; those before must have been under it. */
const LAST_OF_3 = 13;

/** Data that a node cannot read were put aside before it started. */
export interface PutAside {
  from: string;
  to: string;
  /** Where they lie now. */
  place: string;
  /** How many messages that only they held are copied, and come back. */
  rescued: number;
  /** Whether those are all. */
  complete: boolean;
}

/** Whether RabbitMQ `by` takes up data that RabbitMQ `written` has left. Unknown versions: it is tried. Pure. */
export function canRead(written: string, by: string): boolean {
  const [[was, wasMinor], [is, isMinor]] = [numbers(written), numbers(by)];
  if ([was, wasMinor, is, isMinor].some((part) => Number.isNaN(part))) return true;
  if (is < was || (is === was && isMinor < wasMinor)) return false;
  return !(was === 3 && is > 3 && wasMinor < LAST_OF_3) && !(was < 3 && is > was);
}

/**
 * Whether a node that ended says that its data are the trouble: they came over several versions (3.10, 3.13, 4.0) and
 * lack a feature flag, or nothing is known of who wrote them. Pure.
 * @param lines its output: the reason stands long before the end
 */
export function refusesData(lines: readonly string[]): boolean {
  return lines.some((line) => /required[ _]feature[ _]flag|table_missing|schema_integrity_check_failed/i.test(line));
}

function numbers(version: string): [major: number, minor: number] {
  const [major, minor] = version.split('.').map(Number);
  return [major ?? NaN, minor ?? NaN];
}

/**
 * Puts data aside that RabbitMQ `by` cannot read; nothing of them is removed. What was queued is queued again from the
 * stores of the projects, and what only the data held from the copies.
 * @param written version that wrote them; null: unknown
 * @param complete whether the copies are those of the end of these data
 * @param refused whether `by` has said so itself
 */
export async function putAside(
  paths: BrokerPaths,
  { written, by, complete, refused }: { written: string | null; by: string; complete: boolean; refused: boolean },
): Promise<PutAside | null> {
  const known = written !== null && !canRead(written, by);
  if (!(known || (refused && written !== by)) || !existsSync(paths.data)) return null;
  const begin = `${paths.data}-${written ?? 'unknown'}`;
  let place = begin;
  for (let count = 2; existsSync(place); count += 1) place = `${begin}.${count}`;
  // First: copies that are there too early are messages twice, those that are there too late are lost.
  const rescued = await rescue(paths);
  await rename(paths.data, place);
  return { from: written ?? 'another version', to: by, place, rescued, complete };
}

/** Hands the copies to the projects. Those of an earlier time may still lie there, of a project that was not up since. */
async function rescue({ copies, rescued }: BrokerPaths): Promise<number> {
  if (!existsSync(copies)) return 0;
  await mkdir(rescued, { recursive: true, mode: 0o700 });
  let count = 0;
  for (const name of await readdir(copies)) {
    if (!name.endsWith('.jsonl')) continue;
    const text = await readFile(path.join(copies, name), 'utf8');
    await appendFile(path.join(rescued, name), text, { mode: 0o600 });
    await rm(path.join(copies, name));
    count += text.split('\n').length - 1;
  }
  return count;
}

/** For people. Pure. */
export function asideText({ from, to, place, rescued, complete }: PutAside): string {
  const back = rescued === 0 ? '' : `, ${rescued} ${rescued === 1 ? 'message comes' : 'messages come'} back`;
  const missing = complete ? '' : '; a submission or dead letter of its last moment may be there alone';
  return `RabbitMQ ${to} cannot read the data of ${from}: it began anew, they lie in ${place}; tasks go on${back}${missing}`;
}
