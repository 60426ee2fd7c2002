// Where the device is: one case or more for each rule, and for what must never become a position.
import { describe, expect, test } from 'vitest';
import { whyNot } from '../../../src/uplink/map/coordinates.ts';
import { POSITION_RULES } from '../../../src/uplink/map/position-rules.ts';
import { explain } from '../../../src/uplink/prepare.ts';
import {
  ARRIVED,
  connection,
  DEVICE,
  message,
  positionOf,
  prepareOne,
  RECEIVED,
  recordOf,
  recordsOf,
  uplink,
} from '../prepare-support.ts';

const place = { lat: 43.6, lng: 7.06 };
const ruleOf = (content: unknown): string | null => {
  const { fields } = explain(connection(), message(content), ARRIVED);
  return fields.find(({ field }) => field === 'position')?.rule ?? null;
};
const resolved = (fields: Record<string, unknown>) => ({
  deviceEUI: DEVICE,
  time: '2024-06-20T12:51:53.243Z',
  coordinates: [7.06, 43.6, 12],
  ...fields,
});

describe('A position', () => {
  test.each([
    ['resolved-coordinates', resolved({})],
    [
      'abeeway-gnss-fix',
      uplink({ position: { status: 'SUCCESS', positionType: 'GNSS', gnssFix: { latitude: 43.6, longitude: 7.06 } } }),
    ],
    ['abeeway-gps-fields', uplink({ gpsLatitude: 43.6, gpsLongitude: 7.06 })],
    ['pair-in-object', uplink({ Latitude: '43.6', LONGITUDE: 7.06 })],
    ['pair-in-object', uplink({ lat: 43.6, lng: 7.06 })],
    ['pair-in-object', uplink({ lat: 43.6, lon: 7.06 })],
    ['pair-in-object', uplink({ latitude: 43.6, longitud: 7.06 })],
    ['pair-in-object', uplink({ latitude: 43.6, lon: 7.06 })],
    ['pair-in-object', uplink({ latitudeDeg: 43.6, longitudeDeg: 7.06 })],
    ['pair-in-object', uplink({ gps_lat: 43.6, gps_lon: 7.06 })],
    ['pair-in-object', uplink({ decoded: { data: { GPS: { lat: 43.6, long: 7.06 } } } })],
    ['pair-in-object', uplink([{ channel: 1 }, { gps_1: { latitude: 43.6, longitude: 7.06 } }])],
    [
      'typed-list',
      uplink({
        messages: [
          [
            { type: 'Longitude', measurementValue: 7.06 },
            { type: 'Latitude', measurementValue: '43.6' },
          ],
        ],
      }),
    ],
    ['lat-lng-text', uplink({ Location: '43.6, 7.06' })],
    ['lng-lat-list', uplink({ location: [7.06, 43.6] })],
    ['points-location', uplink({ a: 1 }, { points: { location: { unitId: 'GPS', record: [7.06, 43.6] } } })],
    [
      'points-location',
      uplink(
        { a: 1 },
        { points: { 'coordinates:1': { unitId: 'GPS', records: [{ value: [7.06, 43.6], eventTime: null }] } } },
      ),
    ],
    [
      'network-location',
      { DevEUI_location: { DevEUI: DEVICE, Time: '2024-06-20T12:51:53.243Z', DevLAT: '43.6', DevLON: '7.06' } },
    ],
  ])('is found by the rule %s', (rule, content) => {
    expect(recordOf(content).position).toMatchObject(place);
    expect(ruleOf(content)).toBe(rule);
  });

  test('each rule of the table has been seen above', () => {
    expect(POSITION_RULES.map(({ name }) => name)).toEqual([
      'resolved-coordinates',
      'abeeway-gnss-fix',
      'abeeway-gps-fields',
      'pair-in-object',
      'typed-list',
      'lat-lng-text',
      'lng-lat-list',
      'points-location',
      'network-location',
    ]);
  });

  test('the first valid one wins', () => {
    const points = { location: { unitId: 'GPS', record: [1, 2] } };
    expect(positionOf({ ...{ latitude: 43.6, longitude: 7.06 }, location: [3, 4] }, { points })).toMatchObject(place);
    expect(positionOf({ latitude: 0, longitude: 0 }, { points })).toMatchObject({ lat: 2, lng: 1 });
  });

  test('of a list of fixes without times only the first is sent', () => {
    const records = recordsOf(prepareOne(uplink({ location: [place, { lat: 1, lng: 2 }] })));
    expect(records).toHaveLength(1);
    expect(records[0].position).toMatchObject(place);
  });

  test('several fixes with times of their own give one record each, in order, the latest with sensors and payload', () => {
    const at = (seconds: number): string => new Date(RECEIVED - seconds * 1000).toISOString();
    const positions = [
      { lat: 3, lng: 3, timestamp: at(10) },
      { lat: 1, lng: 1, timestamp: at(30) },
      { lat: 0, lng: 0, timestamp: at(25) },
      { lat: 2, lng: 2, timestamp: at(20) },
      { lat: 9, lng: 9, timestamp: '2050-01-01T00:00:00Z' },
    ];
    const records = recordsOf(prepareOne(uplink({ temperature: 20, positions })));
    expect(records.map(({ position }) => [position.lat, RECEIVED - position.timestamp])).toEqual([
      [1, 30_000],
      [2, 20_000],
      [3, 10_000],
    ]);
    expect(records.every(({ timestamp }) => timestamp === RECEIVED)).toBe(true);
    expect(records.map(({ payload, system }) => [payload !== undefined, system !== undefined])).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  test('typed messages and points with times give one record each too', () => {
    const typed = (lat: number, timestamp: number) => [
      { type: 'Latitude', measurementValue: lat, timestamp },
      { type: 'Longitude', measurementValue: 5, timestamp },
    ];
    const messages = [
      typed(2, RECEIVED - 1000),
      typed(1, RECEIVED - 2000),
      [{ type: 'Latitude', measurementValue: 8 }],
    ];
    expect(recordsOf(prepareOne(uplink({ messages }))).map(({ position }) => position.lat)).toEqual([1, 2]);
    const records = [2, 1].map((lat) => ({
      value: [5, lat],
      eventTime: new Date(RECEIVED - lat * 1000).toISOString(),
    }));
    const points = { location: { unitId: 'GPS', records } };
    expect(recordsOf(prepareOne(uplink({ a: 1 }, { points }))).map(({ position }) => position.lat)).toEqual([2, 1]);
  });

  test('a list is swapped only when the other order alone is possible, or the payload has it the other way round', () => {
    expect(positionOf({ location: [43.6, 107.06] })).toMatchObject({ lat: 43.6, lng: 107.06 });
    expect(positionOf({ location: [43.6, 7.06] })).toMatchObject({ lat: 7.06, lng: 43.6 });
    const reversed = { config: 1, nested: { latitude: 43.6, longitude: 7.06 } };
    const points = { GPS: { unitId: 'GPS', record: [43.6, 7.06] } };
    expect(positionOf({ latitude: 43.6, longitude: 7.06, fixes: reversed }, { points })).toMatchObject(place);
  });

  test('an altitude of null drops only the altitude', () => {
    const { position } = recordOf(resolved({ coordinates: [7.06, 43.6, null] }));
    expect(position).toMatchObject(place);
    expect(position.alt).toBeUndefined();
  });

  test.each(['PREVIOUS', 'SOMETHING'])('a resolved position that is %s gives sensors only', (validityState) => {
    const record = recordOf(
      resolved({ validityState, uplinkPayload: { gpsLatitude: 43.6, gpsLongitude: 7.06, temperature: 20 } }),
    );
    expect(record.position).toBeUndefined();
    expect(record.system.reportedSensorData).toEqual({ temperatureC: 20 });
  });

  test('a resolved message without coordinates falls back on the fix of its uplink', () => {
    const content = resolved({ coordinates: undefined, uplinkPayload: { gpsLatitude: 43.6, gpsLongitude: 7.06 } });
    expect(recordOf(content).position).toMatchObject({ ...place, type: 'gnss' });
  });
});

describe('Never a position', () => {
  test.each([
    ['receivers', {}, { LrrLAT: 43.6, LrrLON: 7.06, CustomerData: { loc: { lat: '43.6', lon: '7.06' } } }],
    ['an antenna', { antennaCoordinates: [7.06, 43.6] }, {}],
    [
      'gateways',
      { gateways: [{ location: { lat: 43.6, lng: 7.06 } }], rxInfo: { location: { latitude: 43.6, longitude: 7.06 } } },
      {},
    ],
    ['assistance', { gnss: { assistanceLatitude: 43.6, assistanceLongitude: 7.06 } }, {}],
    ['an assistance position', { assistancePosition: { latitude: 43.6, longitude: 7.06 } }, {}],
    [
      'a previous fix',
      { gpsPrevious: { latitude: 43.6, longitude: 7.06 }, previousPosition: place, last_known_position: place },
      {},
    ],
    ['configuration', { deviceConfiguration: { home: place }, geofence: place, homeLocation: place }, {}],
    ['a box that is nobody knows what', { poi: place }, {}],
    ['tilt', { position: 'tilt' }, {}],
    ['0,0', { latitude: 0, longitude: '0.0' }, {}],
    ['0,0 in points', {}, { points: { location: { unitId: 'GPS', record: [0, 0] } } }],
    ['empty texts', { latitude: '', longitude: '' }, {}],
    ['null', { latitude: null, longitude: null }, {}],
    ['NaN as text', { latitude: 'NaN', longitude: 'Infinity' }, {}],
    ['half a pair', { gps_lat: 50.310216 }, {}],
    ['out of range', { latitude: 202.4493824, longitude: 55.3925632 }, {}],
    ['booleans', { latitude: true, longitude: true }, {}],
    ['a failed fix', { latitude: 43.6, longitude: 7.06, fixFailed: true }, {}],
    [
      'a failed fix whose points repeat it',
      { fixFailed: true },
      { points: { location: { unitId: 'GPS', record: [7.06, 43.6] } } },
    ],
    ['a failed fix of AT3', { position: { status: 'TIMEOUT', gnssFix: { latitude: 43.6, longitude: 7.06 } } }, {}],
    [
      '"no fix" with the last known place',
      { gnss: 'no fix', latitude: 43.6, longitude: 7.06, location: [7.06, 43.6] },
      {},
    ],
    ['NO_FIX of AT2', { gpsFixStatus: 'NO_FIX', gpsLatitude: 43.6, gpsLongitude: 7.06 }, {}],
    ['gps_valid false', { gps_valid: false, lat: 43.6, lng: 7.06 }, {}],
    ['placeholders', { latitude: -1, longitude: -1 }, {}],
    ['a list of three words', { location: ['a', 'b', 'c'] }, {}],
    ['two whole numbers in a text', { position: '4,7' }, {}],
  ])('%s', (_, payload, fields) => {
    const record = recordOf(uplink(payload, fields));
    expect(record.position).toBeUndefined();
    expect(record.id).toBe(DEVICE);
  });

  test('what says that all is well is no failure', () => {
    for (const said of [
      { last_fix: 'did not fail' },
      { fixFailed: false },
      { position: 'GPS fix' },
      { gpsFixStatus: 'FIX_2D' },
      { status: 'moving' },
      { pack_type: 'fix_success' },
    ]) {
      expect(positionOf({ ...said, latitude: 43.6, longitude: 7.06 })).toMatchObject(place);
    }
  });

  test('coordinates out of any range', () => {
    expect(whyNot(90.1, 0)).toContain('out of range');
    expect(whyNot(0, 180.1)).toContain('out of range');
    expect(whyNot(Number.NaN, 1)).toContain('no numbers');
    expect(whyNot(90, 180)).toContain('no fix');
    expect(whyNot(-90, 0.1)).toBeNull();
    expect(whyNot(0, 10)).toBeNull();
  });
});
