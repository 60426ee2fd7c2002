// The simulated fleet: repeatable, plausible, and careful with times and ids.
import { describe, expect, test } from 'vitest';
import { createFleet, type FleetMessage, TELEMETRY_ONLY } from '../../../src/sandbox/fleet/fleet.ts';

const START_MS = Date.UTC(2026, 2, 14, 9, 0, 0);

function take(options: Parameters<typeof createFleet>[0], count: number, stepMs = 1000): FleetMessage[] {
  const fleet = createFleet(options);
  return Array.from({ length: count }, (_, n) => fleet.next(START_MS + n * stepMs));
}

interface Uplink {
  Time: string;
  DevEUI: string;
  FPort: unknown;
  FCntUp: unknown;
  CustomerData: { tags: string[] };
  payload_hex?: string;
  payload?: Record<string, unknown>;
  points?: Record<string, { unitId: string; record: unknown }>;
}

function uplinkOf(message: FleetMessage): Uplink {
  return (JSON.parse(String(message.payload)) as { DevEUI_uplink: Uplink }).DevEUI_uplink;
}

/** Where the message says that its device is; null without a place. */
function placeOf(message: FleetMessage): { lat: number; lng: number } | null {
  const points = uplinkOf(message).points ?? {};
  const at = (points.location ?? points['coordinates:1'])?.record as [number, number] | undefined;
  return at ? { lng: at[0], lat: at[1] } : null;
}

function metresBetween(a: { lat: number; lng: number }, b: { lat: number; lng: number }): number {
  const east = (b.lng - a.lng) * 111_320 * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(east, (b.lat - a.lat) * 111_320);
}

describe('a simulated fleet', () => {
  test('says the same again under the same seed, and something else under another', () => {
    const options = { seed: 11, devices: 40, tags: ['site=a'] };
    const first = take(options, 400);
    expect(take(options, 400)).toEqual(first);
    expect(take({ ...options, seed: 12 }, 400).map((m) => m.payload)).not.toEqual(first.map((m) => m.payload));
  });

  test('publishes valid JSON on the device its topic names, with ids that HERE takes', () => {
    for (const message of take({ seed: 1, devices: 50 }, 3000)) {
      expect(message.devEui).toMatch(/^[0-9A-F]{16}$/);
      expect(message.topic).toBe(`mqtt/things/${message.devEui}/uplink`);
      const body = JSON.parse(String(message.payload)) as Record<string, { DevEUI?: string }>;
      const said = (Object.values(body)[0] as { DevEUI?: string }).DevEUI ?? String(body.deviceEUI);
      expect(said.toUpperCase()).toBe(message.devEui);
    }
  });

  test('lets devices take turns, so that none is silent', () => {
    const messages = take({ seed: 3, devices: 7 }, 7);
    expect(new Set(messages.map((m) => m.devEui)).size).toBe(7);
    expect(take({ seed: 3, devices: 1 }, 3).map((m) => m.devEui)).toHaveLength(3);
  });

  test('never gives two telemetry messages of one device the same time, however fast it speaks', () => {
    const seen = new Set<string>();
    const fleet = createFleet({ seed: 5, devices: 3, mix: { late: 0.3 } });
    for (let n = 0; n < 5000; n++) {
      const message = fleet.next(START_MS + Math.floor(n / 100));
      const key = `${message.devEui} ${message.timeMs}`;
      expect(seen.has(key)).toBe(false);
      seen.add(key);
    }
  });

  test('writes the time of each message with an offset, to the millisecond', () => {
    for (const message of take({ seed: 9, devices: 30, mix: TELEMETRY_ONLY }, 300)) {
      const { Time } = uplinkOf(message);
      expect(Time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
      expect(Date.parse(Time)).toBe(message.timeMs);
    }
  });

  test('moves along plausible tracks: no faster than a lorry, and it does get somewhere', () => {
    const fleet = createFleet({ seed: 21, devices: 10, mix: { ...TELEMETRY_ONLY, failedFix: 0 } });
    const last = new Map<string, { timeMs: number; place: { lat: number; lng: number } }>();
    const far = new Map<string, number>();
    const first = new Map<string, { lat: number; lng: number }>();
    for (let n = 0; n < 2000; n++) {
      const message = fleet.next(START_MS + n * 3000);
      const place = placeOf(message);
      if (!place) continue;
      const before = last.get(message.devEui);
      if (before) {
        // 24 m/s along the street, and the scatter of two poor fixes besides.
        const seconds = (message.timeMs - before.timeMs) / 1000;
        expect(metresBetween(before.place, place)).toBeLessThan(24 * seconds + 700);
      }
      last.set(message.devEui, { timeMs: message.timeMs, place });
      const start = first.get(message.devEui) ?? place;
      first.set(message.devEui, start);
      far.set(message.devEui, Math.max(far.get(message.devEui) ?? 0, metresBetween(start, place)));
    }
    expect(far.size).toBeGreaterThanOrEqual(8);
    for (const metres of far.values()) expect(metres).toBeGreaterThan(200);
  });

  test('has failed fixes, cold starts, late frames, numbers as strings and everything else that a network sends', () => {
    const messages = take({ seed: 2, devices: 100 }, 20_000, 50);
    const count = (kind: string): number => messages.filter((m) => m.kind === kind).length;
    for (const kind of ['late', 'location', 'resolved', 'join', 'mac', 'report']) {
      expect(count(kind), kind).toBeGreaterThan(10);
      expect(count(kind), kind).toBeLessThan(600);
    }
    const uplinks = messages.filter((m) => m.kind === 'uplink').map(uplinkOf);
    expect(uplinks.some((u) => typeof u.FPort === 'string' && typeof u.FCntUp === 'string')).toBe(true);
    const timeouts = uplinks.filter((u) => u.payload?.rawPositionType === 'GPS_TIMEOUT');
    expect(timeouts.length).toBeGreaterThan(50);
    for (const uplink of timeouts) expect(uplink.points).not.toHaveProperty('location');
    for (const message of messages.filter((m) => m.kind === 'late')) {
      const ageMs = START_MS + 20_000 * 50 - message.timeMs;
      expect(ageMs).toBeGreaterThan(180_000);
      expect(ageMs).toBeLessThan(7 * 3_600_000);
    }
    for (const uplink of messages.filter((m) => m.kind === 'mac').map(uplinkOf)) {
      expect(uplink).not.toHaveProperty('payload_hex');
      expect(uplink).not.toHaveProperty('payload');
    }
  });

  test('empties its batteries', () => {
    const fleet = createFleet({ seed: 4, devices: 1, mix: { ...TELEMETRY_ONLY, failedFix: 0, undecoded: 0 } });
    const levels: number[] = [];
    for (let n = 0; n < 500; n++) {
      const uplink = uplinkOf(fleet.next(START_MS + n * 600_000));
      levels.push(Number(uplink.points?.batteryLevel?.record ?? Number.NaN));
    }
    expect(levels[400]).toBeLessThan(levels[0] as number);
  });

  test('carries its tags, prefix and topic pattern', () => {
    const options = { seed: 1, devices: 3, tags: ['a=b', 'c'], euiPrefix: 'abcd', topicPattern: 'in/{DevEUI}/up' };
    const message = take({ ...options, mix: TELEMETRY_ONLY }, 1)[0] as FleetMessage;
    expect(uplinkOf(message).CustomerData.tags).toEqual(['a=b', 'c']);
    expect(message.devEui.startsWith('ABCD')).toBe(true);
    expect(message.topic).toBe(`in/${message.devEui}/up`);
    expect(createFleet(options).devEui(1)).toBe('ABCD000000000001');
  });

  test('refuses options that make no fleet', () => {
    expect(() => createFleet({ seed: 1, devices: 0 })).toThrow(RangeError);
    expect(() => createFleet({ seed: 1, devices: 5, euiPrefix: 'not hex' })).toThrow(TypeError);
  });
});
