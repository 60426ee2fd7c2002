// The quick way to fit a payload against the general one: for whatever uplink comes, they give the same text.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { MEANINGS } from '../../../src/uplink/map/keys.ts';
import { type Payload, PayloadFitter } from '../../../src/uplink/map/payload.ts';
import { SpanFitter } from '../../../src/uplink/map/payload-spans.ts';

const KEYS = [
  ...'FPort FCntUp messageType DevEUI Time payload_hex payload points Lrrs ModelCfg CustomerData latitude gpsLatitude'.split(
    ' ',
  ),
  ...'temperature battery location wifiBssids deviceConfiguration rawHex status'.split(' '),
  ...'LrrRSSI LrrSNR SubBand unitId record a b c resolvedTracker'.split(' '),
];
/** Keys and a text that the quick way mostly leaves to the general one: with any of them a large uplink tells nothing of it. */
const ODD_KEYS = 'downlinkUrl DOWNLINK_URL __proto__ 7 12'.split(' ');
const ODD_TEXT = 'https://host/iot-flow/downlinkMessages/1';
const plain = fc.string({ unit: fc.constantFrom(...'abcXYZ09 .:/{}[],-'), maxLength: 60, size: 'max' });

function bodies(isOdd: boolean): fc.Arbitrary<object> {
  const keys = fc.constantFrom(...KEYS, ...(isOdd ? ODD_KEYS : []));
  const leaf = fc.oneof(
    plain,
    fc.constantFrom('UNKNOWN', '', '036ac189', null, true, false, -1, 0, ...(isOdd ? [ODD_TEXT] : [])),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(keys, tie('tree'), { maxKeys: 12, size: 'max' }),
    ),
  }));
  return fc.dictionary(keys, fc.oneof(leaf, tree), { minKeys: 1, maxKeys: 25, size: 'max' });
}

describe('Both ways to fit a payload', () => {
  test('give the same', () => {
    const quick = new PayloadFitter();
    const general = new PayloadFitter();
    const quickly = vi.spyOn(SpanFitter.prototype, 'fit');
    const runs = Number(process.env.PROPERTY_RUNS ?? 3000);
    let cut = 0;
    fc.assert(
      fc.property(
        fc.oneof(bodies(false), bodies(true)),
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
          const way = quickly.mock.results.at(-1);
          if (way?.type === 'return' && way.value?.cut) cut += 1;
          quickly.mockClear();
          expect(JSON.stringify(given)).not.toMatch(/downlinkMessages/);
        },
      ),
      { numRuns: runs },
    );
    // Else the general way would mostly have been held against itself.
    expect(cut).toBeGreaterThan(runs / 10);
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
