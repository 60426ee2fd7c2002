// The broker contract on the embedded broker.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe } from 'vitest';
import { createEmbeddedBroker } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { brokerContract } from './contract.ts';

describe('the embedded broker', () => {
  brokerContract(async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'bridge-broker-'));
    const broker = createEmbeddedBroker({
      name: 'embedded',
      port: 0,
      storeFile: path.join(dir, 'broker.sqlite'),
      clock: systemClock,
    });
    await broker.start();
    return {
      broker,
      url: broker.url,
      close: async () => {
        await broker.stop();
        await rm(dir, { recursive: true, force: true });
      },
    };
  });
});
