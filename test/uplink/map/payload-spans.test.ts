// The quick way to fit a payload against the general one: for whatever uplink comes, they give the same text.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MEANINGS } from '../../../src/uplink/map/keys.ts';
import { type Payload, PayloadFitter } from '../../../src/uplink/map/payload.ts';

const KEYS = [
  ...'FPort FCntUp messageType DevEUI Time payload_hex payload points Lrrs ModelCfg CustomerData latitude gpsLatitude'.split(
    ' ',
  ),
  ...'temperature battery location wifiBssids deviceConfiguration rawHex status downlinkUrl DOWNLINK_URL __proto__ 7 12'.split(
    ' ',
  ),
  ...'LrrRSSI LrrSNR SubBand unitId record a b c resolvedTracker'.split(' '),
];
const plain = fc.string({ unit: fc.constantFrom(...'abcXYZ09 .:/{}[],-'), maxLength: 60 });
const leaf = fc.oneof(
  plain,
  fc.constantFrom('UNKNOWN', '', '036ac189', 'https://host/iot-flow/downlinkMessages/1', null, true, false, -1, 0),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('tree'), { maxKeys: 12 }),
  ),
}));
const bodies = fc.dictionary(fc.constantFrom(...KEYS), fc.oneof(leaf, tree), { minKeys: 1, maxKeys: 25 });

describe('Both ways to fit a payload', () => {
  test('give the same', () => {
    const quick = new PayloadFitter();
    const general = new PayloadFitter();
    let cut = 0;
    fc.assert(
      fc.property(
        bodies,
        fc.uint8Array({ minLength: MEANINGS, maxLength: MEANINGS, max: 1 }),
        fc.boolean(),
        (body, used, rooted) => {
          const text = JSON.stringify(rooted ? { DevEUI_uplink: body } : body);
          const parsed = JSON.parse(text);
          const content = rooted ? parsed.DevEUI_uplink : parsed;
          const rootKey = rooted ? 'DevEUI_uplink' : null;
          const input = { content, rootKey, payloadHex: '036AC189', isUndecoded: false, used };
          const at = rooted ? '{"DevEUI_uplink":'.length : 0;
          const given = quick.fit({ ...input, source: { text, bytes: Buffer.from(text, 'latin1'), at } });
          expect(given).toEqual(general.fit({ ...input, source: null }));
          if ((given as Payload & { ok: true }).cut) cut += 1;
          expect(JSON.stringify(given)).not.toMatch(/downlinkMessages/);
        },
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 3000) },
    );
    expect(cut).toBeGreaterThan(10);
  }, 600_000);

  test('also where keys stand twice, blanks are between tokens, or the text is another one', () => {
    const quick = new PayloadFitter();
    const fitted = (text: string): Payload =>
      quick.fit({
        content: JSON.parse(text),
        rootKey: null,
        payloadHex: null,
        isUndecoded: false,
        used: new Uint8Array(MEANINGS),
        source: { text, bytes: Buffer.from(text, 'latin1'), at: 0 },
      });
    for (const text of [
      '{"a":1,"a":2,"b":3}',
      '{"b":1,"a":2,"b":3}',
      '{ "a": 1, "b": [1, 2] }',
      '{"a":[1, 2]}',
      '{"b":"x","12":1,"3":2}',
      '{"a":1e999}',
      '{"a":{},"b":[],"c":{"d":{}}}',
      '{}',
      '{"a":1 ,"b":2}',
    ]) {
      const { json } = fitted(text) as Payload & { ok: true };
      expect(JSON.parse(json)).toEqual(text.includes('1e999') ? { a: null } : JSON.parse(text));
    }
  });
});
