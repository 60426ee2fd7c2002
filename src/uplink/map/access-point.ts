// One access point as payloads write it: which fields hold its address, its beacon identity and the strength of its signal.
import { isObject, type JsonObject, quantity } from '../values.ts';
import { canonical } from './keys.ts';

/** What an object says of an access point, not yet checked. `rss` in dBm, NaN: not told. */
export interface AccessPoint {
  /** Lower case with colons; null: none that can be one. */
  readonly mac: string | null;
  /** Base64 as HERE wants it; null: not all of UUID, major and minor are there. */
  readonly iBeaconId: string | null;
  /** Base64 of namespace and instance. */
  readonly eddystoneId: string | null;
  readonly rss: number;
  /** What the fields' names tell of its kind; null: nothing. */
  readonly kind: 'wifi' | 'bluetooth' | null;
}

/** HERE: such an access point must not be used for positioning. */
const NO_MAP = /_nomap$/i;

type Role =
  | 'mac'
  | 'bssid'
  | 'bleMac'
  | 'rss'
  | 'uuid'
  | 'major'
  | 'minor'
  | 'namespace'
  | 'instance'
  | 'ssid'
  | 'channel';

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  mac: 'mac macaddress macaddr address addr macid devicemac apmac hwaddr',
  bssid: 'bssid wifimac wifibssid wlanmac',
  bleMac: 'blemac beaconmac bluetoothmac btmac tagmac blemacaddress beaconmacaddress bluetoothaddress',
  rss:
    'rssi signalstrength signal rss powrx power level dbm strength rxlevel rssidbm wifirssi blerssi beaconrssi signallevel ' +
    'rssivalue receivedpower',
  uuid: 'uuid beaconuuid ibeaconuuid proximityuuid ibeaconproximityuuid',
  major: 'major ibeaconmajor beaconmajor',
  minor: 'minor ibeaconminor beaconminor',
  namespace: 'namespace namespaceid eddystonenamespace nid nsid',
  instance: 'instance instanceid eddystoneinstance bid',
  ssid: 'ssid',
  channel: 'channel',
};
const ROLES = new Map<string, Role>();
for (const [role, names] of Object.entries(ROLE_NAMES)) {
  for (const name of names.split(' ')) ROLES.set(name, role as Role);
}

/** `AA:BB:CC:DD:EE:FF`, with dashes, dots or blanks, or bare. Lower case with colons; null: no address, or a placeholder. */
export function macAddress(value: unknown): string | null {
  if (typeof value !== 'string' || value.length < 12 || value.length > 20) return null;
  const digits = value.trim().replace(/^0x/i, '').replace(SEPARATORS, '').toLowerCase();
  if (!/^[0-9a-f]{12}$/.test(digits) || digits === '000000000000' || digits === 'ffffffffffff') return null;
  return digits.replace(/(..)(?=.)/g, '$1:');
}
const SEPARATORS = /[:\-. ]/g;

/** dBm rounded; NaN: none, or outside of HERE's −128..0. Takes "-71" and "-71 dBm". */
export function signalStrength(value: unknown): number {
  const { value: dbm, unit } = quantity(value);
  if (unit !== '' && unit !== 'dbm' && unit !== 'db') return Number.NaN;
  const rounded = Math.round(dbm);
  return rounded >= -128 && rounded <= 0 ? rounded + 0 : Number.NaN;
}

/** null: the object is no access point. */
export function accessPoint(value: JsonObject | string): AccessPoint | null {
  if (typeof value === 'string') {
    const mac = macAddress(value);
    return mac === null ? null : { mac, iBeaconId: null, eddystoneId: null, rss: Number.NaN, kind: null };
  }
  const found: Partial<Record<Role, unknown>> = {};
  for (const key in value) {
    const role = ROLES.get(canonical(key));
    if (role !== undefined) found[role] ??= value[key];
  }
  if (typeof found.ssid === 'string' && NO_MAP.test(found.ssid)) return null;
  const mac = macAddress(found.bleMac) ?? macAddress(found.bssid) ?? macAddress(found.mac);
  const iBeaconId = beaconId(found.uuid, 16, found.major, found.minor);
  const eddystoneId = eddystone(found.namespace, found.instance);
  if (mac === null && iBeaconId === null && eddystoneId === null) return null;
  const isBeacon = found.bleMac !== undefined || found.uuid !== undefined || found.namespace !== undefined;
  const kind = isBeacon
    ? 'bluetooth'
    : found.bssid !== undefined || found.ssid !== undefined || found.channel !== undefined
      ? 'wifi'
      : null;
  return { mac, iBeaconId, eddystoneId, rss: signalStrength(found.rss), kind };
}

/** Access points of one object side by side: `mac1`, `rssi1`, `mac2` …, or `{"aa:bb:cc:dd:ee:ff": -71}`. */
export function numberedAccessPoints(object: JsonObject): JsonObject[] {
  const points: JsonObject[] = [];
  for (const key in object) {
    const named = macAddress(key);
    if (named !== null && !isObject(object[key])) points.push({ mac: key, rssi: object[key] });
    const match = NUMBERED.exec(key);
    if (match === null || macAddress(object[key]) === null) continue;
    const [, before = '', name = '', after = ''] = match;
    const isUpper = name === name.toUpperCase();
    const signal = SIGNAL_NAMES.map((one) => object[`${before}${isUpper ? one.toUpperCase() : one}${after}`]);
    points.push({ [name]: object[key], rssi: signal.find((one) => one !== undefined) });
  }
  return points;
}
const NUMBERED = /^(.{0,20}?)(mac|bssid|macaddress|mac_address|macAddress)(_?\d{1,2}(?:_.{0,10})?|)$/i;
const SIGNAL_NAMES = ['rssi', 'signal', 'signalStrength', 'signal_strength', 'power', 'Rssi', 'rss'];

/** UUID, major and minor, each a number or its hex digits, as 20 bytes. */
function beaconId(uuid: unknown, bytes: number, major: unknown, minor: unknown): string | null {
  const first = hexOf(uuid, bytes);
  const second = hexOf(major, 2);
  const third = hexOf(minor, 2);
  return first === null || second === null || third === null || /^0*$/.test(first)
    ? null
    : Buffer.from(first + second + third, 'hex').toString('base64');
}

function eddystone(namespace: unknown, instance: unknown): string | null {
  const first = hexOf(namespace, 10);
  const second = hexOf(instance, 6);
  return first === null || second === null || /^0*$/.test(first)
    ? null
    : Buffer.from(first + second, 'hex').toString('base64');
}

/** Numbers are taken as they are; a text of exactly so many bytes as hex digits, any other text as a decimal number. */
function hexOf(value: unknown, bytes: number): string | null {
  if (typeof value === 'string' && value.length <= 60) {
    const digits = value.trim().replace(/^0x/i, '').replace(SEPARATORS, '');
    if (digits.length === bytes * 2 && /^[0-9a-fA-F]+$/.test(digits)) return digits;
    if (bytes > 2 || !/^\d{1,5}$/.test(digits)) return null;
    return hexOf(Number(digits), bytes);
  }
  if (typeof value !== 'number' || bytes > 2 || !Number.isInteger(value) || value < 0 || value > 0xffff) return null;
  return value.toString(16).padStart(4, '0');
}
