// HERE's rules for one telemetry record, one by one, and all of them against HERE's own schema.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { badRecord, payloadTooLong } from '../../../src/sandbox/validation/record.ts';
import { describeWith } from '../../support/requirements.ts';

const at = { id: 'tracker-1', timestamp: 1_700_000_000_000 };
const place = { lat: 48.85, lng: 2.35, accuracy: 10 };
const wlan = { mac: '0a:1b:2c:3d:4e:5f', powrx: -70 };
const sensors = (reportedSensorData: object) => ({ ...at, system: { reportedSensorData } });
const position = (more: object) => ({ ...at, position: { ...place, ...more } });
const client = (more: object) => ({ ...at, system: { client: more } });
const gsm = { mcc: 208, mnc: 1, lac: 5, cid: 77 };

const good: Readonly<Record<string, unknown>> = {
  'an id and a time': at,
  'the least and the greatest time': { ...at, timestamp: 2 },
  'the greatest time': { ...at, timestamp: 4_102_448_400_000 },
  'an id of 50 characters': { ...at, id: 'x'.repeat(50) },
  'a whole position': position({ alt: -5, altaccuracy: 3, speed: 0, heading: 359, satellitecount: 50, confidence: 68 }),
  'the corners of the world': position({ lat: -90, lng: 180, accuracy: 0 }),
  'sensors at the ends of their ranges': sensors({
    batteryLevel: 100,
    temperatureC: -70,
    relativeHumidity: 0,
    pressureHpa: 1500,
    accelerationG: -100,
    tiltDegree: 400,
    deviceIsStationary: true,
    deviceIsAttached: false,
    deviceIsTampered: false,
    batteryIsCharging: true,
  }),
  'a client': client({ manufacturer: 'Ab', model: 'M', firmware: '1', name: 'abc', version: '255.0.65535' }),
  'a state version': { ...at, system: { stateVersion: 0 } },
  'a scan of all kinds': {
    ...at,
    scan: {
      wlan: [wlan, { mac: 'AA-BB-CC-DD-EE-FF' }],
      bt: [
        { mac: wlan.mac, rss: -128 },
        { eddystoneId: 'A'.repeat(24), rss: 0 },
        { iBeaconId: 'A'.repeat(28), rss: -5 },
      ],
      gsm: [gsm],
      lte: [{ mcc: 208, mnc: 1, cid: 7, earfcn: 5, pci: 3, rsrq: -19.5 }],
      country: { mcc: 208 },
      gps: { ...place, speed: 1, heading: 2 },
    },
  },
  '128 access points': { ...at, scan: { wlan: Array(128).fill(wlan) } },
  'an unknown field': { ...at, extra: 1 },
  'a payload with a __proto__ key': JSON.parse('{"id":"a","timestamp":5,"payload":{"__proto__":{"x":1}}}'),
};

const bad: readonly (readonly [string, unknown, RegExp])[] = [
  ['no object', 5, /must be an object/],
  ['an array', [], /must be an object/],
  ['no id', { timestamp: 5 }, /\.id is required/],
  ['an empty id', { ...at, id: '' }, /\.id/],
  ['an id of 51 characters', { ...at, id: 'x'.repeat(51) }, /\.id/],
  ['an id that is a number', { ...at, id: 5 }, /\.id/],
  ['no time', { id: 'a' }, /\.timestamp is required/],
  ['a time as text', { ...at, timestamp: '1700000000000' }, /\.timestamp/],
  ['time 1', { ...at, timestamp: 1 }, /\.timestamp/],
  ['a time beyond 2100', { ...at, timestamp: 4_102_448_400_001 }, /\.timestamp/],
  ['a broken time', { ...at, timestamp: 5.5 }, /\.timestamp/],
  ['no latitude', { ...at, position: { lng: 2, accuracy: 1 } }, /\.position\.lat is required/],
  ['no longitude', { ...at, position: { lat: 2, accuracy: 1 } }, /\.position\.lng is required/],
  ['no accuracy', { ...at, position: { lat: 2, lng: 1 } }, /\.position\.accuracy is required/],
  ['latitude 90.1', position({ lat: 90.1 }), /\.position\.lat/],
  ['longitude -180.1', position({ lng: -180.1 }), /\.position\.lng/],
  ['negative accuracy', position({ accuracy: -1 }), /\.position\.accuracy/],
  ['latitude as text', position({ lat: '48' }), /\.position\.lat must be a number/],
  ['speed without heading', position({ speed: 3 }), /go together/],
  ['heading without speed', position({ heading: 3 }), /go together/],
  ['broken speed', position({ speed: 3.5, heading: 2 }), /\.speed must be an integer/],
  ['negative speed', position({ speed: -1, heading: 2 }), /\.speed/],
  ['heading 360', position({ speed: 1, heading: 360 }), /\.heading/],
  ['satellitecount 0', position({ satellitecount: 0 }), /\.satellitecount/],
  ['satellitecount 51', position({ satellitecount: 51 }), /\.satellitecount/],
  ['wlancount 255', position({ wlancount: 255 }), /\.wlancount/],
  ['confidence 49', position({ confidence: 49 }), /\.confidence/],
  ['negative altaccuracy', position({ altaccuracy: -1 }), /\.altaccuracy/],
  ['position time 1', position({ timestamp: 1 }), /\.position\.timestamp/],
  ['a floor without its name', position({ floor: { id: 'a', level: 1 } }), /\.floor\.name is required/],
  ['battery 101', sensors({ batteryLevel: 101 }), /\.batteryLevel/],
  ['battery 50.5', sensors({ batteryLevel: 50.5 }), /\.batteryLevel must be an integer/],
  ['-71 °C', sensors({ temperatureC: -71 }), /\.temperatureC/],
  ['humidity 101', sensors({ relativeHumidity: 101 }), /\.relativeHumidity/],
  ['pressure 299', sensors({ pressureHpa: 299 }), /\.pressureHpa/],
  ['acceleration 101', sensors({ accelerationG: 101 }), /\.accelerationG/],
  ['tilt as text', sensors({ tiltDegree: '5' }), /\.tiltDegree/],
  ['a flag that is a number', sensors({ deviceIsStationary: 1 }), /\.deviceIsStationary must be a boolean/],
  ['null for a sensor', sensors({ temperatureC: null }), /\.temperatureC/],
  ['negative state version', { ...at, system: { stateVersion: -1 } }, /\.stateVersion/],
  ['a manufacturer of 1 character', client({ manufacturer: 'A' }), /\.manufacturer/],
  ['a model of 51 characters', client({ model: 'x'.repeat(51) }), /\.model/],
  ['version 1.2', client({ version: '1.2' }), /\.version/],
  ['version 256.0.0', client({ version: '256.0.0' }), /\.version/],
  ['version 1.0.65536', client({ version: '1.0.65536' }), /\.version/],
  ['a client name of 2 characters', client({ name: 'ab' }), /\.name/],
  ['an unknown mode', { ...at, system: { mode: 'fast' } }, /\.mode/],
  ['129 access points', { ...at, scan: { wlan: Array(129).fill(wlan) } }, /at most 128/],
  ['an access point without mac', { ...at, scan: { wlan: [{ powrx: -5 }] } }, /\.wlan\[0\]\.mac/],
  ['a mac without separators', { ...at, scan: { wlan: [wlan, { mac: '0a1b2c3d4e5f' }] } }, /\.wlan\[1\]\.mac/],
  ['powrx 1', { ...at, scan: { wlan: [{ ...wlan, powrx: 1 }] } }, /\.powrx/],
  ['powrx -129', { ...at, scan: { wlan: [{ ...wlan, powrx: -129 }] } }, /\.powrx/],
  ['band 6', { ...at, scan: { wlan: [{ ...wlan, band: 6 }] } }, /\.band/],
  ['129 beacons', { ...at, scan: { bt: Array(129).fill({ mac: wlan.mac, rss: -5 }) } }, /at most 128/],
  ['a beacon without rss', { ...at, scan: { bt: [{ mac: wlan.mac }] } }, /\.rss is required/],
  ['a beacon without any id', { ...at, scan: { bt: [{ rss: -5 }] } }, /one of mac/],
  ['a short eddystoneId', { ...at, scan: { bt: [{ eddystoneId: 'AAAA', rss: -5 }] } }, /\.eddystoneId/],
  ['a gsm cell without lac', { ...at, scan: { gsm: [{ mcc: 208, mnc: 1, cid: 1 }] } }, /\.lac is required/],
  ['bsic without bcch', { ...at, scan: { gsm: [{ ...gsm, bsic: 1 }] } }, /go together/],
  ['17 cells', { ...at, scan: { gsm: Array(17).fill(gsm) } }, /at most 16/],
  ['country 100', { ...at, scan: { country: { mcc: 100 } } }, /\.mcc/],
  ['a payload that is an array', { ...at, payload: [] }, /\.payload must be an object/],
  ['a payload that is text', { ...at, payload: 'x' }, /\.payload must be an object/],
];

describe('a record is accepted with', () => {
  test.each(Object.entries(good))('%s', (_name, record) => expect(badRecord(record, true)).toBeNull());
});

describe('a record is refused for', () => {
  test.each(bad)('%s', (_name, record, message) => expect(badRecord(record, true)).toMatch(message));
});

test('a payload may have 1000 bytes of JSON, counted as UTF-8', () => {
  const long = (text: string) => {
    const record = { ...at, position: place, payload: { text } };
    return payloadTooLong(record, JSON.stringify(record));
  };
  const room = 1000 - '{"text":""}'.length;
  expect(long('x'.repeat(room))).toBe(false);
  expect(long('x'.repeat(room + 1))).toBe(true);
  expect(long('é'.repeat(Math.floor(room / 2)))).toBe(false);
  expect(long('é'.repeat(Math.floor(room / 2) + 1))).toBe(true);
});

describeWith('openapi', "the rules against HERE's own schema", (file) => {
  test('agree on records made at random', () => {
    const document = JSON.parse(readFileSync(file, 'utf8'));
    const schema = document.paths['/v3/batch'].post.requestBody.content['application/json'].schema;
    const ajv = new Ajv({ strict: false, validateFormats: true });
    addFormats.default(ajv);
    const validate = ajv.compile(schema.properties.data.items);
    const edge = fc.constantFrom<unknown>(
      -181,
      -129,
      -71,
      -1,
      0,
      0.5,
      1,
      2,
      50,
      51,
      90.5,
      100,
      101,
      359,
      360,
      1501,
      'a',
      null,
      true,
    );
    const some = (names: readonly string[], value: fc.Arbitrary<unknown>) =>
      fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs));
    const text = fc.constantFrom<unknown>('', 'a', 'ab', 'abc', 'x'.repeat(51), 'x'.repeat(151), 7);
    const records = fc.record(
      {
        id: fc.constantFrom<unknown>('a', '', 'x'.repeat(50), 'x'.repeat(51), 9),
        timestamp: fc.constantFrom<unknown>(1, 2, 1_700_000_000_000, 4_102_448_400_001, 7.5, '5'),
        position: fc
          .tuple(
            fc.constant(place),
            some(
              [
                'lat',
                'lng',
                'accuracy',
                'alt',
                'altaccuracy',
                'satellitecount',
                'wlancount',
                'confidence',
                'timestamp',
                'type',
              ],
              edge,
            ),
          )
          .map(([base, more]) => ({ ...base, ...more })),
        system: fc.record(
          {
            stateVersion: edge,
            reportedSensorData: some(
              [
                'batteryLevel',
                'temperatureC',
                'relativeHumidity',
                'pressureHpa',
                'accelerationG',
                'tiltDegree',
                'deviceIsStationary',
              ],
              edge,
            ),
            client: some(['manufacturer', 'model', 'firmware', 'name', 'platform'], text),
          },
          { requiredKeys: [] },
        ),
        payload: fc.constantFrom<unknown>({}, { a: 1 }, [], 'x', null),
        scan: fc.record(
          {
            wlan: fc.array(
              fc.record({ mac: fc.constantFrom<unknown>(wlan.mac, 'nonsense', 5), powrx: edge }, { requiredKeys: [] }),
              {
                maxLength: 2,
              },
            ),
            gsm: fc.array(
              fc
                .tuple(fc.constant(gsm), some(['mcc', 'mnc', 'lac', 'cid', 'ta', 'rxlevel'], edge))
                .map(([a, b]) => ({ ...a, ...b })),
              { maxLength: 2 },
            ),
            lte: fc.array(
              fc
                .tuple(
                  fc.constant({ mcc: 208, mnc: 1, cid: 4 }),
                  some(['mcc', 'cid', 'tac', 'rsrp', 'rsrq', 'ta'], edge),
                )
                .map(([a, b]) => ({ ...a, ...b })),
              { maxLength: 2 },
            ),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['id', 'timestamp'] },
    );
    fc.assert(
      fc.property(records, (record) => {
        // The record as it would come off the wire.
        const sent = JSON.parse(JSON.stringify(record));
        expect(badRecord(sent, true) === null, JSON.stringify(sent)).toBe(validate(sent));
      }),
      { numRuns: 3000, seed: 7 },
    );
  });
});
