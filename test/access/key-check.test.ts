// Workers with different keys are told, each in its own words; with one key, or after a rotation, nobody is.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { KEY_CHECK, KeyCheck } from '../../src/access/key-check.ts';
import { SharedBook } from '../../src/access/shared-book.ts';
import { startAccess } from '../../src/bridge/access.ts';
import type { EmbeddedBroker } from '../../src/brokers/embedded.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import type { KeyRing } from '../../src/domain/ports/secrets.ts';
import type { BridgeStore } from '../../src/domain/ports/store.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { temporaryFolder, until } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { KEY, MemoryFile, randomKey, startBroker } from './support.ts';

async function worker(broker: EmbeddedBroker, ring: KeyRing): Promise<{ told: string[]; check: KeyCheck }> {
  const publisher = broker.openPublisher({});
  publisher.start();
  const told: string[] = [];
  const check = new KeyCheck({ publisher, prefix: 'here-bridge', ring, onDifferent: (message) => told.push(message) });
  const shared = new SharedBook({
    broker,
    publisher,
    prefix: 'here-bridge',
    box: ring,
    clock: systemClock,
    file: new MemoryFile(),
    onTrouble: () => {},
    other: { key: KEY_CHECK, heard: (value) => check.heard(value) },
    settleMs: 50,
  });
  onTestFinished(async () => {
    await shared.stop();
    await publisher.stop();
  });
  await shared.start();
  return { told, check };
}

const ring = (key: string, formerKeys: readonly string[] = []): KeyRing =>
  openSecretBox({ dataDir: '/nowhere', key, formerKeys });

test('the second worker with another key is told both ids; one that has it as a former key is not', async () => {
  const broker = await startBroker();
  const outside = await BrokerClient.connect(broker.url);
  await outside.follow('here-bridge/access/key');
  const first = await worker(broker, ring(KEY));
  await until('the word is there', () => outside.heard.length > 0);
  const [other, next] = [randomKey(), randomKey()];
  const stranger = await worker(broker, ring(other));
  expect(stranger.told).toEqual([expect.stringContaining(`secret key is ${ring(other).keyId}`)]);
  expect(stranger.told[0]).toContain(ring(KEY).keyId);
  const same = await worker(broker, ring(KEY));
  const rotated = await worker(broker, ring(next, [KEY]));
  expect([first.told, same.told, rotated.told]).toEqual([[], [], []]);
  // After a rotation it is the first ones that have to be given the new key.
  await rotated.check.publish();
  await until('they were told', () => first.told.length === 1 && same.told.length === 1);
  expect(first.told[0]).toContain(ring(next).keyId);
  expect(outside.heard.map(({ text }) => text).join('')).not.toContain('here-tracking-bridge');
});

test('a bridge tells that its key differs as an error of the worker', async () => {
  const broker = await startBroker();
  const told: NewEvent[] = [];
  const start = async (key: string): Promise<void> => {
    const dataDir = temporaryFolder();
    const { config } = loadConfig({ env: { HERE_BRIDGE_DATA_DIR: dataDir }, cwd: dataDir });
    const publisher = broker.openPublisher({});
    publisher.start();
    const access = await startAccess(config, {
      ...{ broker, publisher, box: ring(key), clock: systemClock, logger: pino({ level: 'silent' }) },
      store: { audit: { append: () => {}, list: () => [] } } as unknown as BridgeStore,
      events: { emit: (event) => void told.push(event) },
    });
    onTestFinished(async () => {
      await access.stop();
      await publisher.stop();
    });
  };
  const outside = await BrokerClient.connect(broker.url);
  await outside.follow('here-bridge/access/key');
  await start(KEY);
  await until('the word is there', () => outside.heard.length > 0);
  expect(told).toEqual([]);
  await start(randomKey());
  await until('it is told', () => told.length > 0);
  expect(told).toMatchObject([
    { kind: 'secretKeyDiffers', severity: 'error', connectionId: null, message: expect.stringContaining('one key') },
  ]);
});

test('a word that was deleted, or is none, is said again', async () => {
  const broker = await startBroker();
  const outside = await BrokerClient.connect(broker.url);
  await outside.follow('here-bridge/access/key');
  const { told } = await worker(broker, ring(KEY));
  await until('the word is there', () => outside.heard.length === 1);
  for (const [n, text] of ['', 'nonsense'].entries()) {
    await outside.publish('here-bridge/access/key', text, { retain: true });
    await until(
      `it was said again ${n}`,
      () => outside.heard.filter((heard) => heard.text.startsWith('enc:')).length >= n + 2,
    );
  }
  expect(told).toEqual([]);
});
