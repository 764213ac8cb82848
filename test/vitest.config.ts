import path from 'node:path';
import { defineConfig } from 'vitest/config';

const root = path.resolve(import.meta.dirname, '..');

/** The rooms where a wrong decision loses work. Unit and integration tests count together. */
const GATED_ROOMS = ['domain', 'scheduler', 'health', 'checkpoint'];
const MINIMUM_LINES = 90;

/** `*.long.test.ts` are for `scripts/test --long`. */
const EXCLUDED = ['**/node_modules/**', ...(process.env['SWARM_TEST_LONG'] === '1' ? [] : ['**/*.long.test.ts'])];

/**
 * Of every `expect.poll`: far above what any step takes, because a machine under load may stand still for seconds. A test
 * that is to see something soon measures it.
 */
const PATIENCE = { poll: { timeout: 60_000 } };

const RANDOM = 'test/integration/checkpoint/property.test.ts';

export default defineConfig({
  root,
  test: {
    coverage: {
      provider: 'v8',
      include: GATED_ROOMS.map((room) => `src/${room}/**/*.ts`),
      reportsDirectory: 'coverage/report',
      reporter: ['text'],
      // One suite alone cannot reach it, so scripts/test sets this only where it merges their reports.
      ...(process.env['COVERAGE_GATE'] === '1'
        ? { thresholds: Object.fromEntries(GATED_ROOMS.map((room) => [`src/${room}/**`, { lines: MINIMUM_LINES }])) }
        : {}),
    },
    projects: [
      {
        test: {
          name: 'unit',
          root,
          include: ['test/unit/**/*.test.{ts,tsx}'],
          testTimeout: 5_000,
          // Unit tests keep nothing, and a new start for each file takes half of their time.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          root,
          include: ['test/integration/**/*.test.ts'],
          exclude: [...EXCLUDED, RANDOM],
          // Far above the time of any test: each wait in a test has its own limit.
          testTimeout: 120_000,
          expect: PATIENCE,
          hookTimeout: 60_000,
          pool: 'forks',
          // More than cores: these tests mostly wait for programs that they have started.
          maxWorkers: 3,
        },
      },
      // It uses all processors by itself.
      { test: { name: 'random', root, include: [RANDOM], pool: 'forks', maxWorkers: 1 } },
      {
        test: {
          name: 'e2e',
          root,
          include: ['test/e2e/**/*.test.ts'],
          exclude: EXCLUDED,
          testTimeout: 180_000,
          expect: PATIENCE,
          hookTimeout: 180_000,
          pool: 'forks',
          // Each file has an environment of its own; the starts of Claude Code use two processors.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'chaos',
          root,
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 180_000,
          expect: PATIENCE,
          hookTimeout: 180_000,
          pool: 'forks',
          // These tests mostly wait for recoveries.
          maxWorkers: 3,
        },
      },
    ],
  },
});
