import path from 'node:path';
import { defineConfig } from 'vitest/config';

const root = path.resolve(import.meta.dirname, '..');

export default defineConfig({
  root,
  test: {
    coverage: {
      provider: 'v8',
      include: ['src/{domain,scheduler,health,checkpoint}/**/*.ts'],
      reportsDirectory: 'coverage',
      reporter: ['text-summary', 'text'],
    },
    projects: [
      {
        test: { name: 'unit', root, include: ['test/unit/**/*.test.{ts,tsx}'], testTimeout: 5_000 },
      },
      {
        test: {
          name: 'integration',
          root,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
});
