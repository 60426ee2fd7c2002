// What the sensors say, for `system.reportedSensorData`. A value outside HERE's range is left out, never clamped:
// a clamped one would raise false alerts.
import { num, quantity } from '../values.ts';
import { MEANING, sensorBit } from './keys.ts';
import type { Point } from './points.ts';
import type { MapContext, Rule } from './rule.ts';
import { attached, charging, stationary, tampered } from './sensor-states.ts';

type Take = (context: MapContext) => number | boolean | string;

export interface SensorField {
  /** Its name in `reportedSensorData`. */
  readonly field: string;
  /** Without any of these, and no waiting device status, no rule can give a value. */
  readonly sensors: number;
  readonly rules: readonly Rule<MapContext, number | boolean>[];
}

/** Tries the values of some meanings in their order; `convert` gives the value in HERE's unit or says why not. */
function payload(convert: (value: unknown, meaning: number) => number | boolean | string, ...meanings: number[]): Take {
  return (context) => {
    let why = 'not in the payload';
    for (const reading of context.facts.readings) {
      if (!meanings.includes(reading.meaning)) continue;
      const value = convert(reading.value, reading.meaning);
      if (typeof value !== 'string') {
        for (const meaning of meanings) context.used[meaning] = 1;
        return value;
      }
      why = value;
    }
    return why;
  };
}

function points(convert: (point: Point) => number | boolean | string, ...meanings: number[]): Take {
  return (context) => {
    let why = 'not in points';
    for (const point of context.points) {
      if (!meanings.includes(point.meaning)) continue;
      const value = convert(point);
      if (typeof value !== 'string') {
        for (const meaning of meanings) context.used[meaning] = 1;
        return value;
      }
      why = value;
    }
    return why;
  };
}

function within(value: number, low: number, high: number): number | string {
  if (Number.isNaN(value)) return 'no number';
  return value >= low && value <= high ? value : `not within ${low}..${high}`;
}

/** At most four decimals: a float's tail tells nothing and costs bytes. */
function tidy(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function percent(value: number): number | string {
  const checked = within(value, 0, 100);
  return typeof checked === 'string' ? checked : Math.round(checked);
}

/** Per cent by its name or unit. Volts never become per cent. */
function namedPercent(value: unknown): number | string {
  const { value: level, unit } = quantity(value);
  return unit === '' || unit === '%' ? percent(level) : 'not in per cent';
}

/** A bare `battery` may be volts: a fraction counts only above what batteries of trackers and vehicles have. */
function barePercent(value: unknown): number | string {
  const { value: level, unit } = quantity(value);
  if (unit === '%') return percent(level);
  if (unit !== '') return 'not in per cent';
  return Number.isInteger(level) || level > 36 ? percent(level) : 'may be volts';
}

function battery(value: unknown, meaning: number): number | string {
  return meaning === MEANING.batteryPercent ? namedPercent(value) : barePercent(value);
}

const COLDEST = -70;
const HOTTEST = 100;

function celsius(value: number): number | string {
  return within(tidy(value), COLDEST, HOTTEST);
}

function temperature(value: unknown, meaning: number): number | string {
  const { value: degrees, unit } = quantity(value);
  if (unit === 'f' || (unit === '' && meaning === MEANING.temperatureF)) return celsius(((degrees - 32) * 5) / 9);
  if (unit === 'k' || (unit === '' && meaning === MEANING.temperatureK)) return celsius(degrees - 273.15);
  return unit === '' || unit === 'c' ? celsius(degrees) : 'not a unit of temperature';
}

function temperaturePoint({ value, unit }: Point): number | string {
  switch (unit) {
    case 'cel':
    case 'c':
    case '°c':
    case '':
      return celsius(num(value));
    case 'far':
    case 'f':
    case '°f':
      return celsius(((num(value) - 32) * 5) / 9);
    case 'k':
      return celsius(num(value) - 273.15);
    default:
      return 'not a unit of temperature';
  }
}

function humidity(value: unknown): number | string {
  const { value: share, unit } = quantity(value);
  return unit === '' || unit === '%' || unit === '%rh' ? within(share, 0, 100) : 'not in per cent';
}

function hectopascal(value: number): number | string {
  return within(tidy(value), 300, 1500);
}

function pressure(value: unknown, meaning: number): number | string {
  const { value: number, unit } = quantity(value);
  if (unit !== '') return pressureIn(number, unit);
  if (meaning === MEANING.pressureHpa) return hectopascal(number);
  if (meaning === MEANING.pressurePa) return hectopascal(number / 100);
  if (meaning === MEANING.pressureKpa) return hectopascal(number * 10);
  // Without a unit only what can be nothing but the weather's: a tyre or a pipe would raise false alerts.
  if (number >= 80_000 && number <= 110_000) return hectopascal(number / 100);
  return number >= 800 && number <= 1100 ? hectopascal(number) : 'not a known unit of pressure';
}

function pressureIn(value: number, unit: string): number | string {
  switch (unit) {
    case 'pa':
      return hectopascal(value / 100);
    case 'hpa':
    case 'mbar':
      return hectopascal(value);
    case 'kpa':
      return hectopascal(value * 10);
    case 'bar':
      return hectopascal(value * 1000);
    default:
      return 'not a known unit of pressure';
  }
}

function bits(...meanings: number[]): number {
  return meanings.reduce((set, meaning) => set | sensorBit(meaning), 0);
}

/** In the order in which they are written. ThingPark's points come first where they tell the unit. */
export const SENSOR_FIELDS: readonly SensorField[] = [
  {
    field: 'batteryLevel',
    sensors: bits(MEANING.batteryPercent, MEANING.batteryBare),
    rules: [
      {
        name: 'battery-in-points',
        take: points((p) => (p.unit === '%' ? percent(num(p.value)) : 'not in per cent'), MEANING.batteryPercent),
      },
      { name: 'battery-in-payload', take: payload(battery, MEANING.batteryPercent, MEANING.batteryBare) },
      {
        name: 'battery-of-device-status',
        take: ({ statusBattery }) => statusBattery ?? 'no device status waits for this device',
      },
      {
        name: 'battery-told-by-the-network',
        take: ({ frame }) =>
          Number.isNaN(frame.networkBattery) ? 'the network tells none' : percent(frame.networkBattery),
      },
    ],
  },
  {
    field: 'batteryIsCharging',
    sensors: bits(MEANING.charging, MEANING.batteryPercent),
    rules: [{ name: 'charging-in-payload', take: payload(charging, MEANING.charging, MEANING.batteryPercent) }],
  },
  {
    field: 'temperatureC',
    sensors: bits(MEANING.temperatureC, MEANING.temperatureF, MEANING.temperatureK),
    rules: [
      { name: 'temperature-in-points', take: points(temperaturePoint, MEANING.temperatureC) },
      {
        name: 'temperature-in-payload',
        take: payload(temperature, MEANING.temperatureC, MEANING.temperatureF, MEANING.temperatureK),
      },
    ],
  },
  {
    field: 'relativeHumidity',
    sensors: bits(MEANING.humidity),
    rules: [
      { name: 'humidity-in-points', take: points((p) => within(num(p.value), 0, 100), MEANING.humidity) },
      { name: 'humidity-in-payload', take: payload(humidity, MEANING.humidity) },
    ],
  },
  {
    field: 'pressureHpa',
    sensors: bits(MEANING.pressureHpa, MEANING.pressurePa, MEANING.pressureKpa, MEANING.pressure),
    rules: [
      {
        name: 'pressure-in-points',
        take: points((p) => pressureIn(num(p.value), p.unit), MEANING.pressureHpa, MEANING.pressure),
      },
      {
        name: 'pressure-in-payload',
        take: payload(pressure, MEANING.pressureHpa, MEANING.pressurePa, MEANING.pressureKpa, MEANING.pressure),
      },
    ],
  },
  {
    field: 'deviceIsStationary',
    sensors: bits(MEANING.stationary, MEANING.moving),
    rules: [{ name: 'motion-in-payload', take: payload(stationary, MEANING.stationary, MEANING.moving) }],
  },
  {
    field: 'deviceIsTampered',
    sensors: bits(MEANING.tampered),
    rules: [{ name: 'tamper-in-payload', take: payload(tampered, MEANING.tampered) }],
  },
  {
    field: 'deviceIsAttached',
    sensors: bits(MEANING.attached, MEANING.detached),
    rules: [{ name: 'attachment-in-payload', take: payload(attached, MEANING.attached, MEANING.detached) }],
  },
];
