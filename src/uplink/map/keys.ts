// What the names of fields mean, in any case and with any separators: one table, looked up once per distinct name.
import { NAMES } from './key-names.ts';

/** Meanings of a field. A closed set of small numbers, so that the walks over an uplink compare no texts. */
export const MEANING = {
  none: 0,
  // A pair of coordinates; the two of one style follow each other.
  latitude: 1,
  longitude: 2,
  latitudeDeg: 3,
  longitudeDeg: 4,
  lat: 5,
  lng: 6,
  gpsLat: 7,
  gpsLng: 8,
  abeewayLat: 9,
  abeewayLng: 10,
  /** `location`, `coordinates`, `position`, `gps` …: a list [lng, lat], a text "lat,lng", an object, or a status text. */
  place: 11,
  // Besides a fix.
  accuracy: 12,
  acc: 13,
  altitude: 14,
  satellites: 15,
  time: 16,
  age: 17,
  speedKmh: 18,
  speedMs: 19,
  speedMms: 20,
  speedKnots: 21,
  /** Abeeway's: cm/s and hundredths of a degree. */
  abeewaySpeed: 22,
  abeewayCourse: 23,
  /** AT3's SOG and COG; other makers use the names with other units. */
  sog: 24,
  cog: 25,
  headingDeg: 26,
  heading: 27,
  speed: 28,
  // Whether a fix is good, and how it was made.
  fixFailed: 29,
  fixValid: 30,
  fixText: 31,
  status: 32,
  technology: 33,
  gnssFix: 34,
  // Sensors.
  batteryPercent: 40,
  batteryBare: 41,
  charging: 42,
  temperatureC: 43,
  temperatureF: 44,
  temperatureK: 45,
  humidity: 46,
  pressureHpa: 47,
  pressurePa: 48,
  pressureKpa: 49,
  pressure: 50,
  moving: 51,
  stationary: 52,
  tampered: 53,
  attached: 54,
  detached: 55,
  // Others.
  messages: 60,
  device: 61,
  hexEcho: 62,
  keep: 63,
  /** N, S, E or W beside a pair without signs. */
  latDirection: 35,
  lngDirection: 36,
  /** No name's: marks that the record has a scan. */
  scan: 37,
} as const;
export const MEANINGS = 64;
export const FIRST_SENSOR = 40;
export const LAST_SENSOR = 55;

/** For sets of sensors' meanings; 0 for any other meaning. */
export function sensorBit(meaning: number): number {
  return meaning >= FIRST_SENSOR && meaning <= LAST_SENSOR ? 1 << (meaning - FIRST_SENSOR) : 0;
}

export const FLAG = {
  /** Nothing inside is the device's present state: receivers, previous fixes, configuration, scans … */
  sealed: 1,
  /** A pair inside is the device's place. */
  place: 2,
  /** Says nothing of what is inside: `data`, `decoded`, `result` … */
  neutral: 4,
  /** Configuration: the first to leave a payload that is too long, after echoes and mapped values. */
  config: 8,
  /** A capability that never leaves the bridge. */
  secret: 16,
  /** Heard access points: never a place or a sensor of the device, but a scan. Which ones, where the name tells. */
  scan: 32,
  wifi: 64,
  bluetooth: 128,
} as const;

export interface KeyInfo {
  readonly key: string;
  /** `"key":` as JSON. */
  readonly quoted: string;
  /** `"key":{`. */
  readonly opening: string;
  /** Its first UTF-16 unit; -1: it is empty. */
  readonly first: number;
  /** UTF-8 length of `quoted`. */
  readonly bytes: number;
  readonly meaning: number;
  readonly flags: number;
}

const MEANING_OF = new Map<string, number>();
for (const [meaning, names] of Object.entries(NAMES)) {
  for (const name of names.split(' ')) MEANING_OF.set(name, MEANING[meaning as keyof typeof MEANING]);
}

const SEALED =
  /prev|antenna|gateway|^gw|rx(info|meta)|metadata|receiver|^lrr|station|fence|config|setting|param|threshold|assist|home|customerdata|^driver|cfg$|anchor|reference|limit|calibrat|install|destination|origin|target|processedpacket|^(min|max|alarms?|alerts?|old|last|nominal|site|address|network|cell|rawposition)$|^last(known)?(pos|loc|gps|gnss|fix|coord|lat|lng|lon)/;
/** Names of lists of access points that were heard; `bleBssids` is Bluetooth's. */
const BLUETOOTH =
  /^ble|(nearby|scanned|detected|heard|found)ble|bluetooth|beacon|^bt(s|mac|scan|dev|list|addr)?s?$|eddystone/;
const WIFI = /wifi|wlan|bssid|accesspoint|^aps?(list|s)?$|hotspot/;
const SCAN = /scan|macaddr|^macs?(data|list|s)?$|^(detected|nearby|heard)/;
const PLACE = /gps|gnss|glonass|loc|pos|coord|geo|fix|track|latl[no]|^points?$/;
const NEUTRAL =
  /^(decoded|decodedpayload|results?|data|payload|object|default|values?|measurements?|fields?|messages?|uplink|events?|telemetry|reports?|records?|frames?|sensors?|info|status|state|content|body|lifecycle|history|entries|samples?|items|list|header|\d+)$/;
/** `resolvedTracker` of a resolved position repeats the tracker's whole set-up. */
const CONFIG = /config|setting|param(eter)?s?$|cfg$|^resolvedtracker$/;

const CACHE_ENTRIES = 4096;
const MAX_CACHED_KEY = 64;
const cache = new Map<string, KeyInfo>();

/** Letters and digits in lower case; an index at the end (`temperature_2`, `gps:1`) is taken off. */
export function canonical(key: string): string {
  return key
    .replace(/[_:]\d{1,3}$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
}

/**
 * What was at each place the last time: most messages of a fleet have the same keys in the same order, and comparing one costs
 * less than looking it up.
 */
export class KeyTrail {
  readonly #keys: KeyInfo[];

  constructor(places: number) {
    this.#keys = new Array(places).fill(NO_KEY);
  }

  /** `place` below the count of places. */
  at(place: number, key: string): KeyInfo {
    const last = this.#keys[place] as KeyInfo;
    if (last.key === key) return last;
    const info = keyInfo(key);
    this.#keys[place] = info;
    return info;
  }
}

/** Of no key. */
export const NO_KEY: KeyInfo = Object.freeze({
  key: '',
  first: Number.NaN,
  quoted: '',
  opening: '{',
  bytes: 0,
  meaning: 0,
  flags: 0,
});

/** Knowledge of a key. Cached within bounds: whoever invents names gains nothing but a slower look-up. */
export function keyInfo(key: string): KeyInfo {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const first = key === '' ? -1 : key.charCodeAt(0);
  const quoted = `${JSON.stringify(key)}:`;
  const bytes = Buffer.byteLength(quoted);
  const opening = `${quoted}{`;
  if (key.length > MAX_CACHED_KEY)
    return { key, first, quoted, opening, bytes, meaning: MEANING.none, flags: FLAG.sealed };
  const name = canonical(key);
  let flags = 0;
  if (name === 'downlinkurl' || key === '__proto__') flags |= FLAG.secret;
  if (SEALED.test(name)) flags |= FLAG.sealed;
  else if (BLUETOOTH.test(name)) flags |= FLAG.sealed | FLAG.scan | FLAG.bluetooth;
  else if (WIFI.test(name)) flags |= FLAG.sealed | FLAG.scan | FLAG.wifi;
  else if (SCAN.test(name)) flags |= FLAG.sealed | FLAG.scan;
  else if (PLACE.test(name)) flags |= FLAG.place;
  else if (NEUTRAL.test(name)) flags |= FLAG.neutral;
  if (CONFIG.test(name)) flags |= FLAG.config;
  const info: KeyInfo = { key, first, quoted, opening, bytes, meaning: MEANING_OF.get(name) ?? MEANING.none, flags };
  if (cache.size >= CACHE_ENTRIES) cache.clear();
  cache.set(key, info);
  return info;
}
