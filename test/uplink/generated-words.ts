// By chance: names, texts and numbers of payloads, and trees of them that mean nothing.
import type { Dice } from '../../src/sandbox/fleet/seeded-chance.ts';
import { DEVICE } from './prepare-support.ts';

export const PAIRS: readonly (readonly [string, string])[] = [
  ['latitude', 'longitude'],
  ['Latitude', 'Longitude'],
  ['LAT', 'LON'],
  ['lat', 'lng'],
  ['lat', 'long'],
  ['latitude', 'longitud'],
  ['latitudeDeg', 'longitudeDeg'],
  ['gps_lat', 'gps_lon'],
  ['gpsLatitude', 'gpsLongitude'],
  ['gps-latitude', 'gps-longitude'],
];
export const NESTS = ['', 'position', 'gps', 'location', 'gnss', 'GPS', 'gps_1', 'decoded', 'data', 'location_tago'];
export const DECOYS = [
  'gpsPrevious',
  'rxInfo',
  'gateways',
  'antenna',
  'assistance',
  'CustomerData',
  'previousFix',
  'homeLocation',
  'lastKnownPosition',
  'geofence',
  'config',
];
export const FAILURES = [
  { fixFailed: true },
  { gnss: 'no fix' },
  { fix: false },
  { gpsFixStatus: 'NO_FIX' },
  { fix_valid: 0 },
  { fixType: 'none' },
];
export const SENSORS = [
  'battery',
  'batteryLevel',
  'temperature',
  'TempC_SHT',
  'humidity',
  'pressure',
  'motion',
  'tamper',
  'speed',
  'speedKmph',
  'heading',
  'headingDeg',
  'accuracy',
  'hdop',
  'satellites',
  'altitude',
  'age',
  'timestamp',
  'time',
  'status',
  'x',
  'messageType',
];
export const NAMES = [
  ...SENSORS,
  ...PAIRS.flat(),
  ...NESTS.slice(1),
  ...DECOYS,
  'wifi',
  'bleBssids',
  'mac',
  'rssi',
  'uuid',
  'major',
  'minor',
  'messages',
  'type',
  'measurementValue',
  'value',
  'unit',
  'record',
  'records',
  'unitId',
  'points',
  'coordinates',
  '__proto__',
  'constructor',
  'downlinkUrl',
  '7',
  'frames',
  'header',
  'gnssFix',
  'SOG',
  'COG',
];
export const TEXTS = [
  '',
  'NaN',
  '1e999',
  '-0',
  '0x10',
  'GPS',
  'WIFI',
  'CHARGING',
  'SUCCESS',
  'no fix',
  '43.6,7.06',
  '31°C',
  '100%',
  '(250,500]',
  '2024-06-20T12:51:50Z',
  'UNKNOWN',
  '\ud800',
  'ü€',
  '00:00:00:00:00:00',
  '2f:4a:0a:db:a6:c8',
  'Infinity',
  'null',
  '48,5 N',
];
export const NUMBERS = [
  -1, 0, -0, 1, 90, 180, 255, 65535, 4294967295, 1718887908, 1718887908000, 1e300, -1e-7, 214.7483647, 43.6,
];

export function leaf(dice: Dice): unknown {
  switch (dice.whole(0, 6)) {
    case 0:
      return dice.pick(TEXTS);
    case 1:
      return dice.pick(NUMBERS);
    case 2:
      return dice.chance(0.5);
    case 3:
      return null;
    case 4:
      return dice.whole(-10, 400);
    case 5:
      return `${dice.whole(-10, 400)}`;
    default:
      return dice.between(-200, 200);
  }
}

function tree(dice: Dice, depth: number): unknown {
  if (depth === 0 || dice.chance(0.4)) return leaf(dice);
  if (dice.chance(0.3)) return Array.from({ length: dice.whole(0, 4) }, () => tree(dice, depth - 1));
  const object: Record<string, unknown> = Object.create(null);
  for (let i = dice.whole(0, 7); i > 0; i--) object[dice.pick(NAMES)] = tree(dice, depth - 1);
  return object;
}

export function hostile(dice: Dice): unknown {
  const body: Record<string, unknown> = { DevEUI: DEVICE, deviceEUI: undefined };
  for (const key of [
    'Time',
    'FPort',
    'FCntUp',
    'payload_hex',
    'payload',
    'points',
    'CustomerData',
    'DriverCfg',
    'ModelCfg',
    'DevLAT',
    'DevLON',
    'DevLocRadius',
    'DevAlt',
    'DevNorthVel',
    'DevEastVel',
    'coordinates',
    'validityState',
    'uplinkPayload',
    'age',
    'horizontalAccuracy',
    'rawPosition',
    'payloadDecodedError',
  ]) {
    if (dice.chance(0.4)) body[key] = tree(dice, 4);
  }
  switch (dice.whole(0, 7)) {
    case 0:
      return { DevEUI_location: body };
    case 1:
      return { ...body, deviceEUI: DEVICE };
    case 2:
      return body;
    case 3:
      return {
        deviceInfo: { devEui: DEVICE, tags: tree(dice, 2) },
        time: leaf(dice),
        fPort: leaf(dice),
        fCnt: leaf(dice),
        data: leaf(dice),
        object: tree(dice, 4),
        location: dice.chance(0.2) ? tree(dice, 2) : undefined,
      };
    case 4:
      return {
        end_device_ids: { dev_eui: DEVICE, device_id: leaf(dice) },
        uplink_message: {
          f_port: leaf(dice),
          decoded_payload: tree(dice, 4),
          normalized_payload: tree(dice, 3),
          locations: tree(dice, 3),
          frm_payload: leaf(dice),
        },
      };
    case 5:
      return { id: DEVICE, ...(tree(dice, 3) as object) };
    default:
      return { DevEUI_uplink: body };
  }
}
