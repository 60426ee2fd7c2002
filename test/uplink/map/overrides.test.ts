// Overrides of a connection: what they set and skip, whom they are for, and what is refused when the definition is read.
import { describe, expect, test } from 'vitest';
import type { MappingDefinition } from '../../../src/domain/connection.ts';
import { checkMapping } from '../../../src/uplink/map/check-mapping.ts';
import { explain } from '../../../src/uplink/prepare.ts';
import { ARRIVED, connection, message, RECEIVED, recordOf, uplink } from '../prepare-support.ts';

const DriverCfg = { mod: { pId: 'Acme', mId: 'BoxTrack' } };
const PAYLOAD = {
  p: [436000000, 70600000],
  t: 215,
  st: 'P',
  when: RECEIVED / 1000 - 60,
  v: '36 km/h',
  kmh: 36,
  dir: -90,
};
const record = (mapping: MappingDefinition[], payload: object = PAYLOAD) => {
  expect(checkMapping(mapping)).toEqual([]);
  return recordOf(uplink(payload, { DriverCfg }), { mapping });
};
const PLACE = {
  '/position/lat': { pointer: '/payload/p/0', unit: 'deg/1e7' },
  '/position/lng': { pointer: '/payload/p/1', unit: 'deg/1e7' },
};

describe('An override', () => {
  test('reads a position, its time and motion, sensors and the client from where it is told to', () => {
    const { position, system } = record([
      {
        when: { manufacturer: 'acme', model: 'BOXTRACK', fPort: 17, topic: 'mqtt/things/+/uplink' },
        set: {
          ...PLACE,
          '/position/timestamp': { pointer: '/payload/when', unit: 's' },
          '/position/speed': { pointer: '/payload/kmh', unit: 'km/h' },
          '/position/heading': '/payload/dir',
          '/position/accuracy': { const: 5 },
          '/system/reportedSensorData/temperatureC': { pointer: '/payload/t', scale: 0.1 },
          '/system/reportedSensorData/deviceIsStationary': { pointer: '/payload/st', enum: { P: true, D: false } },
          '/system/reportedSensorData/tiltDegree': { const: 12 },
          '/system/client/model': { const: 'Böx 2' },
        },
      },
    ]);
    expect(position).toMatchObject({ accuracy: 5, speed: 10, heading: 270, timestamp: RECEIVED - 60_000 });
    expect(position.lat).toBeCloseTo(43.6, 9);
    expect(position.lng).toBeCloseTo(7.06, 9);
    expect(system).toEqual({
      client: { manufacturer: 'Acme', model: 'Böx 2' },
      reportedSensorData: { temperatureC: 21.5, deviceIsStationary: true, tiltDegree: 12 },
    });
  });

  test('is for the devices that it names', () => {
    for (const when of [{ manufacturer: 'other' }, { model: 'x' }, { fPort: 3 }, { topic: 'other/#' }]) {
      expect(record([{ when, set: PLACE }]).position).toBeUndefined();
    }
    expect(record([{ when: { topic: 'mqtt/#' }, set: PLACE }]).position).toBeDefined();
  });

  test('leaves to the rules what it does not find or what does not fit', () => {
    const set = {
      '/position/lat': '/payload/none',
      '/position/lng': '/payload/none',
      '/system/reportedSensorData/batteryLevel': { pointer: '/payload/t' },
    };
    const { position, system } = record([{ set }], { ...PAYLOAD, latitude: 1, longitude: 2, battery: 80 });
    expect(position).toMatchObject({ lat: 1, lng: 2 });
    expect(system.reportedSensorData.batteryLevel).toBe(80);
    expect(record([{ set: PLACE }], { p: [0, 0] }).position).toBeUndefined();
  });

  test('skips rules and parts', () => {
    const payload = { latitude: 1, longitude: 2, battery: 80 };
    expect(record([{ skip: ['pair-in-object'] }], payload).position).toBeUndefined();
    expect(record([{ skip: ['/position'] }], payload).position).toBeUndefined();
    expect(record([{ skip: ['battery-in-payload'] }], payload).system.reportedSensorData).toBeUndefined();
  });

  test('is named by the trace', () => {
    const mapping = [
      { when: { model: 'other' }, set: PLACE },
      { set: PLACE },
      { set: { '/position/alt': '/payload/none' } },
    ];
    const { fields, notes } = explain(connection({ mapping }), message(uplink(PAYLOAD, { DriverCfg })), ARRIVED);
    expect(fields.find(({ field }) => field === 'position.lat')).toMatchObject({ rule: 'mapping/1' });
    expect(fields.find(({ field }) => field === 'position.alt')?.passedOver[0]).toEqual({
      rule: 'mapping/2',
      why: '/payload/none is not in the message',
    });
    expect(notes).toContain('mapping/0 is for other devices');
  });

  test('cannot reach what is not in the message', () => {
    const set = { '/system/client/name': '/constructor/name', '/system/client/firmware': '/payload/__proto__/x' };
    expect(record([{ set }]).system.client).toEqual({ manufacturer: 'Acme', model: 'BoxTrack' });
  });
});

describe('A definition with overrides', () => {
  test.each([
    ['neither set nor skip', {}, '/0', /must have set, skip or both/],
    ['an unknown field', { set: { '/position/latt': '/a' } }, '/0/set/~1position~1latt', /did you mean/],
    ['half of a pair', { set: { '/position/lat': '/a' } }, '/0/set', /together/],
    ['no pointer', { set: { '/position/alt': 'payload.alt' } }, '/0/set/~1position~1alt', /JSON pointer/],
    ['code', { set: { '/position/alt': { code: '1' } } }, '/0/set/~1position~1alt/code', /not known/],
    [
      'an unknown unit',
      { set: { '/position/alt': { pointer: '/a', unit: 'parsec' } } },
      '/0/set/~1position~1alt/unit',
      /m, cm/,
    ],
    ['a constant out of range', { set: { '/position/alt': { const: 1e9 } } }, '/0/set/~1position~1alt/const', /from/],
    ['an unknown rule', { skip: ['pair-in-objekt'] }, '/0/skip/0', /did you mean "pair-in-object"/],
  ])('is refused for %s', (_name, entry, pointer, message) => {
    const errors = checkMapping([entry]);
    expect(errors.map((error) => error.pointer)).toContain(pointer);
    expect(errors.find((error) => error.pointer === pointer)?.message).toMatch(message);
  });
});
