// What belongs to a position: accuracy, altitude, type, speed and heading, satellites, time.
import { describe, expect, test } from 'vitest';
import { DEVICE, positionOf, prepareOne, RECEIVED, recordOf, uplink } from '../prepare-support.ts';

const pair = { latitude: 43.6, longitude: 7.06 };
const location = (fields: Record<string, unknown>) =>
  recordOf({
    DevEUI_location: { DevEUI: DEVICE, Time: '2024-06-20T12:51:53.243Z', DevLAT: 43.6, DevLON: 7.06, ...fields },
  }).position;
const resolved = (fields: Record<string, unknown>) =>
  recordOf({ deviceEUI: DEVICE, time: '2024-06-20T12:51:53.243Z', coordinates: [7.06, 43.6, 12], ...fields }).position;
const ago = (seconds: number): string => new Date(RECEIVED - seconds * 1000).toISOString();

describe('Accuracy', () => {
  test.each([
    [{ ...pair, horizontalAccuracy: '7.84' }, 7.84],
    [{ ...pair, EHPE: 23 }, 23],
    [{ ...pair, acc: 64 }, 64],
    [{ ...pair, accuracy: '(250,500]' }, 500],
    [{ gps: { ...pair, hAcc: 18 } }, 18],
    [{ gps: pair, accuracy: 9 }, 9],
    [{ ...pair, accuracy: 0 }, 20],
    [{ ...pair, accuracy: -1 }, 20],
    [{ ...pair, accuracy: 4294967295 }, 20],
    [{ ...pair, hdop: 2.6, pdop: 1 }, 20],
    [{ gps: pair, acc: 1.02 }, 20],
    [pair, 20],
  ])('%j: %d m', (payload, accuracy) => expect(positionOf(payload).accuracy).toBe(accuracy));

  test('may stand in points alone', () => {
    expect(positionOf(pair, { points: { accuracy: { unitId: 'm', record: 105.88 } } }).accuracy).toBe(105.88);
  });

  test('of network positions: their radius, else the default', () => {
    expect(location({ DevLocRadius: '100' }).accuracy).toBe(100);
    expect(location({ DevLocRadius: '0.000000' }).accuracy).toBe(1000);
    expect(resolved({ horizontalAccuracy: 0 }).accuracy).toBe(1000);
    expect(
      resolved({ horizontalAccuracy: 0, rawPosition: { rawPositionType: 'RawPositionByGpsSolver' } }).accuracy,
    ).toBe(20);
  });
});

describe('Type', () => {
  test.each([
    ['RawPositionByGpsSolver', 'gnss'],
    ['RawPositionByWifiSolver', 'wlan'],
    ['RawPositionByBleSolver', undefined],
    ['RawPositionByNetworkSolver', undefined],
    [undefined, undefined],
  ])('of a position by %s: %s', (rawPositionType, type) =>
    expect(resolved({ rawPosition: { rawPositionType } }).type).toBe(type),
  );

  test('of a device fix is gnss unless the device tells another', () => {
    expect(positionOf(pair).type).toBe('gnss');
    expect(positionOf({ ...pair, rawPositionType: 'GPS' }).type).toBe('gnss');
    expect(positionOf({ ...pair, positionType: 'WIFI' })).toMatchObject({ type: 'wlan', accuracy: 1000 });
    expect(positionOf({ ...pair, positionType: 'BLE_SCAN' }).type).toBeUndefined();
    expect(location({}).type).toBeUndefined();
  });
});

describe('Speed and heading', () => {
  test.each([
    [
      'AT2: cm/s and 0.01°',
      { gpsLatitude: 1, gpsLongitude: 2, gpsSpeedOverGround: 817, gpsCourseOverGround: 2554 },
      [8, 26],
    ],
    ['AT3: cm/s and 0.01°', { position: { status: 'SUCCESS', gnssFix: { ...pair, SOG: 160, COG: 35_960 } } }, [2, 0]],
    ['km/h', { ...pair, speedKmph: 18, headingDeg: 20 }, [5, 20]],
    ['mm/s', { ...pair, speed_mmps: 2600, heading: -90 }, [3, 270]],
    ['heading modulo 360', { ...pair, speedKmph: 0, headingDeg: 725 }, [0, 5]],
    ['a text with its unit', { ...pair, speed: '36 km/h', course: '359.7' }, [10, 0]],
  ])('%s', (_, payload, [speed, heading]) => expect(positionOf(payload)).toMatchObject({ speed, heading }));

  test.each([
    ['an unknown unit', { ...pair, speed: 125, heading: 90 }],
    ['another maker’s sog', { gps: { ...pair, sog: 1.9, cog: 0.9 } }],
    ['speed alone', { ...pair, speedKmph: 18 }],
    ['heading alone', { ...pair, headingDeg: 18 }],
    ['a negative speed', { ...pair, speedKmph: -18, headingDeg: 1 }],
    ['a heading that is no degrees', { ...pair, speedKmph: 18, heading: 33_490 }],
  ])('left out: %s', (_, payload) => {
    const position = positionOf(payload);
    expect(position.lat).toBeDefined();
    expect([position.speed, position.heading]).toEqual([undefined, undefined]);
  });

  test('of the network from its velocities, of points with their unit', () => {
    expect(location({ DevNorthVel: '3', DevEastVel: '-4' })).toMatchObject({ speed: 5, heading: 307 });
    const points = { speed: { unitId: 'km/h', record: 36 }, heading: { unitId: 'deg', record: 10 } };
    expect(positionOf(pair, { points })).toMatchObject({ speed: 10, heading: 10 });
  });
});

describe('Altitude and satellites', () => {
  test('beside the pair, in points, or of the network', () => {
    expect(positionOf({ ...pair, altitude: '161' }).alt).toBe(161);
    expect(positionOf(pair, { points: { altitude: { unitId: 'm', record: -31 } } }).alt).toBe(-31);
    expect(location({ DevAlt: '50' }).alt).toBe(50);
    expect(location({ DevAlt: '0.000000', DevAltRadius: '0.000000' }).alt).toBeUndefined();
    expect(positionOf({ ...pair, altitude: 1e9 }).alt).toBeUndefined();
  });
  test.each([
    [{ sat_cnt: 4 }, 4],
    [{ numSvs: '7' }, 7],
    [{ satellites: 0 }, undefined],
    [{ satellites: 51 }, undefined],
    [{ satellites: 5.5 }, undefined],
  ])('%j: %s', (fields, count) => expect(positionOf({ ...pair, ...fields }).satellitecount).toBe(count));
  test('AT3 tells them in its quality', () => {
    const gnssFix = { ...pair, quality: { numberSatellitesUsed: 5 } };
    expect(positionOf({ position: { status: 'SUCCESS', gnssFix } }).satellitecount).toBe(5);
  });
});

describe('Time', () => {
  test.each([
    ['header.timestamp', { header: { timestamp: ago(5) }, position: { status: 'SUCCESS', gnssFix: pair } }, 5000],
    ['the fix’s own', { gps: { ...pair, time: ago(7) }, timestamp: ago(3) }, 7000],
    ['the payload’s', { gps: pair, timestamp: (RECEIVED - 9000) / 1000 }, 9000],
    ['epoch ms as text', { ...pair, timestamp: String(RECEIVED - 11_000) }, 11_000],
    ['age', { ...pair, age: 71 }, 71_000],
    ['age, fractional', { ...pair, age: '0.5' }, 500],
    ['age in days', { ...pair, age: 3 * 86_400 }, 3 * 86_400_000],
  ])('%s', (_, payload, before) => expect(positionOf(payload).timestamp).toBe(RECEIVED - before));

  test.each([
    ['an unknown age', { ...pair, age: -1 }],
    ['the future', { ...pair, timestamp: '2024-06-20T13:51:53.243Z' }],
    ['an absurd past', { ...pair, timestamp: '1980-01-06T00:00:00Z' }],
    ['a counter', { ...pair, timestamp: 6179 }],
    ['no time', { ...pair, time: 'XXXX-XX-XXTXX:XX:XX.XXXZ' }],
  ])('left out: %s', (_, payload) => expect(positionOf(payload).timestamp).toBeUndefined());

  test('of the network: DevLocTime, age', () => {
    expect(location({ DevLocTime: ago(60) }).timestamp).toBe(RECEIVED - 60_000);
    expect(resolved({ age: 308 }).timestamp).toBe(RECEIVED - 308_000);
    expect(resolved({ age: -1 }).timestamp).toBeUndefined();
  });

  test('the record’s own is when the network received the frame, else when the message arrived', () => {
    expect(recordOf(uplink({ a: 1 })).timestamp).toBe(RECEIVED);
    for (const Time of [undefined, null, '', 'soon', '2024-13-01T00:00:00Z', 7]) {
      expect(recordOf(uplink({ a: 1 }, { Time })).timestamp).toBe(RECEIVED + 2000);
    }
  });

  test('a time outside HERE’s range makes a dead letter', () => {
    for (const Time of ['1970-01-01T00:00:00Z', '2150-01-01T00:00:00Z', '1969-01-01T00:00:00Z']) {
      expect(prepareOne(uplink({ a: 1 }, { Time })).outcome).toMatchObject({ kind: 'deadLettered', reason: 'badTime' });
    }
  });
});
