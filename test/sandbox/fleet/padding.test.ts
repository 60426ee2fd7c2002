// Uplinks of one exact size for benchmarks.
import { expect, test } from 'vitest';
import { createPaddedFleet } from '../../../src/sandbox/fleet/padding.ts';

const NOW_MS = Date.UTC(2026, 2, 14, 9, 0, 0);

test('every message has the size asked for, its own device, time and frame counter', () => {
  const fleet = createPaddedFleet({ seed: 1, devices: 20, payloadBytes: 1500, tags: ['bench'] });
  const seen = new Set<string>();
  const devices = new Set<string>();
  for (let n = 0; n < 1000; n++) {
    const message = fleet.next(NOW_MS);
    expect(message.payload).toHaveLength(1500);
    const { DevEUI_uplink } = JSON.parse(message.payload.toString()) as { DevEUI_uplink: Record<string, unknown> };
    expect(DevEUI_uplink.DevEUI).toBe(message.devEui);
    expect(Date.parse(String(DevEUI_uplink.Time))).toBe(message.timeMs);
    expect(DevEUI_uplink.FCntUp).toBe(10_000 + Math.floor(n / 20));
    expect(message.topic).toBe(`mqtt/things/${message.devEui}/uplink`);
    seen.add(`${message.devEui} ${message.timeMs}`);
    devices.add(message.devEui);
  }
  expect(seen.size).toBe(1000);
  expect(devices.size).toBe(20);
});

test('its messages carry telemetry of several kinds', () => {
  const fleet = createPaddedFleet({ seed: 1, devices: 64, payloadBytes: 2400 });
  const drivers = new Set<string>();
  for (let n = 0; n < 64; n++) {
    const body = JSON.parse(fleet.next(NOW_MS).payload.toString()) as { DevEUI_uplink: { DriverCfg: { id: string } } };
    drivers.add(body.DevEUI_uplink.DriverCfg.id);
  }
  expect(drivers.size).toBe(5);
});

test('a small size gives bare uplinks, with their tags', () => {
  const fleet = createPaddedFleet({ seed: 1, devices: 5, payloadBytes: 300, tags: ['site=Zürich'] });
  const { payload } = fleet.next(NOW_MS);
  expect(payload).toHaveLength(300);
  const body = JSON.parse(payload.toString()) as { DevEUI_uplink: Record<string, unknown> };
  expect(body.DevEUI_uplink).toMatchObject({ FCntUp: 10_000, CustomerData: { tags: ['site=Zürich'] } });
  expect(body.DevEUI_uplink.payload).toMatchObject({ temperature: 20.5 });
});

test('a size that nothing fits into is refused', () => {
  expect(() => createPaddedFleet({ seed: 1, devices: 5, payloadBytes: 100 })).toThrow(RangeError);
});
