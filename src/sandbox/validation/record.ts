// Rules for one telemetry record, as HERE's OpenAPI document states them. On the hot path: written out by hand, and a
// path is only made into text when something is wrong.
import { badBoolean, badNumber, badObject, isObject, type ObjectRule } from './fields.ts';
import { badScan } from './scan.ts';

export const MIN_TIMESTAMP = 2;
export const MAX_TIMESTAMP = 4_102_448_400_000;
const MAX_PAYLOAD_BYTES = 1000;
const ANY = Number.POSITIVE_INFINITY;

/**
 * Null, or what is wrong, beginning with the place within the record (`.position.lat must …`). `withId`: records of
 * `/v3/batch` name their device. The size of `payload` is not looked at here: see `payloadTooLong`.
 */
export function badRecord(record: unknown, withId: boolean): string | null {
  if (!isObject(record)) return ' must be an object';
  if (withId) {
    const id = record.id;
    if (id === undefined) return '.id is required';
    if (typeof id !== 'string' || id.length < 1 || id.length > 50) return '.id must be a string of 1 to 50 characters';
  }
  const timestamp = record.timestamp;
  if (typeof timestamp !== 'number') return '.timestamp is required and must be a number';
  if (!Number.isInteger(timestamp) || timestamp < MIN_TIMESTAMP || timestamp > MAX_TIMESTAMP) {
    return `.timestamp must be an integer between ${MIN_TIMESTAMP} and ${MAX_TIMESTAMP}`;
  }
  let wrong: string | null = null;
  if (record.position !== undefined) wrong = badPosition(record.position);
  if (wrong === null && record.system !== undefined) wrong = badSystem(record.system);
  if (wrong === null && record.scan !== undefined) wrong = badScan(record.scan, '.scan');
  if (wrong === null && record.payload !== undefined && !isObject(record.payload)) wrong = '.payload must be an object';
  return wrong;
}

/** `text` is the record's JSON: the payload is only measured when the whole record could be too long for it. */
export function payloadTooLong(record: Record<string, unknown>, text: string): boolean {
  if (record.payload === undefined || Buffer.byteLength(text) <= MAX_PAYLOAD_BYTES) return false;
  try {
    return Buffer.byteLength(JSON.stringify(record.payload)) > MAX_PAYLOAD_BYTES;
  } catch {
    // Nested deeper than the stack goes: far longer than that.
    return true;
  }
}

function badPosition(position: unknown): string | null {
  if (!isObject(position)) return '.position must be an object';
  const { lat, lng, accuracy, alt, altaccuracy, heading, speed, satellitecount, wlancount, confidence, timestamp } =
    position;
  if (typeof lat !== 'number' || !(lat >= -90 && lat <= 90)) return missingOr(lat, '.position.lat', -90, 90);
  if (typeof lng !== 'number' || !(lng >= -180 && lng <= 180)) return missingOr(lng, '.position.lng', -180, 180);
  if (typeof accuracy !== 'number' || !(accuracy >= 0)) return missingOr(accuracy, '.position.accuracy', 0, ANY);
  if ((speed === undefined) !== (heading === undefined)) return '.position.speed and heading go together';
  let wrong: string | null = null;
  if (alt !== undefined) wrong = badNumber(alt, '.position.alt', -ANY, ANY, false);
  if (wrong === null && altaccuracy !== undefined)
    wrong = badNumber(altaccuracy, '.position.altaccuracy', 0, ANY, false);
  if (wrong === null && speed !== undefined) {
    wrong = badNumber(speed, '.position.speed', 0, ANY, true) ?? badNumber(heading, '.position.heading', 0, 359, true);
  }
  if (wrong === null && satellitecount !== undefined) {
    wrong = badNumber(satellitecount, '.position.satellitecount', 1, 50, true);
  }
  if (wrong === null && wlancount !== undefined) wrong = badNumber(wlancount, '.position.wlancount', 1, 254, true);
  if (wrong === null && confidence !== undefined) wrong = badNumber(confidence, '.position.confidence', 50, 95, true);
  if (wrong === null && timestamp !== undefined) {
    wrong = badNumber(timestamp, '.position.timestamp', MIN_TIMESTAMP, MAX_TIMESTAMP, true);
  }
  if (wrong !== null) return wrong;
  if (position.type !== undefined && typeof position.type !== 'string') return '.position.type must be a string';
  return position.floor === undefined ? null : badObject(position.floor, '.position.floor', FLOOR);
}

function missingOr(value: unknown, path: string, min: number, max: number): string {
  if (value === undefined) return `${path} is required`;
  return badNumber(value, path, min, max, false) ?? `${path} is wrong`;
}

function badSystem(system: unknown): string | null {
  if (!isObject(system)) return '.system must be an object';
  let wrong: string | null = null;
  if (system.reportedSensorData !== undefined) wrong = badSensors(system.reportedSensorData);
  if (wrong === null && system.stateVersion !== undefined) {
    wrong = badNumber(system.stateVersion, '.system.stateVersion', 0, ANY, true);
  }
  if (wrong === null && system.client !== undefined) wrong = badObject(system.client, '.system.client', CLIENT);
  if (wrong !== null) return wrong;
  if (
    system.iccid === undefined &&
    system.imsi === undefined &&
    system.mode === undefined &&
    system.phoneNumber === undefined
  ) {
    return null;
  }
  return badObject(system, '.system', SYSTEM);
}

function badSensors(sensors: unknown): string | null {
  const at = '.system.reportedSensorData';
  if (!isObject(sensors)) return `${at} must be an object`;
  const { batteryLevel, temperatureC, relativeHumidity, pressureHpa, accelerationG, tiltDegree } = sensors;
  let wrong: string | null = null;
  if (batteryLevel !== undefined) wrong = badNumber(batteryLevel, `${at}.batteryLevel`, 0, 100, true);
  if (wrong === null && temperatureC !== undefined)
    wrong = badNumber(temperatureC, `${at}.temperatureC`, -70, 100, false);
  if (wrong === null && relativeHumidity !== undefined) {
    wrong = badNumber(relativeHumidity, `${at}.relativeHumidity`, 0, 100, false);
  }
  if (wrong === null && pressureHpa !== undefined)
    wrong = badNumber(pressureHpa, `${at}.pressureHpa`, 300, 1500, false);
  if (wrong === null && accelerationG !== undefined) {
    wrong = badNumber(accelerationG, `${at}.accelerationG`, -100, 100, false);
  }
  if (wrong === null && tiltDegree !== undefined) wrong = badNumber(tiltDegree, `${at}.tiltDegree`, -ANY, ANY, false);
  if (wrong !== null) return wrong;
  return (
    badBoolean(sensors.batteryIsCharging, `${at}.batteryIsCharging`) ??
    badBoolean(sensors.deviceIsStationary, `${at}.deviceIsStationary`) ??
    badBoolean(sensors.deviceIsAttached, `${at}.deviceIsAttached`) ??
    badBoolean(sensors.deviceIsTampered, `${at}.deviceIsTampered`)
  );
}

const FLOOR: ObjectRule = {
  fields: {
    id: { is: 'string', required: true },
    name: { is: 'string', required: true },
    level: { is: 'number', min: -999, max: 999, required: true },
  },
};

const BYTE = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const BUILD = '(?:6553[0-5]|655[0-2]\\d|65[0-4]\\d\\d|6[0-4]\\d{3}|[0-5]?\\d{1,4})';
const VERSION = new RegExp(`^${BYTE}\\.${BYTE}\\.${BUILD}$`);

const flag = { is: 'boolean' } as const;

const CLIENT: ObjectRule = {
  fields: {
    manufacturer: { is: 'string', min: 2, max: 50 },
    model: { is: 'string', min: 1, max: 50 },
    firmware: { is: 'string', min: 1, max: 150 },
    name: { is: 'string', min: 3, max: 50 },
    platform: { is: 'string', min: 3, max: 50 },
    version: { is: 'string', min: 3, max: 60, pattern: VERSION },
    diagnosticscode: { is: 'number' },
    diskquota: { is: 'number', min: 0 },
    accelerometerSensorRange: { is: 'list', max: 5, each: { is: 'integer', min: -1000, max: 1000 } },
    hasAccelerometerSensor: flag,
    hasAttachSensor: flag,
    hasHumiditySensor: flag,
    hasNoBattery: flag,
    hasPressureSensor: flag,
    hasTamperSensor: flag,
    hasTemperatureSensor: flag,
    homenetwork: {
      is: 'list',
      max: 2,
      of: {
        fields: {
          mcc: { is: 'integer', min: 200, max: 999 },
          mnc: { is: 'integer', min: 0, max: 999 },
          sid: { is: 'integer', min: 1, max: 32_767 },
          nid: { is: 'integer', min: 0, max: 65_535 },
        },
        pairs: [
          ['mcc', 'mnc'],
          ['sid', 'nid'],
        ],
      },
    },
    modules: {
      is: 'list',
      max: 10,
      of: {
        fields: {
          firmwareVersion: { is: 'string', min: 3, max: 60 },
          manufacturer: { is: 'string', min: 2, max: 50 },
          model: { is: 'string', min: 1, max: 50 },
        },
      },
    },
  },
};

const SYSTEM: ObjectRule = {
  fields: {
    iccid: { is: 'string', min: 18, max: 22 },
    imsi: { is: 'string', pattern: /^[0-9]{1,15}$/ },
    mode: { is: 'string', oneOf: ['unknown', 'normal', 'flight', 'transport', 'sleep'] },
    phoneNumber: { is: 'string', pattern: /^\+[1-9]\d{1,14}$/ },
  },
};
