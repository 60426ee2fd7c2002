// What every broker behind the port must do: run unchanged against Mosquitto (MQTT 3.1.1 and 5) and the embedded broker.
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Broker, Publisher, TableReader, UplinkSource } from '../../src/domain/ports/broker.ts';
import { outside, RecordingListener, RecordingTable, until } from './outside.ts';

export interface ContractSubject {
  readonly broker: Broker;
  /** Where clients of the outside connect. */
  readonly url: string;
  close(): Promise<void>;
}

export function brokerContract(open: () => Promise<ContractSubject>): void {
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

  test('uplinks are handed over in the order sent, many in one call, and a lasting session is no loss', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    await source([`${up}/#`], listener);
    const sender = await client();
    const sent = Array.from({ length: 2_000 }, (_, at) => `message ${at}`);
    await Promise.all(sent.map((text, at) => sender.publishAsync(`${up}/device-${at % 7}`, text, { qos: 1 })));
    await until('all have arrived', () => listener.messages.length >= sent.length);
    expect(listener.texts).toEqual(sent);
    expect(listener.batches).toBeLessThan(sent.length / 2);
    expect(listener.messages[0]).toMatchObject({ topic: `${up}/device-0`, qos: 1, retain: false, dup: false });
    expect(Math.abs(Date.now() - (listener.messages[0]?.arrivedAt ?? 0))).toBeLessThan(60_000);
    expect(listener.statuses).toEqual([{ kind: 'up', sessionLost: false }]);
  });

  test('uplinks of QoS 0 are handed over as such', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    await source([`${up}/+`], listener);
    const sender = await client();
    await sender.publishAsync(`${up}/a`, 'zero', { qos: 0 });
    await until('it has arrived', () => listener.messages.length > 0);
    expect(listener.messages).toMatchObject([{ topic: `${up}/a`, qos: 0 }]);
  });

  test('a level wildcard matches one level, and several filters are one source', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    await source([`${up}/+/x`, `${up}/b/y`], listener);
    const sender = await client();
    for (const topic of ['a/x', 'a/y', 'b/y', 'a/b/x', 'x']) {
      await sender.publishAsync(`${up}/${topic}`, topic, { qos: 1 });
    }
    await until('they have arrived', () => listener.messages.length >= 2);
    expect(listener.texts).toEqual(['a/x', 'b/y']);
  });

  test("a filter for everything does not bring the broker's own topics", async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    await source(['#'], listener);
    const sender = await client();
    await sender.publishAsync(`${up}/a`, 'mine', { qos: 1 });
    await until('it has arrived', () => listener.texts.includes('mine'));
    expect(listener.messages.filter((message) => message.topic.startsWith('$'))).toEqual([]);
  });

  test('the next messages come while the ones before wait, and nothing is asked of the order of their being kept', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    listener.holding = true;
    await source([`${up}/#`], listener);
    const senders = [await client(), await client()] as const;
    const first = senders[0].publishAsync(`${up}/a`, 'first', { qos: 1 });
    await until('the first has arrived', () => listener.held.length === 1);
    const second = senders[1].publishAsync(`${up}/b`, 'second', { qos: 1 });
    await until('the second has arrived', () => listener.held.length === 2);
    listener.held[1]?.(null);
    listener.held[0]?.(null);
    listener.held.length = 0;
    listener.holding = false;
    await Promise.all([first, second]);
    const third = senders[0].publishAsync(`${up}/a`, 'third', { qos: 1 });
    await third;
    await until('the third has arrived', () => listener.messages.length >= 3);
    expect(listener.texts).toEqual(['first', 'second', 'third']);
  });

  test('messages that could not be kept are offered again, in their order, until they are', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    listener.holding = true;
    await source([`${up}/#`], listener);
    const sender = await client();
    const sent = Array.from({ length: 50 }, (_, at) => `message ${at}`);
    const publishing = Promise.all(sent.map((text) => sender.publishAsync(`${up}/a`, text, { qos: 1 })));
    await until('some have arrived', () => listener.messages.length > 0);
    const refused = listener.messages.length;
    listener.settle(new Error('disk full'));
    await until('they are offered again', () => listener.held.length > 0 && listener.messages.length > refused);
    const again = listener.messages.splice(0).slice(refused);
    listener.messages.push(...again);
    listener.holding = false;
    listener.settle();
    await publishing;
    await until('all have arrived', () => listener.texts.includes('message 49'));
    expect(listener.texts).toEqual(sent);
  });

  test('a paused source gets nothing; resumed, it gets what came meanwhile', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    const opened = await source([`${up}/#`], listener);
    const sender = await client();
    await sender.publishAsync(`${up}/a`, 'before', { qos: 1 });
    await until('the first has arrived', () => listener.messages.length === 1);
    opened.pause();
    await until('the source is paused', () => listener.last === 'paused');
    const publishing = sender.publishAsync(`${up}/a`, 'meanwhile', { qos: 1 });
    // Something that takes its way through the broker after it.
    await (await client()).publishAsync(fresh('other'), 'x', { qos: 1 });
    expect(listener.texts).toEqual(['before']);
    opened.resume();
    await publishing;
    await until('the second has arrived', () => listener.messages.length === 2);
    expect(listener.texts).toEqual(['before', 'meanwhile']);
    expect(listener.statuses.map((status) => status.kind)).toEqual(['up', 'paused', 'up']);
  });

  test('what the listener kept before a pause is not offered again after it', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    listener.holding = true;
    const opened = await source([`${up}/#`], listener);
    const sender = await client();
    const publishing = sender.publishAsync(`${up}/a`, 'slow', { qos: 1 });
    await until('it has arrived', () => listener.held.length === 1);
    opened.pause();
    listener.holding = false;
    listener.settle();
    await publishing;
    await until('the source is paused', () => listener.last === 'paused');
    opened.resume();
    await until('the source is up', () => listener.last === 'up');
    await sender.publishAsync(`${up}/a`, 'next', { qos: 1 });
    await until('the next has arrived', () => listener.texts.includes('next'));
    expect(listener.texts).toEqual(['slow', 'next']);
  });

  test('after its stop a source gets nothing more, and its session can be cleared', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    const opened = await source([`${up}/#`], listener);
    await opened.stop();
    const sender = await client();
    await sender.publishAsync(`${up}/a`, 'late', { qos: 1 });
    await opened.clear(5_000);
    opened.start();
    await until('the source is up again', () => listener.statuses.filter(({ kind }) => kind === 'up').length === 2);
    await sender.publishAsync(`${up}/a`, 'fresh', { qos: 1 });
    await until('the fresh one has arrived', () => listener.messages.length > 0);
    expect(listener.texts).toEqual(['fresh']);
  });

  test('what comes while a source is stopped waits, and comes first and in order when it is started again', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    const opened = await source([`${up}/#`], listener);
    const sender = await client();
    await sender.publishAsync(`${up}/a`, 'before', { qos: 1 });
    await until('the first has arrived', () => listener.messages.length === 1);
    await opened.stop();
    const sent = Array.from({ length: 300 }, (_, at) => `message ${at}`);
    await Promise.all(sent.map((text) => sender.publishAsync(`${up}/a`, text, { qos: 1 })));
    expect(listener.texts).toEqual(['before']);
    opened.start();
    const late = Array.from({ length: 100 }, (_, at) => `late ${at}`);
    await Promise.all(late.map((text) => sender.publishAsync(`${up}/a`, text, { qos: 1 })));
    await until('all have arrived', () => listener.messages.length >= 401);
    expect(listener.texts).toEqual(['before', ...sent, ...late]);
    expect(listener.statuses.at(-1)).toEqual({ kind: 'up', sessionLost: false });
  });

  test('an unsubscribed source still gets what its session holds, and nothing that comes later', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    const opened = await source([`${up}/#`], listener);
    const sender = await client();
    await opened.stop();
    await sender.publishAsync(`${up}/a`, 'held', { qos: 1 });
    opened.unsubscribe?.();
    opened.start();
    await until('it is up', () => listener.statuses.filter(({ kind }) => kind === 'up').length === 2);
    await sender.publishAsync(`${up}/a`, 'later', { qos: 1 });
    const other = new RecordingListener();
    await source([`${up}/#`], other);
    await sender.publishAsync(`${up}/a`, 'last', { qos: 1 });
    await until('the other one has the last', () => other.messages.length === 1);
    await until('it has what was held', () => listener.messages.length > 0);
    expect(listener.texts).toEqual(['held']);
  });

  test('a running source cannot be cleared', async () => {
    const opened = await source([fresh('up')], new RecordingListener());
    await expect(opened.clear(1_000)).rejects.toMatchObject({ code: 'sourceNotStopped' });
  });

  test('a table hands out what is retained, then its changes, and says which keys there are', async () => {
    const prefix = `${fresh('table')}/connections`;
    const sender = await client();
    await sender.publishAsync(`${prefix}/a`, '1', { qos: 1, retain: true });
    await sender.publishAsync(`${prefix}/odd key!`, '2', { qos: 1, retain: true });
    await sender.publishAsync(`${prefix}/a/deeper`, '3', { qos: 1, retain: true });
    const listener = new RecordingTable();
    table(prefix, listener);
    await until('the snapshot has come', () => listener.snapshots.length === 1);
    expect(listener.statuses).toEqual([{ up: true }]);
    expect([...listener.records].sort()).toEqual(['a=1', 'odd key!=2']);
    expect(listener.snapshots).toEqual([['a', 'odd key!']]);
    await sender.publishAsync(`${prefix}/b`, '4', { qos: 1, retain: true });
    await sender.publishAsync(`${prefix}/b`, '5', { qos: 1, retain: true });
    await sender.publishAsync(`${prefix}/a`, '', { qos: 1, retain: true });
    await until('the changes have come', () => listener.records.length >= 5);
    expect(listener.records.slice(2)).toEqual(['b=4', 'b=5', 'a=null']);
    for (const key of ['odd key!', 'a/deeper', 'b']) {
      await sender.publishAsync(`${prefix}/${key}`, '', { qos: 1, retain: true });
    }
  });

  test('a table with a session hears of a deletion made while it was away', async () => {
    const prefix = `${fresh('table')}/connections`;
    const sender = await client();
    await sender.publishAsync(`${prefix}/kept`, '1', { qos: 1, retain: true });
    await sender.publishAsync(`${prefix}/deleted`, '2', { qos: 1, retain: true });
    const before = new RecordingTable();
    const reader = table(prefix, before, fresh('table-session'));
    await until('the snapshot has come', () => before.snapshots.length === 1);
    await reader.stop();
    await sender.publishAsync(`${prefix}/deleted`, '', { qos: 1, retain: true });
    const after = before.records.length;
    reader.start();
    await until('the next snapshot has come', () => before.snapshots.length === 2);
    expect([...before.records.slice(after)].sort()).toEqual(['deleted=null', 'kept=1']);
    expect(before.snapshots[1]).toEqual(['kept']);
    await sender.publishAsync(`${prefix}/kept`, '', { qos: 1, retain: true });
  });

  test('a publish resolves when the broker has it, and reaches the subscribers, retained for later ones', async () => {
    const topic = `${fresh('status')}/a`;
    const subscriber = await client();
    const heard: string[] = [];
    subscriber.on('message', (_topic, payload, packet) => heard.push(`${payload.toString()} ${packet.retain}`));
    await subscriber.subscribeAsync(topic, { qos: 1 });
    const speaker = await publisher();
    await speaker.publish(topic, 'one');
    await speaker.publish(topic, Buffer.from('two'), { retain: true });
    await speaker.publish(topic, 'three', { qos: 0 });
    await until('all are heard', () => heard.length === 3);
    expect(heard).toEqual(['one false', 'two false', 'three false']);
    const late = await client();
    late.on('message', (_topic, payload, packet) => heard.push(`${payload.toString()} ${packet.retain}`));
    await late.subscribeAsync(topic, { qos: 1 });
    await until('the retained one is heard', () => heard.length === 4);
    expect(heard[3]).toBe('two true');
    await speaker.publish(topic, '', { retain: true });
  });

  test("the bridge's own publishes reach its tables and sources", async () => {
    const prefix = fresh('own');
    const uplinks = new RecordingListener();
    await source([`${prefix}/+`], uplinks);
    const records = new RecordingTable();
    table(prefix, records);
    await until('the table is up', () => records.statuses.length > 0);
    const speaker = await publisher();
    await speaker.publish(`${prefix}/a`, '{"x":1}', { retain: true });
    await until('the table has it', () => records.records.length > 0);
    await until('the source has it', () => uplinks.messages.length > 0);
    expect(records.records).toEqual(['a={"x":1}']);
    expect(uplinks.texts).toEqual(['{"x":1}']);
    await speaker.publish(`${prefix}/a`, '', { retain: true });
  });

  test('a publisher that is not started, or has stopped, or is given no topic, rejects', async () => {
    const speaker = subject.broker.openPublisher({});
    await expect(speaker.publish('a', 'x')).rejects.toMatchObject({ code: 'publisherStopped' });
    expect(speaker.connected).toBe(false);
    speaker.start();
    await until('it is connected', () => speaker.connected);
    await expect(speaker.publish('a/#', 'x')).rejects.toMatchObject({ code: 'topicInvalid' });
    await expect(speaker.publish('', 'x')).rejects.toMatchObject({ code: 'topicInvalid' });
    await speaker.stop();
    expect(speaker.connected).toBe(false);
    await expect(speaker.publish('a', 'x')).rejects.toMatchObject({ code: 'publisherStopped' });
  });

  test('a publisher that leaves in good order leaves no will', async () => {
    const topic = `${fresh('worker')}/heartbeat`;
    const records: string[] = [];
    const watcher = await client();
    watcher.on('message', (_topic, payload) => records.push(payload.toString()));
    await watcher.subscribeAsync(topic, { qos: 1 });
    const speaker = await publisher({ will: { topic, payload: 'gone', retain: true } });
    await speaker.publish(topic, 'here');
    await speaker.stop();
    await watcher.publishAsync(topic, 'end', { qos: 1 });
    await until('the end is heard', () => records.includes('end'));
    expect(records).toEqual(['here', 'end']);
  });
}
