// The broker contract: tables and publishers.
import { expect, test } from 'vitest';
import type { ContractSetUp } from './contract.ts';
import { RecordingListener, RecordingTable, until } from './outside.ts';

export function tableContract({ broker, fresh, client, source, table, publisher }: ContractSetUp): void {
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

  test('a deletion that could not be kept is told again until it is, and what comes behind it after it', async () => {
    const prefix = `${fresh('table')}/connections`;
    const sender = await client();
    await sender.publishAsync(`${prefix}/gone`, '1', { qos: 1, retain: true });
    const listener = new RecordingTable();
    table(prefix, listener, fresh('table-session'));
    await until('the snapshot has come', () => listener.snapshots.length === 1);
    listener.refusals = 2;
    await sender.publishAsync(`${prefix}/gone`, '', { qos: 1, retain: true });
    await until('both refusals were used up, and it is kept', () => listener.records.includes('gone=null'), 20_000);
    expect(listener.refusals).toBe(0);
    await sender.publishAsync(`${prefix}/gone`, '2', { qos: 1, retain: true });
    await until('the next record has come', () => listener.records.at(-1) === 'gone=2');
    listener.refusals = 1;
    await sender.publishAsync(`${prefix}/gone`, '', { qos: 1, retain: true });
    await sender.publishAsync(`${prefix}/gone`, '3', { qos: 1, retain: true });
    await until('the last record has come', () => listener.records.includes('gone=3'), 20_000);
    // Told again later than what took its place, the deletion would take that away.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(listener.records.at(-1)).toBe('gone=3');
    await sender.publishAsync(`${prefix}/gone`, '', { qos: 1, retain: true });
  });

  test('a publish resolves when the broker has it, and reaches the subscribers, retained for later ones', async () => {
    const topic = `${fresh('status')}/a`;
    const subscriber = await client();
    const heard: string[] = [];
    subscriber.on('message', (_topic, payload, packet) => heard.push(`${payload.toString()} ${packet.retain}`));
    await subscriber.subscribeAsync(topic, { qos: 1 });
    const speaker = await publisher();
    await speaker.publish(topic, 'one');
    await speaker.publish(topic, 'two', { qos: 0 });
    await speaker.publish(topic, Buffer.from('three'), { retain: true });
    await until('all are heard', () => heard.length === 3);
    expect(heard).toEqual(['one false', 'two false', 'three false']);
    const late = await client();
    late.on('message', (_topic, payload, packet) => heard.push(`${payload.toString()} ${packet.retain}`));
    await late.subscribeAsync(topic, { qos: 1 });
    await until('the retained one is heard', () => heard.length === 4);
    expect(heard[3]).toBe('three true');
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
    const speaker = broker().openPublisher({});
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
