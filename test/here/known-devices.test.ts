// The compact set of known devices: exact, bounded, small.
import { expect, test } from 'vitest';
import { KnownDevices } from '../../src/here/known-devices.ts';
import { eui } from './support.ts';

test('it knows exactly what was added and not removed', () => {
  const known = new KnownDevices(1_000_000);
  for (let index = 0; index < 20_000; index++) known.add(eui(index * 7));
  for (let index = 0; index < 20_000; index += 2) known.delete(eui(index * 7));
  for (let index = 0; index < 20_000; index++) expect(known.has(eui(index * 7))).toBe(index % 2 === 1);
  expect(known.has(eui(1))).toBe(false);
});

test('ids that are no DevEUI, and the odd DevEUIs, are kept as well', () => {
  const odd = ['my-device', '0000000000000000', 'FFFFFFFFFFFFFFFF', '00000000000000ab', '00000000000000AB', ''];
  const known = new KnownDevices(1000);
  for (const device of odd) {
    expect(known.has(device)).toBe(false);
    known.add(device);
    expect(known.has(device)).toBe(true);
  }
  for (const device of odd) {
    known.delete(device);
    expect(known.has(device)).toBe(false);
  }
});

test('it is bounded, and those seen lately stay', () => {
  const known = new KnownDevices(1000);
  for (let index = 0; index < 10_000; index++) {
    known.add(eui(index));
    known.has(eui(3));
  }
  expect(known.size).toBeLessThanOrEqual(1001);
  expect(known.has(eui(3))).toBe(true);
  expect(known.has(eui(9999))).toBe(true);
  expect(known.has(eui(4))).toBe(false);
});

test('a million devices take less than 40 MB, and adding and removing for ever does not grow it', () => {
  const known = new KnownDevices(2_000_000);
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < 1_000_000; index++) known.add(eui(index));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000);
  const small = new KnownDevices(1000);
  for (let index = 0; index < 100_000; index++) {
    small.add(eui(index));
    small.delete(eui(index));
  }
  expect(small.size).toBe(0);
});
