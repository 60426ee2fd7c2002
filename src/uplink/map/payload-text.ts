// JSON texts of parts of a payload, and what they take before they are made. What must stay in the bridge is left out.
import type { JsonObject } from '../values.ts';
import { FLAG, keyInfo } from './keys.ts';

/** Whoever has a connection's downlink address may send commands through it: it stays here, whatever its field is called. */
export function isCapability(value: string): boolean {
  return value.charCodeAt(0) === 104 && value.includes('/downlinkMessages/');
}

/** A text, number, true, false or null as JSON. */
export function jsonOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  // JSON has no infinity, but a number of a thousand digits becomes one.
  return typeof value === 'number' && !Number.isFinite(value) ? 'null' : `${value as number | boolean | null}`;
}

/** An object or list as JSON, without what must stay here. Its depth is known to be bounded. */
export function wholeOf(value: object): string {
  const text = JSON.stringify(value);
  if (!/downlink/i.test(text)) return text;
  return JSON.stringify(value, (key, inner: unknown) => {
    if ((keyInfo(key).flags & FLAG.secret) !== 0) return undefined;
    return typeof inner === 'string' && isCapability(inner) ? '' : inner;
  });
}

/** Printable ASCII without quotes and backslashes needs no escaping and one byte a character. */
export function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 32 || code > 126 || code === 34 || code === 92) return false;
  }
  return true;
}

export const TOO_DEEP = Number.POSITIVE_INFINITY;

/** What a list or object takes as JSON at the very least, without making the text; `TOO_DEEP` beyond `levels`. */
export function leastBytes(value: object, levels: number): number {
  if (levels <= 0) return TOO_DEEP;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const entry of value) bytes += 1 + leastOf(entry, levels);
    return bytes;
  }
  for (const key in value) bytes += key.length + 3 + leastOf((value as JsonObject)[key], levels);
  return bytes;
}

function leastOf(value: unknown, levels: number): number {
  if (typeof value === 'string') return value.length;
  return typeof value === 'object' && value !== null ? leastBytes(value, levels - 1) : 1;
}
