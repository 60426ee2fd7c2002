// Who serves a device, compact: against a plain map.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ShadowStore } from '../../src/domain/ports/downlink.ts';
import { ProjectShadows } from '../../src/downlink/project-shadows.ts';
import { readRoute } from '../../src/downlink/route.ts';
import { ServedDevices, ServedRoom } from '../../src/downlink/served-devices.ts';
import { systemClock } from '../../src/ops/clock.ts';

const euis = fc
  .integer({ min: 0, max: 3000 })
  .map((n) => `70B3D5${(n * 7919).toString(16).toUpperCase().padStart(10, '0')}`);

test('remembers the last connection and driver of each device, as a map would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(euis, fc.constantFrom('a', 'b'), fc.constantFrom(null, '{"x":1}', '{"x":2}')), {
        maxLength: 3000,
        size: 'max',
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
    // A failure is told by then: shrinking 3000 uplinks to the fewest takes minutes.
    { numRuns: 30, interruptAfterTimeLimit: 10_000 },
  );
});

test('keeps no wrong way when there is no number left for another one', () => {
  const store = { forEachServed: () => {}, unclaimed: () => [], saveServed: () => {} } as unknown as ShadowStore;
  const project = new ProjectShadows('host|app', store, systemClock);
  const connection = project.served.connectionNumber('a');
  for (let i = 0; i < 70_000; i++) project.served.driverNumber(`{"other":${i}}`);
  const device = '70B3D50000000001';
  project.heard(device, connection, 'chirpstack application/7/device/{deveui}/command/down');
  expect(readRoute(project.served.driverOf(device), device)).toEqual({ network: 'chirpstack', topic: null });
  // It moves to ThingPark with a driver that has no number either.
  project.heard(device, connection, { id: 'new', mod: { mId: 'new' } });
  expect(readRoute(project.served.driverOf(device), device)).toEqual({ network: 'thingpark' });
  project.save();
});

test('knows a driver again by its model where it has no id', () => {
  const store = { forEachServed: () => {}, unclaimed: () => [], saveServed: () => {} } as unknown as ShadowStore;
  const project = new ProjectShadows('host|app', store, systemClock);
  const connection = project.served.connectionNumber('a');
  const drivers = [{ mod: { mId: 'x', ver: '1' } }, { mod: { mId: 'x', ver: '2' } }, { mod: { mId: 'y', ver: '1' } }];
  for (const driver of [...drivers, ...drivers]) {
    project.heard('70B3D50000000001', connection, driver);
    expect(project.served.driverOf('70B3D50000000001')).toBe(JSON.stringify(driver));
  }
  project.save();
});

test('the room for devices is that of all projects together, and comes back with a table that is given up', () => {
  const room = new ServedRoom(3);
  const [first, second] = [new ServedDevices(room), new ServedDevices(room)];
  const note = (table: ServedDevices, n: number): boolean => {
    return table.note(`70B3D5000000000${n}`, table.connectionNumber('a'), 0);
  };
  expect([note(first, 1), note(first, 2), note(second, 1), note(second, 2), note(first, 3)]).toEqual([
    ...[true, true, true],
    ...[false, false],
  ]);
  first.clear();
  expect([first.size, first.connectionOf('70B3D50000000001'), note(first, 1)]).toEqual([0, null, false]);
  expect([note(second, 2), note(second, 3), note(second, 4)]).toEqual([true, true, false]);
});
