// The payload in its three forms, and how it is fitted into 1000 bytes.
import { describe, expect, test } from 'vitest';
import { DEVICE, prepareOne, recordOf, uplink } from '../prepare-support.ts';

const bytes = (payload: unknown): number => Buffer.byteLength(JSON.stringify(payload));
const HEX = '036ac18900001d28b901603702';
const long = (length: number): string => 'x'.repeat(length);
/** The content below `DevEUI_uplink` of the payload. */
const inner = (payload: unknown, fields: Record<string, unknown> = {}) => {
  const fitted = recordOf(uplink(payload, fields)).payload;
  expect(bytes(fitted)).toBeLessThanOrEqual(1000);
  return { ...fitted.DevEUI_uplink, cut: fitted._cut };
};

describe('The payload', () => {
  const content = { ...(uplink({ a: 1, messageType: 'HEARTBEAT' }).DevEUI_uplink as object) };

  test('is by default the uplink under its root, whether it came with one or without', () => {
    expect(recordOf({ DevEUI_uplink: content }).payload).toEqual({ DevEUI_uplink: content });
    expect(recordOf(content).payload).toEqual({ DevEUI_uplink: content });
  });
  test('is without the root in the legacy format', () => {
    expect(recordOf({ DevEUI_uplink: content }, { format: 'flat' }).payload).toEqual(content);
  });
  test('is the decoded content alone in the raw decoded format, else the whole body', () => {
    expect(recordOf({ DevEUI_uplink: content }, { format: 'decoded' }).payload).toEqual({
      a: 1,
      messageType: 'HEARTBEAT',
    });
    expect(recordOf(uplink([{ channel: 1 }]), { format: 'decoded' }).payload).toEqual({ payload: [{ channel: 1 }] });
    expect(recordOf(uplink(undefined), { format: 'decoded' }).payload).toMatchObject({ DevEUI: DEVICE, FPort: 17 });
  });
  test('of a resolved position is its body, of a location under its root', () => {
    const location = { DevEUI: DEVICE, DevLAT: 1, DevLON: 2 };
    expect(recordOf({ DevEUI_location: location }).payload).toEqual({ DevEUI_location: location });
    const resolved = { deviceEUI: DEVICE, coordinates: [7, 43], validityState: 'NEW' };
    expect(recordOf(resolved).payload).toEqual(resolved);
  });

  test('never holds the downlink address, whatever its field is called', () => {
    const url = 'https://host/iot-flow/downlinkMessages/da4466d6-083b-411a-89b8-5b5dde3b0d40';
    const prepared = prepareOne(
      uplink(
        { a: 1, downlinkUrl: url, deep: [{ DOWNLINK_URL: url, x: [url] }], renamed: url },
        { downlinkUrl: url, 'Downlink-Url': [url] },
      ),
    );
    expect(prepared.outcome).toBeNull();
    expect(JSON.stringify(prepared)).not.toMatch(/da4466d6|downlinkMessages/);
  });

  test('is whole up to 1000 bytes and cut by a byte more', () => {
    const room = 1000 - bytes({ DevEUI_uplink: { ...content, text: '' } });
    expect(recordOf({ DevEUI_uplink: { ...content, text: long(room) } }).payload).toEqual({
      DevEUI_uplink: { ...content, text: long(room) },
    });
    expect(recordOf({ DevEUI_uplink: { ...content, text: long(room + 1) } }).payload._cut).toBe(true);
  });

  test('counts bytes, not characters', () => {
    const fitted = recordOf(
      uplink({ a: 'é'.repeat(300), b: '漢'.repeat(120), c: '"\\\n'.repeat(50), d: '\ud800' }),
    ).payload;
    expect(bytes(fitted)).toBeLessThanOrEqual(1000);
    expect(fitted._cut).toBe(true);
  });

  describe('when too long, leaves out in this order', () => {
    const filler = (n: number) => ({ filler: long(n) });
    test('raw hex echoes first', () => {
      const fitted = inner({ payload: HEX, ...filler(780), temperature: 20 });
      expect(fitted).toMatchObject({ cut: true, payload: { temperature: 20 } });
      expect(fitted.payload.payload).toBeUndefined();
      expect(fitted.payload_hex).toBeUndefined();
    });
    test('then what is in the record already', () => {
      const fitted = inner(
        { temperature: 20, humidity: 40, ...filler(820), mode: 'A' },
        { points: { temperature: { unitId: 'Cel', record: 20 } } },
      );
      expect(fitted.payload).toEqual({ filler: long(820), mode: 'A' });
      expect(fitted.points).toBeUndefined();
      expect(fitted.Time).toBeUndefined();
    });
    test('then configuration, nulls and sentinels, arrays', () => {
      const parts = {
        deviceConfiguration: { mode: 1 },
        none: null,
        minus: -1,
        unknown: 'UNKNOWN',
        list: [1, 2],
        mode: 'A',
      };
      expect(inner({ ...parts, ...filler(825) }).payload).toMatchObject({ list: [1, 2], none: null, mode: 'A' });
      expect(inner({ ...parts, ...filler(825) }).payload.deviceConfiguration).toBeUndefined();
      expect(inner({ ...parts, ...filler(880) }).payload).toEqual({ list: [1, 2], mode: 'A', ...filler(880) });
      expect(inner({ ...parts, ...filler(905) }).payload).toEqual({ mode: 'A', ...filler(905) });
    });
    test('then the longest leaves; FPort, FCntUp and messageType stay', () => {
      const fitted = inner({ messageType: 'POSITION', a: long(600), b: long(601), c: 'c' });
      expect(fitted).toMatchObject({ FPort: 17, FCntUp: 265, cut: true });
      expect(fitted.payload).toEqual({ messageType: 'POSITION', a: long(600), c: 'c' });
    });
    test('raw bytes that nobody decoded stay', () => {
      const fields = {
        payload_hex: 'ab'.repeat(222),
        FCntUp: 9,
        ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, long(20)])),
      };
      expect(inner(undefined, fields)).toMatchObject({ payload_hex: 'ab'.repeat(222), FCntUp: 9, cut: true });
    });
  });

  test('stays JSON within its limit whatever comes', () => {
    const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`key${i}`, { a: { b: i } }]));
    const names = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${long(300)}${i}`, { [long(200)]: i }]));
    let deep: unknown = 'bottom';
    for (let i = 0; i < 90; i++) deep = { [`level${i}${long(30)}`]: deep };
    for (const payload of [
      wide,
      names,
      { deep },
      { a: long(200_000) },
      { FPort: long(5000) },
      Array.from({ length: 9000 }, () => [1]),
    ]) {
      const fitted = inner(payload);
      expect(fitted).toMatchObject({ FPort: 17, FCntUp: 265, cut: true });
    }
    expect(inner({}, { FPort: long(5000), FCntUp: [long(900)] }).cut).toBe(true);
  });

  test('keeps numbers as they are', () => {
    const numbers = { a: 1e21, b: 1e-7, c: -0.5, d: 123456789.125 };
    expect(inner(numbers).payload).toEqual(numbers);
    expect(
      recordOf(`{"DevEUI_uplink":{"DevEUI":"${DEVICE}","payload":{"a":1e999}}}`).payload.DevEUI_uplink.payload,
    ).toEqual({ a: null });
  });

  test('carries no __proto__ and changes no prototype', () => {
    const text = `{"DevEUI_uplink":{"DevEUI":"${DEVICE}","__proto__":{"latitude":43,"longitude":7},"payload":{"__proto__":{"latitude":43,"longitude":7},"constructor":{"prototype":{"x":1}},"t":1}}}`;
    const prepared = prepareOne(text);
    expect(prepared.outcome).toBeNull();
    const record = recordOf(text);
    expect(record.position).toBeUndefined();
    expect(JSON.stringify(record)).not.toContain('__proto__');
    expect(({} as Record<string, unknown>).latitude).toBeUndefined();
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
