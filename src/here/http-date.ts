// Dates in HTTP headers. All three forms of RFC 9110 (5.6.7) are UTC; `Date.parse` reads the one without a zone as local time,
// and takes much that is no date ("-5") for one.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_WEEKDAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)';

const FORMS: readonly RegExp[] = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^${WEEKDAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^${LONG_WEEKDAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  // asctime: Sun Nov  6 08:49:37 1994
  new RegExp(`^${WEEKDAY} ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`),
];

/** ms since the epoch; null: it is none. `nowMs` tells the century of a year of two digits. */
export function httpDate(text: string, nowMs: number): number | null {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const { month = '', day, year = '', hour, minute, second } = groups;
    const years = year.length === 2 ? fullYear(Number(year), nowMs) : Number(year);
    // `Date.UTC` takes years below 100 for those of the last century.
    const date = new Date(0);
    date.setUTCFullYear(years, MONTHS.indexOf(month), Number(day));
    if (date.getUTCDate() !== Number(day)) return null;
    return date.setUTCHours(Number(hour), Number(minute), Number(second));
  }
  return null;
}

/** As RFC 9110 demands: what would be more than 50 years ahead is of the century before. */
function fullYear(ofCentury: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + ofCentury;
  if (year > thisYear + 50) return year - 100;
  return year <= thisYear - 50 ? year + 100 : year;
}
