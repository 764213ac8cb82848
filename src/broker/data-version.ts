import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { BrokerPaths } from './config.ts';

/** The last 3.x, whose data 4.x reads; those before must have been under it. */
const LAST_OF_3 = 13;

/** Data that a node cannot read were put aside before it started. */
export interface PutAside {
  from: string;
  to: string;
  /** Where they lie now. */
  place: string;
}

/** Whether RabbitMQ `by` takes up data that RabbitMQ `written` has left. Unknown versions: it is tried. Pure. */
export function canRead(written: string, by: string): boolean {
  const [[was, wasMinor], [is, isMinor]] = [numbers(written), numbers(by)];
  if ([was, wasMinor, is, isMinor].some((part) => Number.isNaN(part))) return true;
  if (is < was || (is === was && isMinor < wasMinor)) return false;
  return !(was === 3 && is > 3 && wasMinor < LAST_OF_3) && !(was < 3 && is > was);
}

function numbers(version: string): [major: number, minor: number] {
  const [major, minor] = version.split('.').map(Number);
  return [major ?? NaN, minor ?? NaN];
}

/**
 * Puts data aside that RabbitMQ `by` cannot read; nothing of them is removed. What was queued is queued again from the
 * stores of the projects.
 * @param written version that wrote them; null: unknown
 */
export async function putAside(paths: BrokerPaths, written: string | null, by: string): Promise<PutAside | null> {
  if (written === null || canRead(written, by) || !existsSync(paths.data)) return null;
  const begin = `${paths.data}-${written}`;
  let place = begin;
  for (let count = 2; existsSync(place); count += 1) place = `${begin}.${count}`;
  await rename(paths.data, place);
  return { from: written, to: by, place };
}

/** For people. Pure. */
export function asideText({ from, to, place }: PutAside): string {
  return `RabbitMQ ${to} cannot read the data of ${from}: it began anew, they lie in ${place}; tasks go on`;
}
