// The catalogue in the reader's language, and numbers and times in the reader's format and zone.
import { type Catalogue, en } from './en.ts';
import { chosenLanguage, type Language, languageOf, localesOf } from './language.ts';

export const language: Language = languageOf(chosenLanguage(), navigator.languages);

/** English is there at once; another language is loaded before the first page is drawn, and none but it. */
export const text: Catalogue = await catalogueIn(language);

const { words, figures: locale } = localesOf(chosenLanguage(), navigator.languages);

async function catalogueIn(wanted: Language): Promise<Catalogue> {
  try {
    if (wanted === 'de') return (await import('./de.ts')).catalogue;
    if (wanted === 'fr') return (await import('./fr.ts')).catalogue;
  } catch (error) {
    // A page in English is better than none; the browser's console says why.
    console.error(error);
  }
  return en;
}

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
const stamp = new Intl.DateTimeFormat(locale, {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'shortOffset',
});
const clockTime = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minuteTime = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const ago = {
  long: new Intl.RelativeTimeFormat(words, { numeric: 'auto', style: 'long' }),
  short: new Intl.RelativeTimeFormat(words, { numeric: 'auto', style: 'short' }),
} as const;

export const formatCount = (value: number): string => whole.format(value);
/** Huge numbers in a small place; the exact one belongs into a title beside it. */
export const formatShort = (value: number): string => (Math.abs(value) < 100_000 ? whole : compact).format(value);
export const formatShare = (value: number): string => share.format(value);

/** With the viewer's offset, to the second. `time`: ISO or ms since the epoch. */
export function formatTime(time: string | number): string {
  return stamp.format(new Date(time));
}

const offset = new Intl.DateTimeFormat(locale, { timeZoneName: 'shortOffset' });

/** The viewer's offset at that moment, such as "GMT+1". */
export function formatOffset(time: string | number): string {
  return offset.formatToParts(new Date(time)).find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

export function formatClock(time: string | number): string {
  return clockTime.format(new Date(time));
}

export function formatMinute(time: number): string {
  return minuteTime.format(new Date(time));
}

const STEPS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** "3 minutes ago", short "3 min. ago", from ms since the epoch. */
export function formatAgo(time: number, now: number, style: 'long' | 'short' = 'long'): string {
  const seconds = Math.round((time - now) / 1000);
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return ago[style].format(Math.trunc(seconds / length), unit);
  }
  return ago[style].format(0, 'second');
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function formatBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const unit = BYTE_UNITS[step] ?? 'byte';
  const unitDisplay = step === 0 ? 'long' : 'short';
  return new Intl.NumberFormat(words, {
    style: 'unit',
    unit,
    unitDisplay,
    maximumFractionDigits: step === 0 ? 0 : 1,
  }).format(bytes / 1000 ** step);
}

const perSecond = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** A rate such as "12.5 / s". */
export function formatRate(rate: number): string {
  return `${(rate < 100 ? perSecond : whole).format(rate)}\u00a0/\u00a0s`;
}

const inMetres = new Intl.NumberFormat(locale, { style: 'unit', unit: 'meter', maximumSignificantDigits: 3 });
const inKilometres = new Intl.NumberFormat(locale, { style: 'unit', unit: 'kilometer', maximumSignificantDigits: 3 });

export function formatLength(metres: number): string {
  return metres < 1000 ? inMetres.format(metres) : inKilometres.format(metres / 1000);
}

const degrees = new Intl.NumberFormat(locale, { minimumFractionDigits: 5, maximumFractionDigits: 5 });

export const formatDegrees = (value: number): string => `${degrees.format(value)}°`;

/** A span such as "2 min 5 s", from ms. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), text.spans.day],
    [Math.floor(seconds / 3600) % 24, text.spans.hour],
    [Math.floor(seconds / 60) % 60, text.spans.minute],
    [seconds % 60, text.spans.second],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(Math.max(0, first), Math.max(0, first) + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
