import { expect, test } from 'vitest';
import {
  headersText,
  keptHeadersOf,
  MAX_HEADERS_TEXT,
  messageHeaders,
  readHeaders,
} from '../../src/domain/message-headers.ts';

test('headers come back as they were: text, bytes, null, empty, names twice, odd names', () => {
  const headers = [
    ['traceparent', Buffer.from('00-4bf92f-00f067-01')],
    ['bytes', Buffer.from([0xff, 0x00, 0x80])],
    ['none', null],
    ['empty', Buffer.alloc(0)],
    ['twice', Buffer.from('1')],
    ['twice', Buffer.from('2')],
    ['__proto__', Buffer.from('\u0000"\n')],
  ] as const;
  const text = headersText(headers) as string;
  const kept = readHeaders(text);
  expect(kept).not.toBeNull();
  expect(messageHeaders(kept!)).toEqual(headers);
  expect(keptHeadersOf(JSON.parse(text))).toEqual(kept);
});

test('none are none', () => {
  expect([headersText([]), readHeaders(undefined), readHeaders(''), readHeaders('{"headers":[]}')]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test('what has no room is left out and counted, and the rest is kept', () => {
  const big = Buffer.alloc(MAX_HEADERS_TEXT, 'x');
  const kept = readHeaders(
    headersText([
      ['a', Buffer.from('1')],
      ['big', big],
      ['b', Buffer.from('2')],
    ]) as string,
  );
  expect(kept).toEqual({
    headers: [
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ],
    headersLeftOut: 1,
  });
  const many = headersText(
    Array.from({ length: 5_000 }, (_, at) => [`h${at}`, Buffer.from('value')] as const),
  ) as string;
  expect(many.length).toBeLessThan(MAX_HEADERS_TEXT + 100);
  const read = readHeaders(many);
  expect((read?.headers.length ?? 0) + (read?.headersLeftOut ?? 0)).toBe(5_000);
});

test.each([
  ['bytes of a value', '', Buffer.alloc(96 * 1024 * 1024)],
  ['characters of a name', '\u0000'.repeat(96 * 1024 * 1024), null],
])('more %s than a string can hold as JSON are left out and counted', (_, name, value) => {
  const text = headersText([
    ['a', Buffer.from('1')],
    [name, value],
  ]);
  expect(text).toBe('{"headers":[{"name":"a","value":"1"}],"headersLeftOut":1}');
});

test('a value that fits as text is kept, though it has more bytes than the text may have characters', () => {
  const value = Buffer.from('\u20ac'.repeat(16_000));
  const kept = readHeaders(headersText([['a', value]]) ?? undefined);
  expect(kept && messageHeaders(kept)).toEqual([['a', value]]);
});

test.each([null, 1, 'x', [], {}, { headers: 1 }, { headers: [null, 1, {}, { name: 1 }] }])(
  'of %j there are none',
  (value) => {
    expect(keptHeadersOf(value)).toBeNull();
  },
);
