// Rules for the desired shadow that an application writes (`PUT /shadows/v2/{id}`), as HERE's OpenAPI document states them.
import { badField, badObject, type Field, isObject, type ObjectRule } from './fields.ts';
import { MAX_TIMESTAMP, MIN_TIMESTAMP } from './record.ts';

const flag: Field = { is: 'boolean' };
const notNegative: Field = { is: 'number', min: 0 };

const RATE: ObjectRule = { fields: { distanceM: notNegative, sampleMs: notNegative, sendMs: notNegative } };
const PERIODS: Field = {
  is: 'list',
  max: 1,
  of: {
    fields: {
      begin: { is: 'integer', min: MIN_TIMESTAMP, max: MAX_TIMESTAMP },
      end: { is: 'integer', min: MIN_TIMESTAMP, max: MAX_TIMESTAMP },
    },
  },
};
const METHODS = ['bt', 'country', 'gsm', 'wcdma', 'tdscdma', 'lte', 'cdma', 'wlan', 'gps'];
const SENSORS = [
  'accelerationG',
  'deviceIsAttached',
  'deviceIsStationary',
  'batteryIsCharging',
  'batteryLevel',
  'pressureHpa',
  'relativeHumidity',
  'deviceIsTampered',
  'temperatureC',
  'tiltDegree',
];
const LOGGING: Field = {
  is: 'list',
  max: 5,
  of: {
    closed: true,
    fields: {
      type: {
        is: 'string',
        oneOf: ['acceleration', 'pressure', 'temperature', 'humidity', 'gnss'],
        required: true,
      },
      samplingFrequency: { is: 'number', min: 1 },
    },
  },
};
const WLAN: Field = {
  is: 'list',
  max: 10,
  of: {
    closed: true,
    fields: {
      securityMode: { is: 'string', oneOf: ['none', 'wpa2psk'], required: true },
      ssid: { is: 'string', min: 1, max: 32, required: true },
      ssidIsHidden: flag,
      password: { is: 'string', min: 8, max: 63 },
    },
  },
};

const SYSTEM_KEYS = new Set([
  'detectOutliers',
  'disableTracking',
  'rate',
  'sensorLoggingConfigurations',
  'sensorLoggingEnabled',
  'syncGeofences',
  'wlanConfigurations',
  'wlanConnectivityEnabled',
]);

/** Null, or what is wrong with the body. `stateVersion` and geofence times are HERE's own and not allowed. */
export function badDesired(body: unknown): string | null {
  if (!isObject(body)) return 'The body must be an object';
  for (const name of Object.keys(body)) if (name !== 'desired') return `${name} is not allowed`;
  const desired = body.desired;
  if (!isObject(desired)) return 'desired is required and must be an object';
  for (const name of Object.keys(desired)) {
    if (name !== 'payload' && name !== 'system') return `desired.${name} is not allowed`;
  }
  if (desired.payload !== undefined && !isObject(desired.payload)) return 'desired.payload must be an object';
  return desired.system === undefined ? null : badSystem(desired.system, 'desired.system');
}

function badSystem(system: unknown, path: string): string | null {
  if (!isObject(system)) return `${path} must be an object`;
  for (const name of Object.keys(system)) if (!SYSTEM_KEYS.has(name)) return `${path}.${name} is not allowed`;
  return (
    badField(system.detectOutliers, `${path}.detectOutliers`, flag) ??
    badField(system.sensorLoggingEnabled, `${path}.sensorLoggingEnabled`, flag) ??
    badField(system.syncGeofences, `${path}.syncGeofences`, flag) ??
    badField(system.wlanConnectivityEnabled, `${path}.wlanConnectivityEnabled`, flag) ??
    (system.rate === undefined ? null : badObject(system.rate, `${path}.rate`, RATE)) ??
    badField(system.sensorLoggingConfigurations, `${path}.sensorLoggingConfigurations`, LOGGING) ??
    badField(system.wlanConfigurations, `${path}.wlanConfigurations`, WLAN) ??
    (system.disableTracking === undefined ? null : badDisabling(system.disableTracking, `${path}.disableTracking`))
  );
}

function badDisabling(value: unknown, path: string): string | null {
  if (!isObject(value)) return `${path} must be an object`;
  return (
    badField(value.periods, `${path}.periods`, PERIODS) ??
    badChoice(value.position, `${path}.position`, METHODS) ??
    badChoice(value.sensors, `${path}.sensors`, SENSORS)
  );
}

function badChoice(value: unknown, path: string, names: readonly string[]): string | null {
  if (value === undefined || value === 'all' || value === '') return null;
  const fits = Array.isArray(value) && value.length > 0 && value.every((name) => names.includes(name));
  return fits ? null : `${path} must be "all", "" or an array of ${names.join(', ')}`;
}
