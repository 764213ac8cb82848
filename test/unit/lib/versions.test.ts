import { expect, test } from 'vitest';
import { compareVersions } from '../../../src/lib/versions.ts';

test('versions are compared by number', () => {
  expect(compareVersions('2.1.330', '2.1.300')).toBeGreaterThan(0);
  expect(compareVersions('2.1.99', '2.1.300')).toBeLessThan(0);
  expect(compareVersions('10.0.0', '9.9.9')).toBeGreaterThan(0);
  expect(compareVersions('2.1.300', '2.1.300')).toBe(0);
});
