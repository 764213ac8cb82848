import { describe, expect, it } from 'vitest';
import { expired } from '../../../../src/checkpoint/keep/retention.ts';
import { looksSecret } from '../../../../src/checkpoint/tree/secrets.ts';
import { formatSize, parseSize } from '../../../../src/lib/size.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const now = Date.UTC(2030, 5, 30, 12);
const keep = { allMs: DAY, hourlyMs: 7 * DAY, dailyMs: 30 * DAY, count: 10_000 };

/** One every ten minutes for forty days, the newest now. */
const all = Array.from({ length: 40 * 144 }, (_, at) => {
  const n = at + 1;
  return { n, at: new Date(now - (40 * 144 - n) * 600_000).toISOString(), pinned: false };
});

const ages = (gone: readonly number[], checkpoints: typeof all): number[] => {
  const set = new Set(gone);
  return checkpoints.filter(({ n }) => !set.has(n)).map(({ at }) => (now - Date.parse(at)) / HOUR);
};

describe('what retention keeps', () => {
  it('is all of a day, one for each hour of a week, one for each day of a month', () => {
    const kept = ages(expired(all, keep, now), all);
    expect(kept.filter((age) => age <= 24)).toHaveLength(145);
    expect(kept.filter((age) => age > 24 && age <= 7 * 24)).toHaveLength(6 * 24);
    expect(kept.filter((age) => age > 7 * 24 && age <= 30 * 24)).toHaveLength(24);
    expect(kept.filter((age) => age > 30 * 24)).toEqual([]);
  });

  it('is the last one of each stretch, and the same when asked again', () => {
    const gone = new Set(expired(all, keep, now));
    const left = all.filter(({ n }) => !gone.has(n));
    expect(expired(left, keep, now)).toEqual([]);
    const hour = left.find(({ at }) => now - Date.parse(at) > 2 * DAY && now - Date.parse(at) < 7 * DAY);
    expect(new Date(hour?.at ?? 0).getUTCMinutes()).toBe(50);
  });

  it('is what is pinned, what something under way needs, and the last ten, however old', () => {
    const old = all.map((entry) => ({ ...entry, pinned: entry.n === 3 }));
    const gone = new Set(expired(old, keep, now + 1_000 * DAY, new Set([5])));
    expect(old.filter(({ n }) => !gone.has(n)).map(({ n }) => n)).toEqual([3, 5, ...old.slice(-10).map(({ n }) => n)]);
  });

  it('is no more than the count', () => {
    expect(all.length - expired(all, { ...keep, count: 50 }, now).length).toBe(50);
  });

  it('is everything where nothing is old', () => {
    expect(expired(all.slice(-100), keep, now)).toEqual([]);
    expect(expired([], keep, now)).toEqual([]);
  });
});

it.each(['.env', 'a/.env.local', 'id_rsa', 'x/server.key', 'cert.PEM', '.npmrc', 'config/secrets.yml', 'credentials'])(
  '%s looks like a secret',
  (name) => expect(looksSecret(name)).toBe(true),
);
it.each(['.env.example', 'environment.ts', 'keys.ts', 'key.pem.template', 'id_rsa.pub', 'src/credentials.ts'])(
  '%s does not',
  (name) => expect(looksSecret(name)).toBe(false),
);

it.each([
  ['100MiB', 104_857_600],
  ['1.5 GiB', 1_610_612_736],
  ['10k', 10_240],
  ['7', 7],
  ['2MB', 2_097_152],
])('%s are %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));
it('sizes are written for people, and what is none is refused', () => {
  expect([0, 1_023, 2_000, 1_610_612_736, 2 ** 53].map(formatSize)).toEqual([
    '0B',
    '1023B',
    '2KiB',
    '1.5GiB',
    '8192TiB',
  ]);
  expect(() => parseSize('big')).toThrow('not a size');
  expect(() => parseSize('-1k')).toThrow('not a size');
});
