// Messages that are far too large, through Mosquitto: cut, handed over and acknowledged like any other.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Brokers } from '../../src/bridge/brokers.ts';
import type { BrokerConfig } from '../../src/config/config.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import { systemChance, systemClock } from '../../src/ops/clock.ts';
import { compileDecode } from '../../src/uplink/decode.ts';
import { cleanUps, mosquitto, source } from '../brokers/mosquitto-setup.ts';
import { outside, RecordingListener, until } from '../brokers/outside.ts';
import { describeWith } from '../support/requirements.ts';

const MAX_BYTES = 20_000;
const MIB = 1024 * 1024;

/** As the bridge makes it: of its configuration, or of a definition. */
function brokerOf(url: string, protocolVersion: 4 | 5, isDefined: boolean): Broker {
  const mqtt = { kind: 'mqtt', url, protocolVersion } as const;
  const brokers = new Brokers({
    brokers: isDefined ? {} : { main: mqtt as BrokerConfig },
    topics: { broker: 'main', prefix: 'here-bridge' } as never,
    definedHosts: ['127.0.0.1'],
    dataDir: '/nowhere',
    clock: systemClock,
    chance: systemChance,
    sources: { maxMessageBytes: MAX_BYTES },
    onNotice: () => {},
  });
  return isDefined ? brokers.make('main', mqtt) : (brokers.get('main') as Broker);
}

describeWith('mosquitto', 'large messages through Mosquitto', () => {
  for (const protocolVersion of [4, 5] as const) {
    for (const isDefined of [false, true]) {
      const broker = isDefined ? 'a broker of the API' : 'a broker of the configuration';
      test(`MQTT ${protocolVersion}, ${broker}`, () => carries(protocolVersion, isDefined));
    }

    test(`MQTT ${protocolVersion}: with our mosquitto.conf a huge message is refused, and is not acknowledged`, async () => {
      const config = readFileSync('config/mosquitto/mosquitto.conf', 'utf8');
      const settings = config.split('\n').filter((line) => /^(max_packet_size|message_size_limit) /.test(line));
      const { url } = await mosquitto({ settings });
      const listener = new RecordingListener();
      source(brokerOf(url, protocolVersion, false), listener);
      await listener.up();
      const sender = await outside(url, { protocolVersion });
      cleanUps.push(() => sender.end(true));
      sender.on('error', () => {});
      await sender.publishAsync('up/a', Buffer.alloc(MIB, 'x'), { qos: 1 });
      let isClosed = false;
      let isAcknowledged = false;
      sender.once('close', () => {
        isClosed = true;
      });
      sender.publish('up/a', Buffer.alloc(3 * MIB, 'x'), { qos: 1 }, (error) => {
        isAcknowledged = error === undefined || error === null;
      });
      await until('it is refused', () => isClosed || isAcknowledged);
      expect([isClosed, isAcknowledged]).toEqual([true, false]);
      const next = await outside(url);
      cleanUps.push(() => next.end(true));
      await next.publishAsync('up/a', 'the next', { qos: 1 });
      await until('the next has arrived', () => listener.texts.includes('the next'));
      expect(listener.messages.map(({ payload }) => payload.length)).toEqual([MIB, 8]);
    });
  }
});

async function carries(protocolVersion: 4 | 5, isDefined: boolean): Promise<void> {
  const { url } = await mosquitto();
  const broker = brokerOf(url, protocolVersion, isDefined);
  const listener = new RecordingListener();
  const opened = source(broker, listener);
  await listener.up();
  const sender = await outside(url);
  cleanUps.push(() => sender.end(true));
  const sizes = [MAX_BYTES, MIB, MIB + 1, 8 * MIB];
  for (const size of sizes) await sender.publishAsync('up/a', Buffer.alloc(size, 'x'), { qos: 1 });
  await sender.publishAsync('up/a', Buffer.alloc(8 * MIB, 'x'), { qos: 0 });
  await sender.publishAsync('up/a', 'the next', { qos: 1 });
  await until('all have arrived', () => listener.messages.length === 6);
  expect(listener.statuses).toEqual([{ kind: 'up', sessionLost: false }]);
  // Acknowledged: nothing comes again.
  await opened.stop();
  opened.start();
  await until('it is up again', () => listener.statuses.length === 2);
  await sender.publishAsync('up/a', 'and the last', { qos: 1 });
  await until('the last has arrived', () => listener.texts.includes('and the last'));

  const words = (bytes: number): string =>
    `The message had ${bytes} bytes; at most ${MAX_BYTES} were allowed (\`sources.maxMessageBytes\`), and only the first ${MAX_BYTES} are kept.`;
  const decode = compileDecode({ maxMessageBytes: MAX_BYTES, deviceOfTopic: null });
  const found = listener.messages.map(({ topic, payload }) => {
    const decoded = decode(topic, payload);
    return decoded.kind === 'unreadable' ? [decoded.reason, decoded.message, payload.length < 2 * MAX_BYTES] : [];
  });
  expect(found).toEqual([
    ['notJson', `The message (${MAX_BYTES} bytes) is not JSON.`, true],
    ['tooBig', `The message has ${MIB} bytes; at most ${MAX_BYTES} are read.`, false],
    ['tooBig', words(MIB + 1), true],
    ['tooBig', words(8 * MIB), true],
    ['tooBig', words(8 * MIB), true],
    ['notJson', 'The message (8 bytes) is not JSON.', true],
    ['notJson', 'The message (12 bytes) is not JSON.', true],
  ]);
}
