// More devices than a connection has rows for.
import { expect, test } from 'vitest';
import { DeviceActivity } from '../../src/uplink/activity.ts';

const ROWS = 100_000;
const name = (n: number): string => n.toString(16).toUpperCase().padStart(16, '0');

test('beyond its rows, devices that were heard once make room for new ones, and those heard again stay', () => {
  const activity = new DeviceActivity();
  for (let n = 0; n < ROWS; n++) activity.heard(name(n), n);
  for (let n = 0; n < ROWS; n += 2) activity.heard(name(n), ROWS + n);
  for (let n = ROWS; n < 1.4 * ROWS; n++) activity.heard(name(n), ROWS + n);
  expect(activity.size).toBe(ROWS);
  for (let n = 0; n < ROWS; n += 2) expect(activity.get(name(n))).toMatchObject({ firstAt: n, uplinks: 2 });
  for (let n = ROWS; n < 1.4 * ROWS; n++) expect(activity.get(name(n))?.uplinks).toBe(1);
  expect(activity.get(name(1))).toBe(null);
});

test('where every device was heard again, a new one is still shown', () => {
  const activity = new DeviceActivity();
  for (const at of [1, 2]) for (let n = 0; n < ROWS; n++) activity.heard(name(n), at);
  for (let n = ROWS; n < ROWS + 1000; n++) {
    activity.heard(name(n), 3);
    expect(activity.get(name(n))).toEqual({ device: name(n), firstAt: 3, lastAt: 3, uplinks: 1 });
  }
  expect(activity.size).toBe(ROWS);
});
