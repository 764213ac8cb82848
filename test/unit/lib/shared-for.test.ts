import { expect, test } from 'vitest';
import { sharedFor } from '../../../src/lib/shared-for.ts';

test('thirty questions at the same moment are asked once', async () => {
  let now = 0;
  let asked = 0;
  const ask = sharedFor(
    1_000,
    async (name: string) => `${name} ${(asked += 1)}`,
    () => now,
  );
  expect(await Promise.all(Array.from({ length: 30 }, () => ask('claude')))).toEqual(
    Array.from({ length: 30 }, () => 'claude 1'),
  );
  expect(await ask('other')).toBe('other 2');
  now = 1_001;
  expect(await ask('other')).toBe('other 3');
});
