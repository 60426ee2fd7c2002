// What an override may set, and the closed set of conversions that it may use.

export type OverrideValue = number | boolean | string;

/** A field of HERE's record by its JSON pointer. `null` of `fit`: the value is not one that the field takes. */
export interface OverrideField {
  readonly expects: string;
  readonly fit: (value: OverrideValue) => OverrideValue | null;
  /** Units that may be named, as [factor, offset] into HERE's unit. */
  readonly units: Readonly<Record<string, readonly [number, number]>>;
}

function number(low: number, high: number, units: OverrideField['units'] = {}): OverrideField {
  const fit = (value: OverrideValue) => (typeof value === 'number' && value >= low && value <= high ? value : null);
  return { expects: `a number from ${low} to ${high}`, fit, units };
}

function whole(low: number, high: number, units: OverrideField['units'] = {}): OverrideField {
  const fit = (value: OverrideValue) => {
    const rounded = typeof value === 'number' ? Math.round(value) : Number.NaN;
    return rounded >= low && rounded <= high ? rounded + 0 : null;
  };
  return { expects: `a whole number from ${low} to ${high}`, fit, units };
}

const state: OverrideField = {
  expects: 'true or false',
  fit: (value) => (value === true || value === 1 ? true : value === false || value === 0 ? false : null),
  units: {},
};

function text(low: number, high: number): OverrideField {
  const fit = (value: OverrideValue) => {
    const written = String(value).trim();
    return written.isWellFormed() && [...written].length >= low && [...written].length <= high ? written : null;
  };
  return { expects: `a text of ${low} to ${high} characters`, fit, units: {} };
}

const LENGTHS = { m: [1, 0], cm: [0.01, 0], mm: [0.001, 0], km: [1000, 0], ft: [0.3048, 0] } as const;
const DEGREES = { deg: [1, 0], 'deg/10': [0.1, 0], 'deg/100': [0.01, 0], rad: [180 / Math.PI, 0] } as const;
const COORDINATES = { deg: [1, 0], 'deg/1e5': [1e-5, 0], 'deg/1e6': [1e-6, 0], 'deg/1e7': [1e-7, 0] } as const;
const POSITION = '/position/';
const SENSORS = '/system/reportedSensorData/';
const CLIENT = '/system/client/';

export const OVERRIDE_FIELDS: Readonly<Record<string, OverrideField>> = {
  [`${POSITION}lat`]: number(-90, 90, COORDINATES),
  [`${POSITION}lng`]: number(-180, 180, COORDINATES),
  [`${POSITION}accuracy`]: number(0.001, 1_000_000, LENGTHS),
  [`${POSITION}alt`]: number(-12_000, 100_000, LENGTHS),
  [`${POSITION}type`]: {
    expects: 'gnss or wlan',
    fit: (value) => (value === 'gnss' || value === 'wlan' ? value : null),
    units: {},
  },
  [`${POSITION}speed`]: whole(0, 1000, {
    'm/s': [1, 0],
    'cm/s': [0.01, 0],
    'mm/s': [0.001, 0],
    'km/h': [1 / 3.6, 0],
    mph: [0.44704, 0],
    knots: [0.514444, 0],
  }),
  [`${POSITION}heading`]: {
    expects: 'a number of degrees',
    fit: (value) => (typeof value === 'number' ? (((Math.round(value) % 360) + 360) % 360) + 0 : null),
    units: DEGREES,
  },
  [`${POSITION}satellitecount`]: whole(1, 50),
  [`${POSITION}timestamp`]: whole(2, 4_102_448_400_000, { ms: [1, 0], s: [1000, 0] }),
  [`${SENSORS}batteryLevel`]: whole(0, 100, { '%': [1, 0], '0..1': [100, 0], '0..254': [100 / 254, 0] }),
  [`${SENSORS}batteryIsCharging`]: state,
  [`${SENSORS}temperatureC`]: number(-70, 100, {
    C: [1, 0],
    F: [5 / 9, -160 / 9],
    K: [1, -273.15],
    'C/10': [0.1, 0],
    'C/100': [0.01, 0],
  }),
  [`${SENSORS}relativeHumidity`]: number(0, 100, { '%': [1, 0], '0..1': [100, 0], '%/10': [0.1, 0] }),
  [`${SENSORS}pressureHpa`]: number(300, 1500, { hPa: [1, 0], Pa: [0.01, 0], kPa: [10, 0], bar: [1000, 0] }),
  [`${SENSORS}accelerationG`]: number(-100, 100, { g: [1, 0], mg: [0.001, 0], 'm/s2': [1 / 9.80665, 0] }),
  [`${SENSORS}tiltDegree`]: number(-360, 360, DEGREES),
  [`${SENSORS}deviceIsStationary`]: state,
  [`${SENSORS}deviceIsTampered`]: state,
  [`${SENSORS}deviceIsAttached`]: state,
  [`${CLIENT}manufacturer`]: text(2, 50),
  [`${CLIENT}model`]: text(1, 50),
  [`${CLIENT}firmware`]: text(1, 150),
  [`${CLIENT}name`]: text(3, 50),
};

/** What `skip` may name besides rules: whole parts of the record that are then not made. */
export const SKIPPABLE_PARTS = ['/position', '/scan'] as const;
