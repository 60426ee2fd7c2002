// Reading values out of foreign JSON: numbers that come as strings, texts with units, objects that may be anything.

/** An object as `JSON.parse` makes it: own keys only count, `__proto__` may be one of them. */
export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Decimal numbers only: no hex, no "Infinity", no blanks in between. */
const PLAIN_NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const QUANTITY = /^([+-]?\d+(?:\.\d+)?)\s*([°%a-zA-Z/]{0,12})$/;
const RANGE = /^[[(]\s*([\d.]{1,20})\s*,\s*([\d.]{1,20})\s*[\])]$/;
const MAX_NUMBER_TEXT = 40;

/** A finite number, also from a numeric text; NaN for everything else (also for null, "", true and lists). */
export function num(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN;
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_NUMBER_TEXT) return Number.NaN;
  const text = value.trim();
  if (!PLAIN_NUMBER.test(text)) return Number.NaN;
  const number = Number(text);
  return Number.isFinite(number) ? number : Number.NaN;
}

/** A text that is not blank, cut to `maxLength` characters; null for everything else. */
export function text(value: unknown, maxLength = 200): string | null {
  if (typeof value !== 'string') return null;
  const trimmed = (value.length > maxLength ? value.slice(0, maxLength) : value).trim();
  return trimmed === '' ? null : trimmed;
}

export interface Quantity {
  /** NaN when there is no number. */
  readonly value: number;
  /** Lower case, without the degree sign: "c", "f", "%", "v", "mv"; "" when none is given. */
  readonly unit: string;
}

/** A number with or without its unit: 21.5, "21.5", "31°C", "32.9 °F", "100%", "3.4V". */
export function quantity(value: unknown): Quantity {
  if (typeof value !== 'string') return { value: num(value), unit: '' };
  if (value.length > MAX_NUMBER_TEXT) return { value: Number.NaN, unit: '' };
  const match = QUANTITY.exec(value.trim());
  if (match === null) return { value: num(value), unit: '' };
  return { value: Number(match[1]), unit: (match[2] ?? '').replace('°', '').toLowerCase() };
}

/** A radius in m: a number, a numeric text, or the upper bound of a range such as "(250,500]". NaN: unknown. */
export function radius(value: unknown): number {
  const plain = num(value);
  if (!Number.isNaN(plain)) return plain;
  if (typeof value !== 'string' || value.length > MAX_NUMBER_TEXT + 10) return Number.NaN;
  const match = RANGE.exec(value.trim());
  return match === null ? Number.NaN : num(match[2]);
}

/** true, false, or null when the value says neither. Takes "true", "yes", "on", 1 and their opposites. */
export function bool(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value === 1 ? true : value === 0 ? false : null;
  if (typeof value !== 'string' || value.length > 8) return null;
  switch (value.trim().toLowerCase()) {
    case 'true':
    case 'yes':
    case 'on':
    case '1':
      return true;
    case 'false':
    case 'no':
    case 'off':
    case '0':
      return false;
    default:
      return null;
  }
}

/** A DevEUI as HERE's external id: 16 upper-case hex digits; separators `-` and `:` are taken out. null: it is none. */
export function devEui(value: unknown): string | null {
  if (typeof value !== 'string' || value.length < 16 || value.length > 32) return null;
  if (isUpperHex16(value)) return value;
  const digits = value.length === 16 ? value : value.trim().replace(/[-:]/g, '');
  return HEX_16.test(digits) ? digits.toUpperCase() : null;
}
/** As networks write it: nothing needs to be made of it. */
export function isUpperHex16(text: string): boolean {
  if (text.length !== 16) return false;
  for (let at = 0; at < 16; at++) {
    const code = text.charCodeAt(at);
    if (!((code >= 48 && code <= 57) || (code >= 65 && code <= 70))) return false;
  }
  return true;
}
const HEX_16 = /^[0-9a-fA-F]{16}$/;
