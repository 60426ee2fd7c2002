// Kafka's words: names of topics, filters, what a group is told, and what comes of hostile bytes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { committedTopicId, decodeCommitted, encodeCommitted } from '../../src/brokers/kafka-offsets.ts';
import { SourceParts } from '../../src/brokers/kafka-part.ts';
import { readFetch } from '../../src/brokers/kafka-records.ts';
import { readTopicIds, topicIdsRequest } from '../../src/brokers/kafka-topic-id.ts';
import { addressOf, checkKafkaName, compileFilter, createCommand, ownTopic } from '../../src/brokers/kafka-topics.ts';

describe('Topics on Kafka', () => {
  test('the last slash parts topic and key, the others become dots', () => {
    expect(addressOf('here-bridge/status/tenant-a')).toEqual({ topic: 'here-bridge.status', key: 'tenant-a' });
    expect(addressOf('events')).toEqual({ topic: 'events', key: null });
    for (const wrong of ['', 'a/', '/a', 'ä/k', '../k', `${'x'.repeat(250)}/k`]) {
      expect(() => addressOf(wrong)).toThrow('is no topic that can be published to');
    }
  });

  test('with a key of its own, the whole is the name of one topic, and nothing of it becomes a key', () => {
    expect(addressOf('things.downlink', '70B3D50000000001')).toEqual({
      topic: 'things.downlink',
      key: '70B3D50000000001',
    });
    for (const wrong of ['mqtt/things/downlink', '..', 'a b', 'a\0b', '', 'x'.repeat(250)]) {
      expect(() => addressOf(wrong, '70B3D50000000001')).toThrow('is no topic that can be published to');
      expect(checkKafkaName(wrong)).toContain('must be the name of one topic');
    }
    expect(checkKafkaName('things.downlink')).toBeNull();
  });

  test.each([
    ['uplinks', ['uplinks'], ['uplinks.a', 'uplink']],
    ['uplinks.*', ['uplinks.a', 'uplinks.a.b', 'uplinks.'], ['uplinks', 'xuplinks.a']],
    ['*.up.*', ['a.up.b', 'a.up.up.b'], ['a.up', '__a.up.b', 'bridge.up.x']],
    ['plants/+/up/#', ['plants.a.up', 'plants.a.up.b'], ['plants.up', 'plants.a.b.up']],
    ['#', ['a', 'a.b'], ['__consumer_offsets', 'bridge.status']],
  ])('the filter %s takes %j and not %j', (filter, taken, left) => {
    const { matches } = compileFilter(filter, 'bridge');
    expect(taken.filter(matches)).toEqual(taken);
    expect(left.filter(matches)).toEqual([]);
  });

  test('a level at the end is the key, and only a plain name must be there', () => {
    expect(compileFilter('up/+/x', null)).toMatchObject({ exact: null, key: 'x' });
    expect(compileFilter('up/+', null)).toMatchObject({ exact: null, key: null });
    expect(compileFilter('up', null)).toMatchObject({ exact: 'up', key: null });
  });

  test('a pattern of stars costs no more than its length', () => {
    const begun = performance.now();
    expect(compileFilter(`${'*a'.repeat(200)}b`, null).matches('a'.repeat(249))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(100);
  });

  test("what is kept under the bridge's prefix is compacted, but for events and dead letters", () => {
    expect(ownTopic('bridge.connections', 'bridge')?.settings).toEqual({ 'cleanup.policy': 'compact' });
    expect(ownTopic('bridge.whatever', 'bridge')?.settings).toEqual({ 'cleanup.policy': 'compact' });
    expect(ownTopic('bridge.events', 'bridge')?.settings['cleanup.policy']).toBe('delete');
    expect(ownTopic('uplinks', 'bridge')).toBe(null);
    expect(createCommand('t', { partitions: 1, settings: { a: 'b' } }, ['k:1'])).toBe(
      'kafka-topics.sh --bootstrap-server k:1 --create --topic t --partitions 1 --config a=b',
    );
  });
});

describe('What a group is told', () => {
  const ids = fc.constantFrom(null, 'f'.repeat(32));

  test('says of each offset whether it is settled, as far as it goes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(5_000), { maxLength: 3_000, size: 'max' }),
        fc.nat(100),
        ids,
        (offsets, ahead, id) => {
          const unsettled = offsets.sort((a, b) => a - b);
          const position = (unsettled.at(-1) ?? 0) + 1 + ahead;
          const { offset, metadata } = encodeCommitted(position, unsettled, id);
          expect(offset).toBe(unsettled[0] ?? position);
          expect(metadata.length).toBeLessThan(4_096);
          expect(committedTopicId(metadata)).toBe(id);
          const told = decodeCommitted(offset, metadata);
          if (unsettled.length === 0) {
            expect(told).toBe(null);
            return;
          }
          expect(told).not.toBe(null);
          const until = told?.until ?? 0;
          expect(until).toBeGreaterThan(offset);
          expect(until).toBeLessThanOrEqual(position);
          expect([...(told?.unsettled ?? [])]).toEqual(unsettled.filter((each) => each < until));
        },
      ),
      // A failure is told by then: shrinking 3000 offsets to the fewest takes minutes.
      { interruptAfterTimeLimit: 10_000 },
    );
  });

  test('what others write there means that nothing above is settled', () => {
    for (const text of ['', 'x', 's1:', 's1:zz;', 's1:-;!', `s1:${'z'.repeat(9_000)};0`]) {
      expect([decodeCommitted(7, text), committedTopicId(text)]).toEqual([null, null]);
    }
  });
});

test('a part whose topic was not known by its id is placed anew once it is', () => {
  const parts = new SourceParts();
  const at = { offset: 5, book: 0, committed: null, now: 0 };
  const begin = (topicId: string | null) => parts.begin({ topic: 't', partition: 0, topicId }, at);
  begin(null);
  parts.forgetFormer('t', null);
  expect(parts.hasAll('t', { leaders: [1], id: null })).toBe(true);
  parts.forgetFormer('t', 'first');
  expect(parts.has('t')).toBe(false);
  begin('first');
  parts.forgetFormer('t', 'first');
  expect(parts.hasAll('t', { leaders: [1], id: 'first' })).toBe(true);
  parts.forgetFormer('t', 'second');
  expect(parts.has('t')).toBe(false);
});

describe("A topic's id", () => {
  const ID = '00112233445566778899aabbccddeeff';
  const OTHER = 'ff'.repeat(16);
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  /** Metadata, version 10: of two brokers, the second of them with a rack and tagged fields, and two topics. */
  const answer = (errorCode: string, id: string): Buffer =>
    Buffer.from(
      [
        ...['00', '00000000', '03'],
        ...['00000001', '08', hex('kafka-1'), '00002384', '00', '00'],
        ...[
          '00000002',
          '08',
          hex('kafka-2'),
          '00002384',
          '03',
          hex('r1'),
          '02',
          '00',
          '01',
          'ff',
          '8101',
          '02',
          'ffff',
        ],
        ...['17', hex('abcdefghijklmnopqrstuv'), '00000001'],
        ...['03', errorCode, '06', hex('table'), id, '00'],
        // Two partitions: the first on two brokers, both in sync; the second with a broker that is offline and tagged fields.
        ...['03', '0000', '00000000', '00000001', '00000005'],
        ...['03', '00000001', '00000002', '03', '00000001', '00000002', '01', '00'],
        ...[
          '0005',
          '00000001',
          'ffffffff',
          '00000006',
          '02',
          '00000002',
          '01',
          '02',
          '00000002',
          '01',
          '03',
          '01',
          'ee',
        ],
        ...['80000000', '00'],
        ...['0000', '06', hex('other'), OTHER, '01', '01', '80000000', '00'],
        '00',
      ].join(''),
      'hex',
    );

  test('is read from an answer, where there is one', () => {
    const other = ['other', OTHER];
    expect([...readTopicIds(answer('0000', ID))]).toEqual([['table', ID], other]);
    expect([...readTopicIds(answer('0000', '0'.repeat(32)))]).toEqual([other]);
    expect([...readTopicIds(answer('0003', ID))]).toEqual([other]);
  });

  test('is asked for by the name of the topic', async () => {
    const { buffer } = await topicIdsRequest(['table', 'b']).request.encode();
    const one = (length: string, name: string): string => ['0'.repeat(32), length, hex(name), '00'].join('');
    expect(buffer.toString('hex')).toBe(['00', '03', one('06', 'table'), one('02', 'b'), '00000000'].join(''));
  });
});

test('bytes that are no answer of Kafka end in an error or in nothing, at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300, size: 'max' }), async (bytes) => {
      await readFetch(Buffer.from(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      try {
        for (const id of readTopicIds(Buffer.from(bytes)).values()) expect(id).toMatch(/^[0-9a-f]{32}$/);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 500 },
  );
});
