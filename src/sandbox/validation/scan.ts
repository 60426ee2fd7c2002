// Rules for radio measurements (`scan`), as HERE's OpenAPI document states them.
import { badField, badNumber, badObject, type Field, type Fields, isObject, type ObjectRule } from './fields.ts';

const MAC = /^(?:(?:[a-fA-F0-9]{2}:){5}|(?:[a-fA-F0-9]{2}-){5})[a-fA-F0-9]{2}$/;

const whole = (min: number, max: number): Field => ({ is: 'integer', min, max });
const needed = (min: number, max: number): Field => ({ is: 'integer', min, max, required: true });
const time: Field = { is: 'date-time' };
const mccMnc = { mcc: needed(200, 999), mnc: needed(0, 999) };

function list(max: number, fields: Fields, pairs: ObjectRule['pairs'] = []): Field {
  return { is: 'list', max, of: { fields, pairs } };
}

const CELLS: Fields = {
  gsm: list(
    16,
    {
      ...mccMnc,
      lac: needed(1, 65_535),
      cid: needed(0, 65_535),
      bcch: whole(0, 1023),
      bsic: whole(0, 63),
      rxlevel: whole(-110, -25),
      ta: whole(0, 63),
      timestamp: time,
      nmr: list(16, {
        bsic: needed(0, 63),
        bcch: needed(0, 1023),
        cid: whole(0, 65_535),
        lac: whole(1, 65_535),
        rxlevel: whole(-110, -25),
      }),
    },
    [['bcch', 'bsic']],
  ),
  wcdma: list(
    16,
    {
      ...mccMnc,
      cid: needed(0, 268_435_455),
      lac: whole(1, 65_535),
      pathloss: whole(46, 158),
      psc: whole(0, 511),
      rscp: whole(-120, -25),
      uarfcndl: whole(0, 16_383),
      timestamp: time,
      nmr: list(256, {
        uarfcndl: needed(0, 16_383),
        psc: needed(0, 511),
        cid: whole(0, 268_435_455),
        pathloss: whole(46, 158),
        rscp: whole(-120, -25),
      }),
    },
    [['psc', 'uarfcndl']],
  ),
  tdscdma: list(
    16,
    {
      ...mccMnc,
      cid: needed(0, 268_435_455),
      lac: whole(1, 65_535),
      cellparams: whole(0, 127),
      uarfcn: whole(0, 16_383),
      pathloss: whole(46, 158),
      rscp: whole(-120, -25),
      ta: whole(0, 1530),
      timestamp: time,
      nmr: list(
        256,
        {
          uarfcn: needed(0, 16_383),
          cellparams: needed(0, 127),
          cid: whole(0, 268_435_455),
          pathloss: whole(46, 158),
          rscp: whole(-120, -25),
        },
        [['pathloss', 'rscp']],
      ),
    },
    [
      ['cellparams', 'uarfcn'],
      ['pathloss', 'rscp'],
    ],
  ),
  lte: list(
    16,
    {
      ...mccMnc,
      cid: needed(0, 268_435_455),
      tac: whole(0, 65_535),
      earfcn: whole(0, 65_535),
      pci: whole(0, 503),
      rsrp: whole(-140, -44),
      rsrq: { is: 'number', min: -19.5, max: -3 },
      ta: whole(0, 1282),
      timestamp: time,
      nmr: list(16, {
        pci: needed(0, 503),
        earfcn: needed(0, 65_535),
        cid: whole(0, 268_435_455),
        rsrp: whole(-140, -44),
        rsrq: { is: 'number', min: -19.5, max: -3 },
      }),
    },
    [['earfcn', 'pci']],
  ),
  cdma: list(
    16,
    {
      sid: needed(1, 32_767),
      nid: needed(0, 65_535),
      bsid: needed(0, 65_535),
      baselat: { is: 'number', min: -90, max: 90 },
      baselng: { is: 'number', min: -180, max: 180 },
      channel: whole(0, 2047),
      pnoffset: whole(0, 511),
      pilotpower: whole(-142, -49),
      rz: whole(0, 4095),
      timestamp: time,
      nmr: list(32, {
        pnoffset: needed(0, 511),
        channel: needed(0, 2047),
        bsid: whole(0, 65_535),
        frequency: whole(0, 2047),
        pilotpower: whole(-142, -49),
      }),
    },
    [['channel', 'pnoffset']],
  ),
};

const GPS: ObjectRule = {
  fields: {
    lat: { is: 'number', min: -90, max: 90, required: true },
    lng: { is: 'number', min: -180, max: 180, required: true },
    accuracy: { is: 'number', min: 0, required: true },
    alt: { is: 'number' },
    altaccuracy: { is: 'number', min: 0 },
    heading: whole(0, 359),
    speed: { is: 'integer', min: 0 },
    satellitecount: whole(1, 50),
    timestamp: whole(2, 4_102_448_400_000),
  },
  pairs: [['heading', 'speed']],
};

const COUNTRY: ObjectRule = { fields: { mcc: needed(200, 999) } };

export function badScan(scan: unknown, path: string): string | null {
  if (!isObject(scan)) return `${path} must be an object`;
  if (scan.wlan !== undefined) {
    const wrong = badWlan(scan.wlan, `${path}.wlan`);
    if (wrong) return wrong;
  }
  if (scan.bt !== undefined) {
    const wrong = badBluetooth(scan.bt, `${path}.bt`);
    if (wrong) return wrong;
  }
  for (const kind in CELLS) {
    if (scan[kind] === undefined) continue;
    const wrong = badField(scan[kind], `${path}.${kind}`, CELLS[kind]!);
    if (wrong) return wrong;
  }
  if (scan.gps !== undefined) {
    const wrong = badObject(scan.gps, `${path}.gps`, GPS);
    if (wrong) return wrong;
  }
  return scan.country === undefined ? null : badObject(scan.country, `${path}.country`, COUNTRY);
}

/** `powrx` is optional, against the practice of sending it always. */
function badWlan(list: unknown, path: string): string | null {
  if (!Array.isArray(list)) return `${path} must be an array`;
  if (list.length > 128) return `${path} must have at most 128 items`;
  for (let i = 0; i < list.length; i++) {
    const point: unknown = list[i];
    if (!isObject(point)) return `${path}[${i}] must be an object`;
    if (typeof point.mac !== 'string' || !MAC.test(point.mac)) return `${path}[${i}].mac must be a MAC address`;
    const wrong = badNumber(point.powrx, `${path}[${i}].powrx`, -128, 0, true);
    if (wrong) return wrong;
    if (point.band !== undefined && point.band !== 2.4 && point.band !== 5 && point.band !== 3.65) {
      return `${path}[${i}].band must be one of 2.4, 3.65, 5`;
    }
    if (point.timestamp !== undefined) {
      const untimely = badField(point.timestamp, `${path}[${i}].timestamp`, time);
      if (untimely) return untimely;
    }
  }
  return null;
}

const EDDYSTONE: Field = { is: 'string', min: 24, max: 24 };
const IBEACON: Field = { is: 'string', min: 28, max: 28 };

function badBluetooth(list: unknown, path: string): string | null {
  if (!Array.isArray(list)) return `${path} must be an array`;
  if (list.length > 128) return `${path} must have at most 128 items`;
  for (let i = 0; i < list.length; i++) {
    const beacon: unknown = list[i];
    const at = `${path}[${i}]`;
    if (!isObject(beacon)) return `${at} must be an object`;
    if (beacon.rss === undefined) return `${at}.rss is required`;
    if (beacon.mac === undefined && beacon.eddystoneId === undefined && beacon.iBeaconId === undefined) {
      return `${at} must have one of mac, eddystoneId, iBeaconId`;
    }
    const wrong =
      badNumber(beacon.rss, `${at}.rss`, -128, 0, true) ??
      (beacon.mac === undefined || (typeof beacon.mac === 'string' && MAC.test(beacon.mac))
        ? null
        : `${at}.mac must be a MAC address`) ??
      badField(beacon.eddystoneId, `${at}.eddystoneId`, EDDYSTONE) ??
      badField(beacon.iBeaconId, `${at}.iBeaconId`, IBEACON) ??
      badField(beacon.timestamp, `${at}.timestamp`, time);
    if (wrong) return wrong;
  }
  return null;
}
