// Uplinks as they come, for those who follow a device: theirs and no other's, however the DevEUI is written, at a bounded cost.
import { expect, test, vi } from 'vitest';
import { Arrivals, earFor } from '../../src/bridge/arrivals.ts';
import type { Connection } from '../../src/domain/connection.ts';
import type { BrokerMessage } from '../../src/domain/ports/broker.ts';
import type { HeardMessage } from '../../src/domain/ports/control.ts';
import { ManualClock } from '../support/manual-clock.ts';

const DEVICE = '0018B20000000B2A';
const connection = (topicPattern: string | null = null) => ({ id: 'a', source: { topicPattern } }) as Connection;

function message(body: unknown, more: Partial<BrokerMessage> = {}): BrokerMessage {
  const payload = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return { topic: 't', payload, qos: 1, retain: false, dup: false, arrivedAt: 1_700_000_000_000, ...more };
}

function following() {
  const clock = new ManualClock();
  const arrivals = new Arrivals();
  const heard: HeardMessage[] = [];
  const ear = earFor(DEVICE, { clock, maxMessageBytes: 1_000 }, (each) => heard.push(each));
  return { clock, arrivals, heard, unfollow: arrivals.listen('a', ear) };
}

test('while nobody listens a message is not even looked at', () => {
  const looked = vi.fn(() => Buffer.from('{}'));
  const watched = Object.defineProperty(message({}), 'payload', { get: looked });
  const { arrivals, unfollow } = following();
  arrivals.tell(connection(), [watched]);
  expect(looked).toHaveBeenCalled();
  looked.mockClear();
  unfollow();
  arrivals.tell(connection(), [watched]);
  arrivals.tell({ ...connection(), id: 'b' }, [watched]);
  expect(looked).not.toHaveBeenCalled();
});

test('the messages of the device come as they are, however its DevEUI is written; others do not', () => {
  const { arrivals, heard } = following();
  const own = [
    message({ DevEUI_uplink: { DevEUI: DEVICE, FPort: 1, payload_hex: '00' } }),
    message({ DevEUI_uplink: { FPort: 1, payload_hex: '00', DevEUI: DEVICE.toLowerCase() } }),
    message({ device: '00-18-b2-00-00-00-0b-2a', temperature: 21 }),
    message({ temperature: 22 }, { topic: `things/${DEVICE}/up` }),
  ];
  const others = [
    message({ DevEUI_uplink: { DevEUI: '0018B20000000B2B', FPort: 1, neighbour: DEVICE } }),
    message({ temperature: 23 }, { topic: 'things/0018B20000000B2B/up' }),
    message(`no JSON ${DEVICE}`),
    message({ DevEUI_uplink: { DevEUI: DEVICE } }, { retain: true }),
  ];
  arrivals.tell(connection('things/{DevEUI}/up'), [...others, ...own, ...others]);
  expect(heard).toEqual(
    own.map(({ topic, payload }) => ({ time: '2023-11-14T22:13:20.000Z', device: DEVICE, topic, payload })),
  );
});

test('of messages that hide their device only so many a second are parsed', async () => {
  const { arrivals, clock, heard } = following();
  const hidden = message({ device: '00-18-b2-00-00-00-0b-2a', temperature: 21 });
  arrivals.tell(
    connection(),
    Array.from({ length: 1_000 }, () => hidden),
  );
  expect(heard).toHaveLength(200);
  await clock.advance(1_000);
  arrivals.tell(connection(), [hidden]);
  expect(heard).toHaveLength(201);
});
