// The test suites: `unit` needs nothing but Node; `integration` starts real brokers and the sandbox.
import { defineConfig } from 'vitest/config';

const elsewhere = ['test/integration/**', 'test/simulation/**', 'test/compose/**', 'test/bench/**', 'test/e2e/**'];

export default defineConfig({
  test: {
    globalSetup: 'test/support/run-folder.ts',
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: elsewhere, testTimeout: 15_000 } },
      { test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'] } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 90_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
