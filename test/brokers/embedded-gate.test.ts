// When the embedded broker acknowledges a publish, and which sources it leaves out.
import type { MqttClient } from 'mqtt';
import { afterEach, describe, expect, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import type { BrokerMessage } from '../../src/domain/ports/broker.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, RecordingListener, until } from './outside.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(): Promise<EmbeddedBroker> {
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile: null, clock: systemClock });
  await broker.start();
  cleanUps.push(() => broker.stop());
  return broker;
}

async function client(broker: EmbeddedBroker): Promise<MqttClient> {
  const connected = await outside(broker.url);
  cleanUps.push(() => connected.endAsync(true));
  return connected;
}

class Journal extends RecordingListener {
  hasRoom = true;
  readonly leftOut: string[] = [];
  toldLeftOut = 0;

  onLeftOut(messages: readonly BrokerMessage[]): void {
    this.toldLeftOut += 1;
    this.leftOut.push(...messages.map((message) => message.payload.toString()));
  }
}

let sources = 0;

async function source(broker: EmbeddedBroker, listener: RecordingListener, topics = ['up/#']): Promise<void> {
  sources += 1;
  const opened = broker.openSource({ clientId: `source-${sources}`, topics, expectSession: false }, listener);
  cleanUps.push(async () => {
    listener.holding = false;
    listener.settle();
    await opened.stop();
  });
  opened.start();
  await listener.up();
}

/** A publish whose acknowledgement can be looked at. */
function publish(sender: MqttClient, topic: string, payload: string): { acknowledged: boolean } {
  const state = { acknowledged: false };
  sender.publish(topic, payload, { qos: 1 }, (error) => {
    state.acknowledged = !error;
  });
  return state;
}

describe('acknowledgements', () => {
  test('a publish is acknowledged when every matching source has kept it, not before', async () => {
    const broker = await start();
    const [one, two] = [new Journal(), new Journal()];
    one.holding = true;
    two.holding = true;
    await source(broker, one);
    await source(broker, two);
    const sender = await client(broker);
    const published = publish(sender, 'up/a', 'x');
    await until('both have it', () => one.held.length + two.held.length === 2);
    one.settle();
    await (await client(broker)).publishAsync('elsewhere', 'x', { qos: 1 });
    expect(published.acknowledged).toBe(false);
    two.settle();
    await until('it is acknowledged', () => published.acknowledged);
  });

  test('a publish that matches no source waits for none, but for those of its publisher before it', async () => {
    const broker = await start();
    const journal = new Journal();
    journal.holding = true;
    await source(broker, journal);
    const sender = await client(broker);
    const first = publish(sender, 'up/a', 'x');
    const second = publish(sender, 'elsewhere', 'x');
    await until('the source has the first', () => journal.held.length === 1);
    await (await client(broker)).publishAsync('elsewhere', 'x', { qos: 1 });
    expect([first.acknowledged, second.acknowledged]).toEqual([false, false]);
    journal.settle();
    await until('both are acknowledged', () => first.acknowledged && second.acknowledged);
  });

  test('a source that refuses is asked again; one that has kept the message is not', async () => {
    const broker = await start();
    const [good, bad] = [new Journal(), new Journal()];
    bad.holding = true;
    await source(broker, good);
    await source(broker, bad);
    const published = publish(await client(broker), 'up/a', 'x');
    await until('the source has it', () => bad.held.length === 1);
    bad.settle(new Error('disk full'));
    await until('it is offered again', () => bad.held.length === 1);
    expect(published.acknowledged).toBe(false);
    bad.settle();
    await until('it is acknowledged', () => published.acknowledged);
    expect(good.texts).toEqual(['x']);
    expect(bad.texts).toEqual(['x', 'x']);
  });

  test('a message does not overtake an earlier one of its publisher that the source has refused', async () => {
    const broker = await start();
    const [good, bad] = [new Journal(), new Journal()];
    bad.holding = true;
    await source(broker, good);
    await source(broker, bad);
    const sender = await client(broker);
    const first = publish(sender, 'up/a', '1');
    await until('the source has the first', () => bad.held.length === 1);
    bad.settle(new Error('disk full'));
    // The disk is back, and the first has not been offered again yet.
    bad.holding = false;
    const second = publish(sender, 'up/a', '2');
    await until('the other source has both', () => good.texts.length === 2);
    const third = publish(sender, 'up/a', '3');
    await until('all are acknowledged', () => first.acknowledged && second.acknowledged && third.acknowledged);
    expect(good.texts).toEqual(['1', '2', '3']);
    expect(bad.texts).toEqual(['1', '1', '2', '3']);
  });
});

describe('sources without room', () => {
  test('what comes when there is room again does not overtake what waited for it', async () => {
    const broker = await start();
    const journal = new Journal();
    journal.hasRoom = false;
    await source(broker, journal);
    const [sender, other] = [await client(broker), await client(broker)];
    const first = publish(sender, 'up/a', '1');
    await other.publishAsync('elsewhere', 'x', { qos: 1 });
    journal.hasRoom = true;
    const second = publish(sender, 'up/a', '2');
    await other.publishAsync('up/b', 'of another', { qos: 1 });
    await until('both are acknowledged', () => first.acknowledged && second.acknowledged);
    expect(journal.texts.filter((text) => text !== 'of another')).toEqual(['1', '2']);
  });

  test('a full one is left out and told, once the others have kept the message', async () => {
    const broker = await start();
    const [free, full] = [new Journal(), new Journal()];
    full.hasRoom = false;
    free.holding = true;
    await source(broker, free);
    await source(broker, full);
    const published = publish(await client(broker), 'up/a', 'x');
    await until('the free one has it', () => free.held.length === 1);
    expect(full.leftOut).toEqual([]);
    free.settle();
    await until('it is acknowledged', () => published.acknowledged);
    expect(full.leftOut).toEqual(['x']);
    expect(full.texts).toEqual([]);
  });

  test('what is left out of many at once is told at once, since counting it costs a transaction', async () => {
    const broker = await start();
    const [free, full] = [new Journal(), new Journal()];
    full.hasRoom = false;
    await source(broker, free);
    await source(broker, full);
    const sender = await client(broker);
    await Promise.all(Array.from({ length: 200 }, (_, at) => sender.publishAsync('up/a', `${at}`, { qos: 1 })));
    expect(full.leftOut).toEqual(free.texts);
    expect(full.leftOut).toHaveLength(200);
    expect(full.toldLeftOut).toBeLessThan(50);
  });

  test('when all are full the acknowledgement is withheld until one has room', async () => {
    const broker = await start();
    const [one, two] = [new Journal(), new Journal()];
    one.hasRoom = false;
    two.hasRoom = false;
    await source(broker, one);
    await source(broker, two);
    const published = publish(await client(broker), 'up/a', 'x');
    await (await client(broker)).publishAsync('elsewhere', 'x', { qos: 1 });
    expect([published.acknowledged, one.texts, two.texts]).toEqual([false, [], []]);
    one.hasRoom = true;
    await until('it is acknowledged', () => published.acknowledged);
    expect(one.texts).toEqual(['x']);
    expect(two.leftOut).toEqual(['x']);
  });

  test('QoS 0 knows no withholding: all full, all are told', async () => {
    const broker = await start();
    const journal = new Journal();
    journal.hasRoom = false;
    await source(broker, journal);
    await (await client(broker)).publishAsync('up/a', 'x', { qos: 0 });
    await until('it is told', () => journal.leftOut.length === 1);
    expect(journal.texts).toEqual([]);
  });

  test('what waits for room is dropped with its publisher, who brings it again', async () => {
    const broker = await start();
    const journal = new Journal();
    journal.hasRoom = false;
    await source(broker, journal);
    const impatient = await client(broker);
    publish(impatient, 'up/a', 'once');
    await (await client(broker)).publishAsync('elsewhere', 'x', { qos: 1 });
    await impatient.endAsync(true);
    const again = publish(await client(broker), 'up/a', 'again');
    journal.hasRoom = true;
    await until('it is acknowledged', () => again.acknowledged);
    expect(journal.texts).toEqual(['again']);
  });

  test('one publisher that waits does not hold another up', async () => {
    const broker = await start();
    const [full, free] = [new Journal(), new Journal()];
    full.hasRoom = false;
    await source(broker, full, ['up/full/#']);
    await source(broker, free, ['up/free/#']);
    const waiting = publish(await client(broker), 'up/full/a', 'x');
    await (await client(broker)).publishAsync('up/free/a', 'y', { qos: 1 });
    expect(free.texts).toEqual(['y']);
    expect(waiting.acknowledged).toBe(false);
  });
});
