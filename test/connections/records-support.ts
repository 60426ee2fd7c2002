// Workers' shared records on an embedded broker.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createEmbeddedBroker } from '../../src/brokers/embedded.ts';
import { SharedRecords } from '../../src/connections/shared-records.ts';
import type { Broker, Publisher } from '../../src/domain/ports/broker.ts';
import { systemClock } from '../../src/ops/clock.ts';

export async function useBroker(): Promise<Broker> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bridge-records-'));
  const broker = createEmbeddedBroker({
    ...{ name: 'main', host: '127.0.0.1', port: 0, users: [], clock: systemClock },
    storeFile: path.join(folder, 'broker.db'),
    onNotice: () => {},
  });
  await broker.start();
  onTestFinished(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return broker;
}

export async function useRecords(
  broker: Broker,
  workerId: string,
  prefix = 't/accounts',
): Promise<{ records: SharedRecords; publisher: Publisher; refused: readonly string[] }> {
  const refused: string[] = [];
  const publisher = broker.openPublisher({});
  publisher.start();
  const records = new SharedRecords({
    ...{ broker, prefix, publisher, workerId, clock: systemClock },
    onProblem: () => {},
    onReach: () => {},
    onWriteRefused: (key, reason) => refused.push(`${key}: ${reason}`),
  });
  records.start();
  onTestFinished(async () => {
    await records.stop();
    await publisher.stop();
  });
  return { records, publisher, refused };
}
