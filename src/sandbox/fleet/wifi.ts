// The access points that a tracker hears: invented, but always the same ones at the same place.
import type { Dice } from './seeded-chance.ts';

export interface HeardAccessPoint {
  /** Lower case with colons; locally administered, so no maker's. */
  readonly bssid: string;
  /** dBm. */
  readonly rssi: number;
}

/** Cells of about 110 m; a tracker hears those of its own cell. */
const CELLS_PER_DEGREE = 1000;

export function accessPointsNear(lat: number, lng: number, dice: Dice): HeardAccessPoint[] {
  const cell = (Math.round(lat * CELLS_PER_DEGREE) * 73_856_093) ^ (Math.round(lng * CELLS_PER_DEGREE) * 19_349_663);
  const heard: HeardAccessPoint[] = [];
  // Out of town there may be one or none: then HERE cannot place it, and no scan is sent.
  const count = dice.chance(0.05) ? dice.whole(0, 1) : dice.whole(2, 6);
  let strength = dice.whole(-68, -48);
  for (let n = 0; n < count; n++) {
    heard.push({ bssid: address(cell, n), rssi: strength });
    strength = Math.max(-97, strength - dice.whole(1, 9));
  }
  return heard;
}

function address(cell: number, n: number): string {
  let hash = Math.imul(cell ^ Math.imul(n + 1, 0x9e3779b1), 0x85ebca6b);
  hash ^= hash >>> 13;
  const high = (hash >>> 0).toString(16).padStart(8, '0');
  return `02:${high.slice(0, 2)}:${high.slice(2, 4)}:${high.slice(4, 6)}:${high.slice(6, 8)}:${(16 + n).toString(16)}`;
}
