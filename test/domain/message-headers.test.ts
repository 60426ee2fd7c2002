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

test.each([null, 1, 'x', [], {}, { headers: 1 }, { headers: [null, 1, {}, { name: 1 }] }])(
  'of %j there are none',
  (value) => {
    expect(keptHeadersOf(value)).toBeNull();
  },
);
