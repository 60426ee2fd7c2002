// A record that is far larger than an uplink may be, and a few KB on the wire: sources are handed its beginning, tables all of it.
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Brokers } from '../../src/bridge/brokers.ts';
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import type { BrokerConfig } from '../../src/config/config.ts';
import type { BrokerDefinition } from '../../src/domain/broker-definition.ts';
import { readCut } from '../../src/domain/cut-payload.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { connectAll, FakeKafka, Listener, TOPIC } from './fake-kafka.ts';
import { RecordingTable, until } from './outside.ts';

const ALLOWED = 262_144;
const MIB = 1024 * 1024;
let kafka: FakeKafka;

beforeEach(() => {
  kafka = new FakeKafka(1);
  connectAll(() => kafka);
});
afterEach(() => {
  vi.restoreAllMocks();
});

function brokerOf(maxMessageBytes: number): Broker {
  return createKafkaBroker(kafkaBrokerOptions('127.0.0.1:1', { metadataRefreshMs: 20, maxMessageBytes }));
}

function open(broker: Broker, clientId: string): Listener {
  const listener = new Listener();
  const source = broker.openSource({ clientId, topics: [TOPIC], expectSession: false, from: 'earliest' }, listener);
  onTestFinished(async () => {
    kafka.isReachable = false;
    await source.stop();
  });
  source.start();
  return listener;
}

function write(bytes: number): void {
  kafka.writeRecords(0, { records: [{ key: 'a', value: Buffer.alloc(bytes, 'x') }], compression: 'zstd' });
}

test('is cut for every source, and what is behind it is whole', async () => {
  write(100 * MIB);
  kafka.write(0, 'behind it');
  write(MIB);
  const broker = brokerOf(ALLOWED);
  const listeners = [open(broker, 'g1'), open(broker, 'g2')];
  await until('all have come', () => listeners.every(({ messages }) => messages.length === 3));
  const [one, two] = listeners.map(({ messages }) => messages[0]?.payload);
  expect(one && readCut(one)).toEqual({ bytes: 100 * MIB, kept: ALLOWED });
  // No view of the bytes that it was unpacked to.
  expect(one?.buffer.byteLength).toBeLessThan(MIB);
  expect(two && readCut(two)).toEqual({ bytes: 100 * MIB, kept: ALLOWED });
  for (const { messages } of listeners) {
    expect(messages.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(messages[1]?.payload.toString()).toBe('behind it');
    // May be replayed once larger ones are allowed.
    expect(messages[2]?.payload.length).toBe(MIB);
  }
});

test.each(['the configuration', 'the API'])('is cut at what the bridge allows on a broker of %s', async (of) => {
  const { clock, chance, ...config } = kafkaBrokerOptions('127.0.0.1:1', { metadataRefreshMs: 20 });
  const definition: BrokerDefinition = { kind: 'kafka', bootstrap: ['127.0.0.1:1'], metadataRefreshMs: 1_000 };
  const brokers = new Brokers({
    brokers: of === 'the API' ? {} : { log: { ...config, kind: 'kafka' } as BrokerConfig },
    topics: { broker: 'main', prefix: 'here-bridge' } as never,
    definedHosts: ['127.0.0.1'],
    dataDir: '/nowhere',
    ...{ clock, chance },
    sources: { maxMessageBytes: ALLOWED },
    onNotice: () => {},
  });
  write(2 * MIB);
  const listener = open(of === 'the API' ? brokers.make('log', definition) : (brokers.get('log') as Broker), 'g');
  await until('it has come', () => listener.messages.length === 1);
  const payload = listener.messages[0]?.payload ?? Buffer.alloc(0);
  expect(readCut(payload)).toEqual({ bytes: 2 * MIB, kept: ALLOWED });
});

test('is whole where it is allowed', async () => {
  write(2 * MIB);
  const listener = open(brokerOf(2 * MIB), 'g');
  await until('it has come', () => listener.messages.length === 1);
  expect(listener.messages[0]?.payload.length).toBe(2 * MIB);
});

test('is whole in a table', async () => {
  write(2 * MIB);
  const listener = new RecordingTable();
  const table = brokerOf(ALLOWED).openTable({ prefix: TOPIC, settleMs: 0 }, listener);
  onTestFinished(async () => {
    kafka.isReachable = false;
    await table.stop();
  });
  table.start();
  await until('it is read', () => listener.snapshots.length === 1);
  expect(listener.records.map(({ length }) => length)).toEqual([2 * MIB + 'a='.length]);
});
