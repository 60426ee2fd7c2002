import { describe, expect, test } from 'vitest';
import { cutPayload } from '../../src/domain/cut-payload.ts';
import { compileDecode } from '../../src/uplink/decode.ts';
import { compileTopicPattern } from '../../src/uplink/topic-pattern.ts';
import { DEVICE } from './prepare-support.ts';

const decode = compileDecode({ maxMessageBytes: 262_144, deviceOfTopic: null });
const withTopic = compileDecode({
  maxMessageBytes: 262_144,
  deviceOfTopic: compileTopicPattern('mqtt/things/{DevEUI}/uplink').devEuiOf,
});
const topic = `mqtt/things/${DEVICE}/uplink`;
const bytes = (content: unknown): Buffer =>
  Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));

describe('Decoding', () => {
  test.each(['', 'oops', '{"DevEUI_uplink":', '{"a":1}x', "{'a': 1}"])(
    'calls %j no JSON, without quoting it',
    (text) => {
      const decoded = decode(topic, bytes(text));
      expect(decoded).toMatchObject({ kind: 'unreadable', reason: 'notJson' });
      if (decoded.kind === 'unreadable' && text !== '') expect(decoded.message).not.toContain(text);
    },
  );

  test('names the framing of a schema registry as what it is', () => {
    const framed = Buffer.concat([Buffer.from([0, 0, 0, 1, 44]), bytes({ DevEUI_uplink: { DevEUI: DEVICE } })]);
    expect(decode(topic, framed)).toMatchObject({ kind: 'unreadable', reason: 'foreignFraming' });
    expect(decode(topic, framed)).toMatchObject({ message: expect.stringContaining('schema 300') });
  });

  test('reads 256 KiB and refuses a byte more', () => {
    const head = `{"DevEUI_uplink":{"DevEUI":"${DEVICE}","Time":"2024-06-20T14:51:53Z","payload_hex":"`;
    const whole = `${head}${'a'.repeat(262_144 - head.length - 3)}"}}`;
    expect(decode(topic, bytes(whole)).kind).toBe('frame');
    expect(decode(topic, bytes(`${whole} `))).toMatchObject({ reason: 'tooBig' });
  });

  test.each([
    ['in a string', `{"DevEUI_uplink":{"DevEUI":"${DEVICE}","payload_hex":"${'a'.repeat(400_000)}`],
    ['among fields', `{"DevEUI_uplink":{"DevEUI":"${DEVICE}",${'"a":1,'.repeat(60_000)}`],
    ['behind a whole message', `{"DevEUI_uplink":{"DevEUI":"${DEVICE}","payload_hex":"00"}}${' '.repeat(300_000)}`],
    ['in nothing', ' '.repeat(300_000)],
  ])('tells what was cut %s as too big, with its length, also once more is allowed', (_, text) => {
    const cut = cutPayload(bytes(text).subarray(0, 262_144), 268_435_400);
    const found = {
      kind: 'unreadable',
      reason: 'tooBig',
      message:
        'The message had 268435400 bytes; at most 262144 were allowed (`sources.maxMessageBytes`), and only the first 262144 are kept.',
    };
    expect(decode(topic, cut)).toEqual(found);
    expect(compileDecode({ maxMessageBytes: 16_777_216, deviceOfTopic: () => DEVICE })(topic, cut)).toEqual(found);
  });

  test.each([
    '7',
    'null',
    '"text"',
    '[]',
    '{}',
    '{"a":1}',
    '{"DevEUI_uplink":7}',
    '{"DevEUI_uplink":{"DevEUI":"12","payload_hex":"00"}}',
  ])('finds no device in %s', (text) =>
    expect(decode(topic, bytes(text))).toMatchObject({ kind: 'unreadable', reason: 'noDevice' }),
  );

  test('tells what is nested too deep', () => {
    expect(decode(topic, bytes('['.repeat(1000) + ']'.repeat(1000)))).toMatchObject({ reason: 'tooDeep' });
    expect(decode(topic, bytes(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`))).toMatchObject({ reason: 'tooDeep' });
    expect(decode(topic, bytes('['.repeat(100_000) + ']'.repeat(100_000)))).toMatchObject({ reason: 'tooDeep' });
  });

  test('takes the device from the topic where the body has none', () => {
    const inner = { Time: '2024-06-20T14:51:53Z', payload_hex: '00' };
    expect(withTopic(topic, bytes({ DevEUI_uplink: inner }))).toMatchObject({
      kind: 'frame',
      deviceFrom: 'topic',
      frame: { device: DEVICE },
    });
    expect(withTopic(topic, bytes({ temperature: 20 }))).toMatchObject({
      kind: 'frame',
      frame: { kind: 'bare', device: DEVICE },
    });
    expect(withTopic('elsewhere', bytes({ temperature: 20 }))).toMatchObject({ reason: 'noDevice' });
  });

  test('prefers the device of the body and writes it in upper case', () => {
    const decoded = withTopic(
      topic,
      bytes({ DevEUI_uplink: { DevEUI: '00-18-b2-00-00-00-0b-20', payload_hex: '00' } }),
    );
    expect(decoded).toMatchObject({ deviceFrom: 'body', frame: { device: '0018B20000000B20' } });
  });

  test('reads past a byte order mark', () => {
    const content = Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      bytes({ DevEUI_uplink: { DevEUI: DEVICE, payload_hex: '00' } }),
    ]);
    expect(decode(topic, content).kind).toBe('frame');
  });
});
