// What every broker behind the port must do: run unchanged against Mosquitto (MQTT 3.1.1 and 5), the embedded broker and Kafka.
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Broker, Publisher, TableReader, UplinkSource } from '../../src/domain/ports/broker.ts';
import { qosZeroContract, sourceContract } from './contract-sources.ts';
import { tableContract } from './contract-tables.ts';
import { outside, type RecordingListener, type RecordingTable, until } from './outside.ts';

export interface ContractSubject {
  readonly broker: Broker;
  /** Where clients of the outside connect: by MQTT unless `client` makes others. */
  readonly url: string;
  readonly client?: () => Promise<OutsideClient>;
  /** Parts of names, where others use the same broker. */
  readonly run?: string;
  /** Makes what a source cannot be opened on before it is there. */
  readonly prepare?: (topics: readonly string[]) => Promise<void>;
  close(): Promise<void>;
}

/** What publishers and subscribers of the outside do, in MQTT's words. */
export interface OutsideClient {
  publishAsync(topic: string, payload: string, options: { qos: 0 | 1; retain?: boolean }): Promise<unknown>;
  subscribeAsync(topic: string, options: { qos: 0 | 1 }): Promise<unknown>;
  on(event: 'message', heard: (topic: string, payload: Buffer, packet: { retain: boolean }) => void): unknown;
  endAsync(force: boolean): Promise<unknown>;
}

/** What the tests work with; whatever they open ends with each. */
export interface ContractSetUp {
  broker(): Broker;
  /** A name that no other test uses. */
  fresh(word: string): string;
  client(): Promise<OutsideClient>;
  /** Started, and up. */
  source(topics: readonly string[], listener: RecordingListener, clientId?: string): Promise<UplinkSource>;
  table(prefix: string, listener: RecordingTable, clientId?: string): TableReader;
  publisher(options?: Parameters<Broker['openPublisher']>[0]): Promise<Publisher>;
}

/** `qosZero`: there are publishes without acknowledgement. */
export function brokerContract(open: () => Promise<ContractSubject>, { qosZero = true } = {}): void {
  const tools = setUp(open);
  sourceContract(tools);
  if (qosZero) qosZeroContract(tools);
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
    return `${word}-${subject.run ?? ''}${number}`;
  };

  async function client(): Promise<OutsideClient> {
    const connected: OutsideClient = await (subject.client?.() ?? outside(subject.url));
    cleanUps.push(() => connected.endAsync(true));
    return connected;
  }

  async function source(
    topics: readonly string[],
    listener: RecordingListener,
    clientId = fresh('source'),
  ): Promise<UplinkSource> {
    await subject.prepare?.(topics);
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
