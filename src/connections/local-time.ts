// Wall-clock time of IANA time zones: what a zone's clock shows at an instant, and when it first shows a given time.
// By Intl, since Node 24 has Temporal only behind a flag. Exact to the second, for zones as they are since 1970.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No zone is further from UTC than these: +14 and -12 hours, with an hour to spare. */
const AHEAD_MS = 15 * HOUR_MS;
const BEHIND_MS = 13 * HOUR_MS;

/** A formatter is some 10 KB of ICU's and takes a while to make; there are about 450 zones. */
const MAX_FORMATTERS = 600;
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (formatters.size >= MAX_FORMATTERS) formatters.clear();
  formatters.set(zone, made);
  return made;
}

/**
 * What the zone's clock shows at `at`, as the ms that a clock of UTC would show the same at. Throws a RangeError for a zone
 * that does not exist.
 */
export function localTime(zone: string, at: number): number {
  const shown: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(at)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % 1000) + 1000) % 1000);
}

/** The day that the zone's clock shows at `at`, as the ms of its midnight in UTC. */
export function localDay(zone: string, at: number): number {
  return Math.floor(localTime(zone, at) / DAY_MS) * DAY_MS;
}

/**
 * The first instant at which the zone's clock shows `local` (in the form of `localTime`) or a later time. So a time that
 * comes twice when the clock is set back means the first of the two, and one that is skipped when it is set forward means
 * the moment of the change.
 */
export function firstInstantOf(zone: string, local: number): number {
  const before = local - AHEAD_MS;
  const after = local + BEHIND_MS;
  const oldOffset = localTime(zone, before) - before;
  const newOffset = localTime(zone, after) - after;
  // A zone never changes twice within 28 hours, so equal offsets mean no change.
  if (oldOffset === newOffset) return local - oldOffset;
  const changeAt = findChange(zone, oldOffset, before, after);
  const byOldTime = local - oldOffset;
  return byOldTime < changeAt ? byOldTime : Math.max(changeAt, local - newOffset);
}

/** Changes happen on whole seconds. */
function findChange(zone: string, oldOffset: number, before: number, after: number): number {
  let low = Math.floor(before / 1000);
  let high = Math.ceil(after / 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (localTime(zone, middle * 1000) - middle * 1000 === oldOffset) low = middle;
    else high = middle;
  }
  return high * 1000;
}
