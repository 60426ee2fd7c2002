// Messages that wait for the disk while later ones pass them: connected clients get them all the same.
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { outside, until } from './outside.ts';

const SESSION = { clientId: 'session', clean: false };
const COUNT = 50;

async function start(): Promise<EmbeddedBroker> {
  const broker = createEmbeddedBroker({ name: 'test', port: 0, storeFile: null, clock: systemClock });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

/** Texts by topic, in the order of arrival. */
async function listen(
  broker: EmbeddedBroker,
  options: Parameters<typeof outside>[1],
  filters: Readonly<Record<string, { readonly qos: 0 | 1 | 2 }>>,
): Promise<{ heard: Record<string, string[]>; end: () => Promise<void> }> {
  const heard: Record<string, string[]> = {};
  const client = await outside(broker.url, options, (text, topic) => {
    heard[topic] ??= [];
    heard[topic].push(text);
  });
  onTestFinished(() => client.endAsync(true));
  await client.subscribeAsync({ ...filters, last: { qos: 1 } });
  return { heard, end: () => client.endAsync() };
}

test.each([0, 1, 2] as const)(
  'a message that no session waits for passes another one, which arrives (QoS %i)',
  async (qos) => {
    const broker = await start();
    // What is for a session is written before it goes out; for `passing` there is none, since QoS 0 is not kept.
    const session = await listen(broker, SESSION, { kept: { qos: 2 }, passing: { qos: 0 } });
    const other = await listen(broker, {}, { kept: { qos: 2 }, passing: { qos: 2 } });
    const sender = await outside(broker.url);
    onTestFinished(() => sender.endAsync(true));
    const texts = Array.from({ length: COUNT }, (_, at) => `${at}`);
    await Promise.all(
      texts.flatMap((text) => [
        sender.publishAsync('kept', text, { qos: qos === 2 ? 2 : 1 }),
        sender.publishAsync('passing', text, { qos }),
      ]),
    );
    await sender.publishAsync('last', 'x', { qos: 1 });
    for (const { heard } of [session, other]) {
      await until('the last is heard', () => heard.last !== undefined);
      expect(heard).toEqual({ kept: texts, passing: texts, last: ['x'] });
    }
    // What it has acknowledged does not wait for it any longer.
    await session.end();
    const again = await listen(broker, SESSION, {});
    await sender.publishAsync('last', 'y', { qos: 1 });
    await until('the last is heard', () => again.heard.last !== undefined);
    expect(again.heard).toEqual({ last: ['y'] });
  },
);
