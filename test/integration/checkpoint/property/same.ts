import type { Observed } from './observer.ts';

/** Throws the found lines that are not expected, and the missing ones. */
export function same(found: unknown, expected: unknown, what: string): void {
  const difference = differenceOf(found, expected);
  if (difference !== null) throw new Error(`${what}\n${difference}`);
}

export function differenceOf(found: unknown, expected: unknown): string | null {
  const [a = [], b = []] = [found, expected].map((value) => JSON.stringify(value, listMaps, 1).split('\n'));
  if (a.join('\n') === b.join('\n')) return null;
  const [now, then] = [new Set(a), new Set(b)];
  const more = a.filter((line) => !then.has(line)).slice(0, 12);
  const less = b.filter((line) => !now.has(line)).slice(0, 12);
  return `there, but should not be:\n${more.join('\n')}\nmissing:\n${less.join('\n')}`;
}

const listMaps = (_key: string, value: unknown): unknown => (value instanceof Map ? [...value] : value);

/**
 * The expected state after a rollback from `before` to `then`, beside the found one `now`: files that cannot be read at
 * either time stay as they are, and of the refs only the branch moves.
 */
export function rolledBack(now: Observed, before: Observed, then: Observed): { found: unknown; expected: unknown } {
  const closed = new Set([...before.closed.keys(), ...then.closed.keys()]);
  const refs = new Map(before.refs);
  if (then.branch !== null && then.head !== null) refs.set(then.branch, then.head);
  if (then.branch !== null && then.head === null) refs.delete(then.branch);
  const open = (files: readonly string[]): string[] => files.filter((line) => !closed.has(line.split(' ')[0] ?? ''));
  return {
    found: { ...now, files: open(now.files), closed: pick(now.closed, before.closed), refs: sorted(now.refs) },
    expected: {
      ...then,
      files: open(then.files),
      untouched: before.untouched,
      closed: before.closed,
      refs: sorted(refs),
    },
  };
}

const sorted = (refs: ReadonlyMap<string, string>): [string, string][] =>
  [...refs].sort(([a], [b]) => (a < b ? -1 : 1));

const pick = (from: ReadonlyMap<string, string>, like: ReadonlyMap<string, string>): Map<string, string> =>
  new Map([...from].filter(([name]) => like.has(name)));
