// What is desired as ThingPark's downlink: every form, every refusal, and nothing hostile gets through.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EncodeContext, encode } from '../../src/downlink/encode.ts';

const context: EncodeContext = {
  ...{ device: '70B3D50000000001', port: 2, asId: null, asKey: null, driver: null },
  ...{ correlationId: '0123456789ABCDEF', time: '2026-01-01T00:00:00.000Z' },
};

function bodyOf(document: unknown, more: Partial<EncodeContext> = {}): Record<string, unknown> {
  const encoded = encode(document, { ...context, ...more });
  if (!encoded.ok) throw new Error(encoded.cause);
  return (JSON.parse(encoded.message) as { DevEUI_downlink: Record<string, unknown> }).DevEUI_downlink;
}

describe('a document that can be encoded', () => {
  test('with all fields of a downlink, also as texts and below its root', () => {
    const fields = {
      ...{ FPort: '8', payload_hex: '9e1c', Confirmed: '1', FlushDownlinkQueue: true, RetryIneligibleGateways: 0 },
      ...{ ValidityTime: '2026-01-01T01:00:00+02:00', Token: 'ab'.repeat(32), AFCntDn: '7', Time: 'ignored' },
      ...{ CorrelationID: 'FFFFFFFFFFFFFFFF', DevEUI: '70-B3-D5-00-00-00-00-01' },
    };
    const wanted = {
      ...{ Time: context.time, DevEUI: context.device, FPort: 8, payload_hex: '9e1c', Confirmed: 1 },
      ...{ FlushDownlinkQueue: 1, RetryIneligibleGateways: 0, ValidityTime: '2026-01-01T01:00:00+02:00' },
      ...{ Token: 'ab'.repeat(32), AFCntDn: 7, CorrelationID: context.correlationId },
    };
    expect(bodyOf(fields)).toEqual(wanted);
    expect(bodyOf({ DevEUI_downlink: fields })).toEqual(wanted);
    expect(encode(fields, context)).toMatchObject({ ok: true, port: 8, confirmed: true });
  });

  test('free JSON is the payload of the driver that the device has', () => {
    const driver = '{"mod":{"pId":"m"}}';
    expect(bodyOf({ interval: 60 }, { driver })).toMatchObject({
      ...{ FPort: 2, payload: { interval: 60 }, DriverCfg: { mod: { pId: 'm' } } },
    });
    expect(bodyOf({ payload: { interval: 60 }, FPort: 3 }, { driver })).toMatchObject({ FPort: 3, DriverCfg: {} });
    expect(bodyOf({ payload_hex: '00' }, { driver })).not.toHaveProperty('DriverCfg');
    expect(bodyOf({ payload: { x: 1 }, DriverCfg: { own: 1 } }, { driver })).toMatchObject({ DriverCfg: { own: 1 } });
  });

  test('the connection signs for its application server', () => {
    const signed = bodyOf({ payload_hex: '00', AS_KEY: 'theirs' }, { asId: 'TWA_1', asKey: 'ours' });
    expect(signed).toMatchObject({ AS_ID: 'TWA_1', AS_KEY: 'ours' });
  });
});

describe('a document that cannot be encoded says why', () => {
  test.each<[unknown, RegExp, Partial<EncodeContext>?]>([
    [{ payload_hex: '00' }, /names no FPort/, { port: null }],
    [{ payload_hex: '00', payload: {} }, /both payload_hex and payload/],
    [{ FPort: 3 }, /neither payload_hex nor payload/],
    [{ payload_hex: 'ABC' }, /odd number/],
    [{ payload_hex: '' }, /empty/],
    [{ payload_hex: 'GG' }, /not hexadecimal/],
    [{ payload_hex: 5 }, /not hexadecimal/],
    [{ payload_hex: '00'.repeat(243) }, /243 bytes/],
    [{ payload_hex: '00', FPort: 0 }, /1 to 224/],
    [{ payload_hex: '00', FPort: 225 }, /1 to 224/],
    [{ payload_hex: '00', FPort: 1.5 }, /1 to 224/],
    [{ payload_hex: '00', FPort: '0x10' }, /1 to 224/],
    [{ payload_hex: '00', Confirmed: 2 }, /Confirmed/],
    [{ payload_hex: '00', ValidityTime: 'soon' }, /ValidityTime/],
    [{ payload_hex: '00', Token: 'ab' }, /Token/],
    [{ payload_hex: '00', FCntDn: 1, AFCntDn: 1 }, /both FCntDn/],
    [{ payload_hex: '00', DevEUI: '70B3D50000000002' }, /another device/],
    [{ payload_hex: '00', DevEUI: 5 }, /another device/],
    [{ payload_hex: '00', topic: 'a/b' }, /topic is no field/],
    [{ payload: 'text' }, /no JSON object/],
    [{ DevEUI_downlink: [] }, /holds no object/],
    [{}, /empty/],
    [null, /no JSON object/],
    ['AA', /no JSON object/],
    [[1], /no JSON object/],
    [{ payload: { x: 'y'.repeat(11_000) } }, /too long/],
  ])('%j', (document, why, more = {}) => {
    const encoded = encode(document, { ...context, ...more });
    expect(encoded.ok ? 'encoded' : encoded.cause).toMatch(why);
  });

  test('one that is nested too deep, or holds what JSON may and code should not trust', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(encode({ payload: { deep } }, context)).toMatchObject({ ok: false });
    const proto = JSON.parse('{"__proto__":{"FPort":9},"constructor":1,"nul":"\\u0000"}') as object;
    expect(JSON.stringify(bodyOf(proto).payload)).toBe('{"__proto__":{"FPort":9},"constructor":1,"nul":"\\u0000"}');
    expect(bodyOf(proto).FPort).toBe(2);
  });

  test('whatever it is, it is encoded for this device or refused, and never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        const encoded = encode(document, context);
        if (!encoded.ok) return encoded.cause !== '';
        const { DevEUI_downlink: body } = JSON.parse(encoded.message);
        return body.DevEUI === context.device && body.CorrelationID === context.correlationId;
      }),
    );
  });
});
