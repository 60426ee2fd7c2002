// One coordinate as payloads write it, and why two of them are no place of a device.
import { num } from '../values.ts';

const HEMISPHERE = /^([NSEWnsew])?\s*([+-]?\d{1,3}(?:[.,]\d{1,15})?)\s*°?\s*([NSEWnsew])?$/;

/** Degrees; NaN: none. Takes numbers, numeric texts, a decimal comma, "48.85 N", "S 33.9", "48.85°". */
export function coordinate(value: unknown): number {
  const plain = num(value);
  if (!Number.isNaN(plain) || typeof value !== 'string' || value.length > 30) return plain;
  const match = HEMISPHERE.exec(value.trim());
  if (match === null || (match[1] !== undefined && match[3] !== undefined)) return Number.NaN;
  const degrees = Number((match[2] as string).replace(',', '.'));
  return directed(degrees, match[1] ?? match[3]);
}

/** South and west are negative where the direction stands beside a number without a sign: "S", "West", or the letter's code. */
export function directed(degrees: number, direction: unknown): number {
  if (direction === undefined) return degrees;
  const letter = typeof direction === 'number' ? String.fromCharCode(direction & 0xff) : String(direction).trim()[0];
  return degrees > 0 && letter !== undefined && 'SsWw'.includes(letter) ? -degrees : degrees;
}

/** Why coordinates are no place of a device; null: they are one. */
export function whyNot(lat: number, lng: number): string | null {
  if (Number.isNaN(lat) || Number.isNaN(lng)) return 'no numbers';
  if (lat > 90 || lat < -90 || lng > 180 || lng < -180) return 'latitude or longitude out of range';
  if (Math.abs(lat) < 1e-4 && Math.abs(lng) < 1e-4) return '0,0 stands for no fix';
  if (lat === lng && isFilled(lat)) return 'the same placeholder for both stands for no fix';
  if (Math.abs(lat) === 90 && Math.abs(lng) === 180) return 'the ends of both ranges stand for no fix';
  return null;
}

/** What a field of ones, or the ends of a signed or unsigned field, become when a decoder scales them down by a power of ten. */
function isFilled(value: number): boolean {
  for (let factor = 1; factor <= 10_000_000; factor *= 10) {
    const raw = Math.round(value * factor);
    if (Math.abs(value * factor - raw) > 1e-6) continue;
    for (const bits of [8, 16, 24, 32]) {
      const full = 2 ** bits;
      if (raw === -1 || raw === full - 1 || raw === full / 2 - 1 || raw === -full / 2) return true;
    }
  }
  return false;
}
