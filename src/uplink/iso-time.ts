// Times in uplinks: ISO 8601 read by hand (in the hot path `Date.parse` costs several times as much), and epoch numbers.

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_MS = 86_400_000;
/** RFC 2822 dates ("Wed, 21 Oct 2015 07:28:00 GMT") are left to the engine; other texts are not guessed at. */
const RFC_2822 = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} /;

/** Two decimal digits at `at`, or -1. */
function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  // NaN beyond the end fails every comparison.
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** Days since 1970-01-01 in the Gregorian calendar (March-based years, so that the leap day comes last). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/**
 * ms since the epoch of an ISO 8601 date and time, NaN when it is none. Fractions of any length (cut to ms), `T` or a
 * blank, offsets `Z`, `±hh`, `±hhmm`, `±hh:mm`; a time without offset is taken as UTC; a date alone is no time.
 */
export function isoTime(text: string): number {
  const length = text.length;
  if (length < 16 || length > 40) return Number.NaN;
  const century = pair(text, 0);
  const years = pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const divider = text.charCodeAt(10);
  if (
    century < 0 ||
    years < 0 ||
    text.charCodeAt(4) !== 45 ||
    month < 1 ||
    month > 12 ||
    text.charCodeAt(7) !== 45 ||
    day < 1 ||
    day > (MONTH_DAYS[month - 1] as number) ||
    (divider !== 84 && divider !== 32 && divider !== 116) ||
    hour < 0 ||
    hour > 23 ||
    text.charCodeAt(13) !== 58 ||
    minute < 0 ||
    minute > 59
  ) {
    return RFC_2822.test(text) ? Date.parse(text) : Number.NaN;
  }
  const year = century * 100 + years;
  if (month === 2 && day === 29 && !(year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))) return Number.NaN;
  let at = 16;
  let second = 0;
  let ms = 0;
  if (text.charCodeAt(at) === 58) {
    second = pair(text, at + 1);
    if (second < 0 || second > 60) return Number.NaN;
    at += 3;
    const point = text.charCodeAt(at);
    if (point === 46 || point === 44) {
      at += 1;
      let weight = 100;
      const start = at;
      for (; at < length; at++) {
        const digit = text.charCodeAt(at) - 48;
        if (digit < 0 || digit > 9) break;
        ms += digit * weight;
        weight = weight > 1 ? weight / 10 : 0;
      }
      if (at === start) return Number.NaN;
    }
  }
  const offset = offsetMinutes(text, at);
  if (Number.isNaN(offset)) return Number.NaN;
  return daysFromCivil(year, month, day) * DAY_MS + ((hour * 60 + minute - offset) * 60 + second) * 1000 + ms;
}

function offsetMinutes(text: string, at: number): number {
  const rest = text.length - at;
  if (rest === 0) return 0;
  const sign = text.charCodeAt(at);
  if (sign === 90 || sign === 122) return rest === 1 ? 0 : Number.NaN;
  if (sign !== 43 && sign !== 45) return Number.NaN;
  const hours = pair(text, at + 1);
  let minutes = 0;
  if (rest === 6 && text.charCodeAt(at + 3) === 58) minutes = pair(text, at + 4);
  else if (rest === 5) minutes = pair(text, at + 3);
  else if (rest !== 3) return Number.NaN;
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return Number.NaN;
  return (hours * 60 + minutes) * (sign === 45 ? -1 : 1);
}

/** ms since the epoch from an ISO text or an epoch number (s or ms, also as text); NaN for everything else. */
export function anyTime(value: unknown): number {
  if (typeof value === 'string') {
    const time = isoTime(value);
    if (!Number.isNaN(time)) return time;
    return value.length >= 9 && value.length <= 17 ? epochTime(Number(value)) : Number.NaN;
  }
  return typeof value === 'number' ? epochTime(value) : Number.NaN;
}

/** Nine to eleven digits are seconds, twelve to fourteen are ms: both reach from 1973 to beyond 2100. */
function epochTime(value: number): number {
  if (value >= 1e8 && value < 1e11) return Math.round(value * 1000);
  return value >= 1e11 && value < 1e14 ? Math.round(value) : Number.NaN;
}
