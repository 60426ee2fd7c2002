// The embedded broker's persistence against aedes-persistence's own abstract suite.

import { deepEqual, equal, notEqual, ok } from 'node:assert';
import { createRequire } from 'node:module';
import { describe, test } from 'vitest';
import { BrokerFile } from '../../src/brokers/embedded-file.ts';
import { DiskPersistence } from '../../src/brokers/embedded-persistence.ts';

/** We keep nothing of such a packet but its identifier. */
const NOT_OURS = 'add incoming packet, get it, and clear with messageId';

const limits = {
  maxMessages: 100_000,
  maxBytes: 64 * 1024 * 1024,
  maxTotalBytes: 64 * 1024 * 1024,
  maxRetained: 1_000,
  maxSessions: 1_000,
  maxFilters: 1_000,
  maxFilterBytes: 10e6,
  maxRetainedBytes: 10e6,
  ownPrefix: null,
};

type NodeTest = (name: string, run: (t: unknown) => Promise<void>) => void;
const abstractSuite = createRequire(import.meta.url)('aedes-persistence/abstract.js') as (options: {
  readonly test: NodeTest;
  readonly persistence: () => unknown;
  readonly testAsync: boolean;
}) => void;

describe("aedes-persistence's abstract suite", () => {
  abstractSuite({
    // It is written for node:test: these are the parts of it that it uses.
    test: (name, run) => {
      if (name === NOT_OURS) return;
      test(name, () => run({ plan: () => {}, diagnostic: () => {}, assert: { deepEqual, equal, notEqual, ok } }));
    },
    persistence: () => {
      const file = new BrokerFile(null);
      file.open();
      return new DiskPersistence(file, limits, () => {});
    },
    testAsync: true,
  });
});
