// The numbers that stand beside a pair of coordinates, read once for all rules, in HERE's units where the name tells theirs.
import { anyTime } from '../iso-time.ts';
import { type JsonObject, num, quantity, radius } from '../values.ts';
import { KeyTrail, keyInfo, MEANING } from './keys.ts';
import type { Details } from './rule.ts';

/** To be filled again and again: it has many fields, each of which would be an allocation of its own. */
export function emptyDetails(): Details {
  return {
    accuracy: Number.NaN,
    acc: Number.NaN,
    altitude: Number.NaN,
    satellites: Number.NaN,
    time: Number.NaN,
    age: Number.NaN,
    speed: Number.NaN,
    heading: Number.NaN,
    abeewaySpeed: Number.NaN,
    abeewayCourse: Number.NaN,
    sog: Number.NaN,
    cog: Number.NaN,
    bareSpeed: false,
  };
}

const TRAIL = 100;
const trail = new KeyTrail(TRAIL);

/** Reads into `found` what an object says besides its pair; the first of several names wins. */
export function readDetails(object: JsonObject, found: Details): Details {
  clear(found);
  let place = 0;
  for (const key in object) {
    const { meaning } = place < TRAIL ? trail.at(place++, key) : keyInfo(key);
    if (meaning < MEANING.accuracy || meaning > MEANING.speed) continue;
    read(found, meaning, object[key]);
  }
  return found;
}

function clear(found: Details): void {
  found.accuracy = found.acc = found.altitude = found.satellites = found.time = found.age = Number.NaN;
  found.speed = found.heading = found.abeewaySpeed = found.abeewayCourse = found.sog = found.cog = Number.NaN;
  found.bareSpeed = false;
}

function read(into: Details, meaning: number, value: unknown): void {
  switch (meaning) {
    case MEANING.accuracy:
      if (!(into.accuracy > 0)) into.accuracy = radius(value);
      break;
    case MEANING.acc:
      into.acc = radius(value);
      break;
    case MEANING.altitude:
      if (Number.isNaN(into.altitude)) into.altitude = quantity(value).value;
      break;
    case MEANING.satellites:
      if (Number.isNaN(into.satellites)) into.satellites = num(value);
      break;
    case MEANING.time:
      if (Number.isNaN(into.time)) into.time = anyTime(value);
      break;
    case MEANING.age:
      into.age = num(value);
      break;
    case MEANING.speedKmh:
      into.speed = num(value) / 3.6;
      break;
    case MEANING.speedMs:
      into.speed = num(value);
      break;
    case MEANING.speedMms:
      into.speed = num(value) / 1000;
      break;
    case MEANING.speedKnots:
      into.speed = num(value) * 0.514444;
      break;
    case MEANING.speed:
      readSpeed(into, value);
      break;
    case MEANING.headingDeg:
      into.heading = num(value);
      break;
    case MEANING.heading: {
      const heading = num(value);
      // Beyond a full turn either way the unit is not degrees.
      if (heading > -360 && heading < 720) into.heading = heading;
      break;
    }
    case MEANING.abeewaySpeed:
      into.abeewaySpeed = num(value);
      break;
    case MEANING.abeewayCourse:
      into.abeewayCourse = num(value);
      break;
    case MEANING.sog:
      into.sog = num(value);
      break;
    case MEANING.cog:
      into.cog = num(value);
      break;
  }
}

/** A bare `speed` counts only when its text names the unit. */
function readSpeed(into: Details, value: unknown): void {
  into.bareSpeed = true;
  if (typeof value !== 'string') return;
  const { value: speed, unit } = quantity(value);
  if (unit === 'km/h' || unit === 'kmh' || unit === 'kph') into.speed = speed / 3.6;
  else if (unit === 'm/s') into.speed = speed;
  else if (unit === 'mm/s') into.speed = speed / 1000;
}
