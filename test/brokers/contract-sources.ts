// The broker contract: sources.
import { expect, test } from 'vitest';
import type { UplinkSource } from '../../src/domain/ports/broker.ts';
import type { ContractSetUp } from './contract.ts';
import { RecordingListener, until } from './outside.ts';

export function sourceContract({ fresh, client, source }: ContractSetUp): void {
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

  test('a level wildcard matches one level, and several filters are one source', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    await source([`${up}/+/x`, `${up}/b/y`], listener);
    const sender = await client();
    for (const topic of ['a/x', 'a/y', 'b/y', 'a/b/x', 'x']) {
      await sender.publishAsync(`${up}/${topic}`, topic, { qos: 1 });
    }
    await until('they have arrived', () => listener.messages.length >= 2);
    // Between topics Kafka has no order.
    expect([...listener.texts].sort()).toEqual(['a/x', 'b/y']);
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
    // What a session holds may come before the subscription is confirmed.
    await until('the source is up again', () => listener.last === 'up');
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
    opened.unsubscribe();
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

  test('an unsubscribed source says when all that its session held is handed over and answered for, and not before', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    const opened = await source([`${up}/#`], listener);
    const sender = await client();
    await opened.stop();
    const sent = ['one', 'two', 'three'];
    for (const text of sent) await sender.publishAsync(`${up}/a`, text, { qos: 1 });
    listener.holding = true;
    opened.unsubscribe();
    expect(await opened.drained()).toBe(false);
    opened.start();
    await until('something is handed over', () => listener.held.length > 0);
    expect(await opened.drained()).toBe(false);
    listener.holding = false;
    listener.settle();
    await isDrained(opened);
    expect(listener.texts).toEqual(sent);
    await opened.stop();
    expect(await opened.drained()).toBe(false);
  });

  test('an unsubscribed source whose listener has refused something is not drained before that has come again', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    listener.holding = true;
    const opened = await source([`${up}/#`], listener);
    const publishing = (await client()).publishAsync(`${up}/a`, 'refused', { qos: 1 });
    await until('it is handed over', () => listener.held.length > 0);
    opened.unsubscribe();
    listener.settle(new Error('disk full'));
    expect(await opened.drained()).toBe(false);
    listener.holding = false;
    await isDrained(opened);
    await publishing;
    expect(listener.texts).toEqual(['refused', 'refused']);
  });

  test('a running source cannot be cleared', async () => {
    const opened = await source([fresh('up')], new RecordingListener());
    await expect(opened.clear(1_000)).rejects.toMatchObject({ code: 'sourceNotStopped' });
  });
}

async function isDrained(source: UplinkSource): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await source.drained())) {
    if (performance.now() > deadline) throw new Error('it never says that it is drained');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Kafka has no such publishes. */
export function qosZeroContract({ fresh, client, source }: ContractSetUp): void {
  test('uplinks of QoS 0 are handed over as such', async () => {
    const up = fresh('up');
    const listener = new RecordingListener();
    await source([`${up}/+`], listener);
    const sender = await client();
    await sender.publishAsync(`${up}/a`, 'zero', { qos: 0 });
    await until('it has arrived', () => listener.messages.length > 0);
    expect(listener.messages).toMatchObject([{ topic: `${up}/a`, qos: 0 }]);
  });
}
