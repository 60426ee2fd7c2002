// Reading of option values: durations, numbers, lists. What does not read is wrong use of the command line (exit code 64).
import { InvalidArgumentError } from 'commander';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `500ms`, `20s`, `5m`, `1h` in ms. */
export function duration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('Allowed: a number with ms, s, m or h, for example 20s.');
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed: a whole number from ${min} to ${max}.`);
  };
}

/** `7` or `7-12`, both ends included. */
export function numberRange(
  min: number,
  max: number,
): (text: string) => { readonly from: number; readonly to: number } {
  const number = wholeNumber(min, max);
  return (text) => {
    const [from = '', to = from, ...more] = text.split('-');
    const range = { from: number(from), to: number(to) };
    if (more.length === 0 && range.from <= range.to) return range;
    throw new InvalidArgumentError(
      'Allowed: a whole number, or two with a hyphen between, the smaller first: 7 or 7-12.',
    );
  };
}

export function amount(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}(\.\d{1,9})?$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed: a number from ${min} to ${max}.`);
  };
}

/** For options that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** 16 hex digits. */
export function devEui(text: string): string {
  const plain = text.replaceAll(/[-:]/g, '').toUpperCase();
  if (/^[0-9A-F]{16}$/.test(plain)) return plain;
  throw new InvalidArgumentError('Allowed: 16 hex digits.');
}

/** An address to listen on. Nothing at all, as of a variable that is not set, would be every address of the machine. */
export function hostName(text: string): string {
  if (/^[A-Za-z0-9._:-]{1,253}$/.test(text)) return text;
  throw new InvalidArgumentError('Allowed: a host name or an IP address.');
}
