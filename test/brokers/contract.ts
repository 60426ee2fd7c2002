// What every broker behind the port must do: run unchanged against Mosquitto (MQTT 3.1.1 and 5) and the embedded broker.
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Broker, Publisher, TableReader, UplinkSource } from '../../src/domain/ports/broker.ts';
import { sourceContract } from './contract-sources.ts';
import { tableContract } from './contract-tables.ts';
import { outside, type RecordingListener, type RecordingTable, until } from './outside.ts';

export interface ContractSubject {
  readonly broker: Broker;
  /** Where clients of the outside connect. */
  readonly url: string;
  close(): Promise<void>;
}

/** What the tests work with; whatever they open ends with each. */
export interface ContractSetUp {
  broker(): Broker;
  /** A name that no other test uses. */
  fresh(word: string): string;
  client(): Promise<MqttClient>;
  /** Started, and up. */
  source(topics: readonly string[], listener: RecordingListener, clientId?: string): Promise<UplinkSource>;
  table(prefix: string, listener: RecordingTable, clientId?: string): TableReader;
  publisher(options?: Parameters<Broker['openPublisher']>[0]): Promise<Publisher>;
}

export function brokerContract(open: () => Promise<ContractSubject>): void {
  const tools = setUp(open);
  sourceContract(tools);
  tableContract(tools);
}

function setUp(open: () => Promise<ContractSubject>): ContractSetUp {
  let subject: ContractSubject;
  let number = 0;
  const cleanUps: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    subject = await open();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  afterAll(() => subject?.close());

  /** A name that no other test uses. */
  const fresh = (word: string): string => {
    number += 1;
    return `${word}-${number}`;
  };

  async function client(): Promise<MqttClient> {
    const connected = await outside(subject.url);
    cleanUps.push(() => connected.endAsync(true));
    return connected;
  }

  async function source(
    topics: readonly string[],
    listener: RecordingListener,
    clientId = fresh('source'),
  ): Promise<UplinkSource> {
    const opened = subject.broker.openSource({ clientId, topics, expectSession: false }, listener);
    cleanUps.push(async () => {
      listener.holding = false;
      listener.settle();
      await opened.stop();
      await opened.clear(5_000);
    });
    opened.start();
    await listener.up();
    return opened;
  }

  function table(prefix: string, listener: RecordingTable, clientId?: string): TableReader {
    const opened = subject.broker.openTable(
      { prefix, settleMs: 200, ...(clientId === undefined ? {} : { clientId }) },
      listener,
    );
    cleanUps.push(() => opened.stop());
    opened.start();
    return opened;
  }

  async function publisher(options: Parameters<Broker['openPublisher']>[0] = {}): Promise<Publisher> {
    const opened = subject.broker.openPublisher(options);
    cleanUps.push(() => opened.stop());
    opened.start();
    await until('the publisher is connected', () => opened.connected);
    return opened;
  }

  return { broker: () => subject.broker, fresh, client, source, table, publisher };
}
