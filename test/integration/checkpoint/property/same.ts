/** Throws what is there and should not be, and what is missing. */
export function same(found: unknown, expected: unknown, what: string): void {
  const [a = [], b = []] = [found, expected].map((value) => JSON.stringify(value, null, 1).split('\n'));
  if (a.join('\n') === b.join('\n')) return;
  const [now, then] = [new Set(a), new Set(b)];
  const more = a.filter((line) => !then.has(line)).slice(0, 12);
  const less = b.filter((line) => !now.has(line)).slice(0, 12);
  throw new Error(`${what}\nthere, but should not be:\n${more.join('\n')}\nmissing:\n${less.join('\n')}`);
}
