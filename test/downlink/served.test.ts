// Who serves a device, compact: against a plain map.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ServedDevices } from '../../src/downlink/served-devices.ts';

const euis = fc
  .integer({ min: 0, max: 3000 })
  .map((n) => `70B3D5${(n * 7919).toString(16).toUpperCase().padStart(10, '0')}`);

test('remembers the last connection and driver of each device, as a map would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(euis, fc.constantFrom('a', 'b'), fc.constantFrom(null, '{"x":1}', '{"x":2}')), {
        maxLength: 3000,
      }),
      (uplinks) => {
        const served = new ServedDevices();
        const model = new Map<string, { connection: string; driver: string | null }>();
        for (const [device, connection, driver] of uplinks) {
          const before = model.get(device);
          const next = { connection, driver: driver ?? before?.driver ?? null };
          const isNews = before?.connection !== next.connection || before.driver !== next.driver;
          const number = driver === null ? 0 : served.driverNumber(driver);
          expect(served.note(device, served.connectionNumber(connection), number)).toBe(isNews);
          model.set(device, next);
        }
        expect(served.size).toBe(model.size);
        for (const [device, { connection, driver }] of model) {
          expect([served.connectionOf(device), served.driverOf(device)]).toEqual([connection, driver]);
        }
        const ofA = [...model].filter(([, { connection }]) => connection === 'a').map(([device]) => device);
        expect(served.devicesOf(new Set(['a'])).sort()).toEqual(ofA.sort());
        expect(served.connectionOf('FFFFFFFFFFFFFFFF')).toBeNull();
      },
    ),
    { numRuns: 30 },
  );
});
