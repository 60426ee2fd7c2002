// What becomes of a record's key.
import { expect, test } from 'vitest';
import { messagesOf } from '../../src/brokers/kafka-messages.ts';
import { payloadBounds } from '../../src/brokers/payload-bounds.ts';

const ORIGIN = { topic: 'up', partition: 0, arrivedAt: 1 };
const BOUNDS = payloadBounds(1_000);

test.each([
  ['text', Buffer.from('70B3D57ED0000001'), 'up/70B3D57ED0000001'],
  ['none', null, 'up'],
  ['empty', Buffer.alloc(0), 'up'],
  // As a LongSerializer writes it: the journal has a record's place behind a NUL character.
  ['a number of 8 bytes', Buffer.from('0000000000000041', 'hex'), `up/${'\ufffd'.repeat(7)}A`],
  ['what looks like a place in the journal', Buffer.from('\u00000:12345'), 'up/\ufffd0:12345'],
  ['bytes that are no text', Buffer.from('41ff00', 'hex'), 'up/A\ufffd\ufffd'],
])('a key that is %s', (_, key, topic) => {
  const record = { offset: 3, timestamp: 1, key, value: Buffer.from('{}'), headers: [] };
  expect(messagesOf([record], 0, ORIGIN, BOUNDS)).toMatchObject([{ topic, partition: 0, offset: 3 }]);
});
