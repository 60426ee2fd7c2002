// Huge messages: how many fields are parsed and walked, counted rather than timed.
import { describe, expect, test } from 'vitest';
import { MOST, narrow, WIDE } from '../../src/uplink/narrow.ts';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { ARRIVED, connection, message } from './prepare-support.ts';

const many = (count: number, name = 'f'): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${(i * 7919) % 99_991}`, i]));

function fieldsIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum: number, inner) => sum + fieldsIn(inner), own);
}

describe('A huge message is narrowed before it is parsed', () => {
  test('a few thousand fields are parsed, however many it has and wherever they are', () => {
    const wide = many(13_000);
    const lists = Array.from({ length: 300 }, (_, i) => many(45, `f${i}_`));
    for (const content of [{ wide }, wide, { lists }, { a: { b: { c: wide } }, d: lists }]) {
      const narrowed: unknown = JSON.parse(narrow(JSON.stringify(content)));
      expect(fieldsIn(narrowed)).toBeLessThanOrEqual(MOST);
      expect(fieldsIn(narrowed)).toBeGreaterThanOrEqual(WIDE);
    }
  });

  test('what stays is as it was, whatever blanks, escapes and brackets the rest has', () => {
    const content = { wide: many(3000), 'a "b\\': ['}', { ']': '\\"' }], last: { x: [1, { y: null }], z: true } };
    for (const indent of [0, 2]) {
      const narrowed = JSON.parse(narrow(JSON.stringify(content, null, indent)));
      expect(narrowed).toMatchObject({ ...content, wide: {} });
      expect(content.wide).toMatchObject(narrowed.wide);
    }
    const empty = `{"w":${JSON.stringify(many(6000))},"left":{"a":[1,{"b":2}],"c":"}"}, "out" : -1.5e3 ,"DevEUI":"x"}`;
    expect(JSON.parse(narrow(empty))).toMatchObject({ DevEUI: 'x' });
  });

  test('usual messages, and what is no JSON, are left alone', () => {
    const usual = JSON.stringify({ DevEUI_uplink: many(WIDE - 10) });
    expect(narrow(usual)).toBe(usual);
    for (const broken of ['', '{"a', `${JSON.stringify(many(3000)).slice(0, -3)}`, `{"a":${'['.repeat(9000)}`]) {
      expect(() => JSON.parse(narrow(broken))).toThrow(SyntaxError);
    }
  });

  test('the device, its place and its time are found behind thousands of fields', () => {
    const content = {
      DevEUI_uplink: {
        ...many(9_000),
        Time: new Date(ARRIVED).toISOString(),
        DevEUI: '20635F0108000E09',
        FPort: 2,
        payload_hex: '00',
        payload: { latitude: 48.5, longitude: 2.25 },
      },
    };
    const prepared = compilePrepare(connection())(message(content), ARRIVED);
    expect(prepared.outcome).toBeNull();
    const record = JSON.parse((prepared as { records: readonly { json: string }[] }).records[0]?.json as string);
    expect(record.position).toMatchObject({ lat: 48.5, lng: 2.25 });
    expect(record.payload.DevEUI_uplink).toMatchObject({ FPort: 2 });
    expect(record.payload._cut).toBe(true);
  });
});
