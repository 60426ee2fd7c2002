// What the sensors say: units, ranges, explicit states, and what is left out.
import { describe, expect, test } from 'vitest';
import { compilePrepare } from '../../../src/uplink/prepare.ts';
import { ARRIVED, connection, DEVICE, message, recordOf, recordsOf, sensorsOf, uplink } from '../prepare-support.ts';

describe('Sensors', () => {
  test.each([
    [{ batteryLevel: 94.4 }, { batteryLevel: 94 }],
    [{ battery: 89 }, { batteryLevel: 89 }],
    [{ battery: 87.6 }, { batteryLevel: 88 }],
    [{ batteryLevel: '100%' }, { batteryLevel: 100 }],
    [{ header: { batteryLevel: 'CHARGING' } }, { batteryIsCharging: true }],
    [{ batteryStatus: 'CHARGING' }, { batteryIsCharging: true }],
    [{ batteryStatus: 'OPERATING' }, { batteryIsCharging: false }],
    [{ temperature: '31°C' }, { temperatureC: 31 }],
    [{ temperature: '32.9 °F' }, { temperatureC: 0.5 }],
    [{ tempF: 212 }, { temperatureC: 100 }],
    [{ temperatureMeasure: -20.5 }, { temperatureC: -20.5 }],
    [
      { default: { temperature: 26 }, lifecycle: { batteryLevel: 29 } },
      { batteryLevel: 29, temperatureC: 26 },
    ],
    [{ relative_humidity_3: 51.4 }, { relativeHumidity: 51.4 }],
    [{ pressure: 1013.25 }, { pressureHpa: 1013.25 }],
    [{ pressure: 101_325 }, { pressureHpa: 1013.25 }],
    [{ barometer_2: 998 }, { pressureHpa: 998 }],
    [{ dynamicMotionState: 'STATIC' }, { deviceIsStationary: true }],
    [{ dynamicMotionState: 'MOVING' }, { deviceIsStationary: false }],
    [{ moving: false }, { deviceIsStationary: true }],
    [{ motion_status: 'moving' }, { deviceIsStationary: false }],
    [{ Transport: 'STILL' }, { deviceIsStationary: true }],
    [{ tamperAlarm: true }, { deviceIsTampered: true }],
    [{ detached: 1 }, { deviceIsAttached: false }],
    [
      {
        messages: [
          [
            { type: 'Air Temperature', measurementValue: '20.5' },
            { type: 'Battery', measurementValue: 31 },
          ],
        ],
      },
      { batteryLevel: 31, temperatureC: 20.5 },
    ],
  ])('%j gives %j', (payload, sensors) => expect(sensorsOf(payload)).toEqual(sensors));

  test.each([
    { battery: 3.6 },
    { battery: 2885 },
    { batteryLevel: '3.6V' },
    { batteryLevel: 193 },
    { batteryLevel: -1 },
    { batteryVoltage: 55 },
    { temperature: 327.67 },
    { temperature: null },
    { temperature: 'warm' },
    { ic_temperature: '31°C' },
    { humidity: 101 },
    { pressure: 6 },
    { motion: 1 },
    { motion_status: 'unknown' },
    { deviceConfiguration: { temperature: 20 }, min: { temperature: 3 } },
    { battery: { type: 'tension', value: 3.6, unit: 'V' } },
  ])('%j tells nothing that HERE can take', (payload) => expect(sensorsOf(payload)).toBeUndefined());

  test.each([
    [{ temperature: { unitId: 'Far', record: 68 } }, { temperatureC: 20 }],
    [{ temperature: { unitId: 'K', record: 273.15 } }, { temperatureC: 0 }],
    [
      { 'temperature:1': { unitId: 'Cel', record: '21' }, 'temperature:2': { unitId: 'Cel', record: 30 } },
      { temperatureC: 21 },
    ],
    [{ humidity: { unitId: '%RH', record: 46 } }, { relativeHumidity: 46 }],
    [{ pressure: { unitId: 'Pa', record: 101_300 } }, { pressureHpa: 1013 }],
    [{ pressure: { unitId: 'kPa', record: 101.3 } }, { pressureHpa: 1013 }],
    [{ batteryLevel: { unitId: '%', record: 76 } }, { batteryLevel: 76 }],
    [
      {
        temperature: {
          unitId: 'Cel',
          records: [
            { value: 1, eventTime: '2024-06-20T10:00:00Z' },
            { value: 2, eventTime: '2024-06-20T11:00:00Z' },
          ],
        },
      },
      { temperatureC: 2 },
    ],
  ])('points %j give %j', (points, sensors) => expect(sensorsOf({ a: 1 }, { points })).toEqual(sensors));

  test('points and payload complete each other', () => {
    const points = {
      batteryLevel: { unitId: '%', record: 101.72 },
      humidity: { unitId: '%RH', record: 46 },
      temperature: { unitId: 'V', record: 3 },
    };
    expect(sensorsOf({ temperature: 19.4, batteryLevel: 90 }, { points })).toEqual({
      batteryLevel: 90,
      temperatureC: 19.4,
      relativeHumidity: 46,
    });
    expect(sensorsOf({ a: 1 }, { points: { batteryLevel: { unitId: 'V', record: 3 } } })).toBeUndefined();
  });

  test('the root’s BatteryLevel has no published unit and is left out', () => {
    expect(sensorsOf({ a: 1 }, { BatteryLevel: 80 })).toBeUndefined();
    expect(recordOf({ DevEUI: DEVICE, FPort: 1, BatteryLevel: 80, temperature: 20 }).system.reportedSensorData).toEqual(
      { temperatureC: 20 },
    );
  });

  test('a resolved position tells its tracker’s sensors', () => {
    const resolvedTracker = {
      batteryLevel: 58,
      batteryStatus: 'OPERATING',
      temperatureMeasure: 29.3,
      temperatureHigh: -1,
    };
    const record = recordOf({
      deviceEUI: DEVICE,
      coordinates: [7, 43],
      resolvedTracker,
      processedFeed: { dynamicMotionState: 'STATIC' },
    });
    expect(record.system.reportedSensorData).toEqual({
      batteryLevel: 58,
      batteryIsCharging: false,
      temperatureC: 29.3,
      deviceIsStationary: true,
    });
  });

  test('a device status’s battery rides on the next record that has none, and only on that', () => {
    const prepare = compilePrepare(connection());
    const status = { DevEUI_notification: { DevEUI: DEVICE, Type: 'devstatusans', Var1: '254', Var2: '8' } };
    const battery = (payload: unknown, later: number): unknown => {
      const prepared = prepare({ ...message(uplink(payload)), arrivedAt: ARRIVED + later }, ARRIVED);
      return recordsOf(prepared)[0].system?.reportedSensorData?.batteryLevel;
    };
    expect(prepare(message(status), ARRIVED).outcome).toEqual({ kind: 'skipped', reason: 'notification' });
    expect(battery({ batteryLevel: 7 }, 1)).toBe(7);
    expect(battery({ a: 1 }, 2)).toBe(100);
    // The same message again, as after a restart.
    expect(battery({ a: 1 }, 2)).toBe(100);
    expect(battery({ a: 1 }, 3)).toBeUndefined();
  });
});

describe('The client', () => {
  const client = (fields: Record<string, unknown>): unknown => recordOf(uplink({ a: 1 }, fields)).system?.client;
  test('is the device’s maker and model where they fit', () => {
    expect(client({ DriverCfg: { mod: { pId: 'abeeway', mId: 'micro-tracker', ver: '2' } } })).toEqual({
      manufacturer: 'abeeway',
      model: 'micro-tracker',
    });
    expect(client({ DriverCfg: { mod: { pId: 'x', mId: 'micro' } } })).toEqual({ model: 'micro' });
    expect(client({ DriverCfg: { mod: { pId: 'x', mId: 'm'.repeat(51) } } })).toBeUndefined();
    expect(client({})).toBeUndefined();
  });
});
