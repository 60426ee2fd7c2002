// What belongs to a position: accuracy, altitude, type, speed and heading, satellites, time. Units as HERE wants them.
import type { Technology } from '../envelopes/frame.ts';
import { anyTime } from '../iso-time.ts';
import { isObject, num } from '../values.ts';
import { MEANING } from './keys.ts';
import { speedOf } from './points.ts';
import { plausible } from './position-rules.ts';
import type { FixContext, Rule } from './rule.ts';

/** m; beyond it is a placeholder. */
const WIDEST = 1_000_000;

function metres(value: number, absent: string): number | string {
  if (Number.isNaN(value)) return absent;
  return value > 0 && value <= WIDEST ? value : '0 or less stands for unknown';
}

/** `acc` may be an acceleration: it counts only beside the pair. */
export const ACCURACY_RULES: readonly Rule<FixContext, number>[] = [
  { name: 'accuracy-of-the-network', take: (c) => accuracyOfNetwork(c) },
  { name: 'accuracy-beside-the-pair', take: ({ own }) => metres(own.accuracy, 'none beside the pair') },
  { name: 'acc-beside-the-pair', take: ({ own }) => metres(own.acc, 'none beside the pair') },
  {
    name: 'accuracy-of-the-payload',
    take: (c) => (c.fix.source === 'located' ? OF_ANOTHER : metres(c.outer.accuracy, 'none in the payload')),
  },
  {
    name: 'accuracy-in-points',
    take: (c) =>
      c.fix.source === 'located' ? OF_ANOTHER : metres(pointNumber(c, MEANING.accuracy, 'm'), 'none in points'),
  },
  {
    name: 'default-accuracy',
    take: (c) => (c.technology === 'gnss' ? c.defaultAccuracyM.satellite : c.defaultAccuracyM.network),
  },
];
const OF_ANOTHER = 'belongs to another position';

function accuracyOfNetwork({ fix, frame }: FixContext): number | string {
  if (fix.source !== 'located' || frame.located === null) return 'not a position of the network';
  return metres(frame.located.accuracy, 'the network tells none');
}

function pointNumber(context: FixContext, meaning: number, unit: string): number {
  for (const point of context.points) {
    if (point.meaning === meaning && (point.unit === unit || point.unit === '')) return num(point.value);
  }
  return Number.NaN;
}

const LOWEST = -12_000;
const HIGHEST = 100_000;

function height(value: number, absent: string): number | string {
  if (Number.isNaN(value)) return absent;
  return value >= LOWEST && value <= HIGHEST ? value : 'out of any range';
}

export const ALTITUDE_RULES: readonly Rule<FixContext, number>[] = [
  { name: 'altitude-of-the-position', take: ({ fix }) => height(fix.alt, 'no third coordinate') },
  { name: 'altitude-beside-the-pair', take: ({ own }) => height(own.altitude, 'none beside the pair') },
  {
    name: 'altitude-of-the-payload',
    take: (c) => (c.fix.source === 'located' ? OF_ANOTHER : height(c.outer.altitude, 'none in the payload')),
  },
  {
    name: 'altitude-in-points',
    take: (c) =>
      c.fix.source === 'located' ? OF_ANOTHER : height(pointNumber(c, MEANING.altitude, 'm'), 'none in points'),
  },
];

export interface PositionType {
  /** As HERE names it; null: a network position, which HERE wants without a type. */
  readonly type: 'gnss' | 'wlan' | null;
  readonly technology: Technology;
}
export const GNSS: PositionType = { type: 'gnss', technology: 'gnss' };
export const WLAN: PositionType = { type: 'wlan', technology: 'wlan' };
const NETWORK: PositionType = { type: null, technology: 'network' };

function ofTechnology(technology: Technology): PositionType {
  return technology === 'gnss' ? GNSS : technology === 'wlan' ? WLAN : NETWORK;
}

export const TYPE_RULES: readonly Rule<FixContext, PositionType>[] = [
  {
    name: 'type-of-the-solver',
    take: ({ fix, frame }) =>
      fix.source === 'located' && frame.located !== null ? ofTechnology(frame.located.technology) : 'no solver',
  },
  { name: 'type-told-by-the-device', take: ({ facts }) => toldType(facts.technology) },
  { name: 'type-of-a-device-fix', take: () => GNSS },
];

function toldType(told: string | null): PositionType | string {
  if (told === null) return 'the device does not tell';
  if (/gps|gnss|satel/i.test(told)) return GNSS;
  if (/wi-?fi|wlan/i.test(told)) return WLAN;
  return /ble|bluetooth|beacon|network|cell|lbs|tdoa|lora/i.test(told) ? NETWORK : 'not a known technology';
}

export interface Motion {
  /** m/s, integer. */
  readonly speed: number;
  /** 0..359. */
  readonly heading: number;
}

function motion(speed: number, heading: number, absent: string): Motion | string {
  if (Number.isNaN(speed) && Number.isNaN(heading)) return absent;
  if (Number.isNaN(speed) || Number.isNaN(heading)) return 'HERE wants both speed and heading';
  if (speed < 0 || speed > 1000) return 'speed out of any range';
  const turned = Math.round(heading) % 360;
  return { speed: Math.round(speed), heading: turned < 0 ? turned + 360 : turned + 0 };
}

const isSatellite = (c: FixContext): boolean => c.technology === 'gnss';

export const MOTION_RULES: readonly Rule<FixContext, Motion>[] = [
  {
    name: 'velocity-of-the-network',
    take: ({ fix, frame }) => {
      if (fix.source !== 'located' || frame.located === null) return 'not a position of the network';
      const { northVelocity: north, eastVelocity: east } = frame.located;
      return motion(Math.hypot(north, east), (Math.atan2(east, north) * 180) / Math.PI, 'no north and east velocity');
    },
  },
  {
    name: 'abeeway-at3-speed',
    take: ({ fix, own }) =>
      fix.source === 'gnssFix' ? motion(own.sog / 100, own.cog / 100, 'no SOG and COG') : 'not a gnssFix',
  },
  {
    name: 'abeeway-at2-speed',
    take: (c) => {
      const from = c.fix.source === 'located' ? c.outer : c.own;
      if (!isSatellite(c)) return 'not a satellite fix';
      return motion(from.abeewaySpeed / 100, from.abeewayCourse / 100, 'no gpsSpeedOverGround and gpsCourseOverGround');
    },
  },
  {
    name: 'speed-beside-the-pair',
    take: ({ own }) => motion(own.speed, own.heading, own.bareSpeed ? UNKNOWN_UNIT : 'none beside the pair'),
  },
  {
    name: 'speed-of-the-payload',
    take: (c) => {
      if (c.fix.source === 'located') return OF_ANOTHER;
      return motion(c.outer.speed, c.outer.heading, c.outer.bareSpeed ? UNKNOWN_UNIT : 'none in the payload');
    },
  },
  {
    name: 'speed-in-points',
    take: (c) => {
      if (c.fix.source === 'located') return OF_ANOTHER;
      const speed = c.points.find(
        ({ meaning }) => meaning >= MEANING.speedKmh && meaning <= MEANING.speed && !isCourse(meaning),
      );
      const heading = c.points.find(({ meaning }) => isCourse(meaning));
      return motion(speed ? speedOf(speed) : Number.NaN, heading ? num(heading.value) : Number.NaN, 'none in points');
    },
  },
];
const UNKNOWN_UNIT = 'a speed without a known unit stays in the payload';

function isCourse(meaning: number): boolean {
  return meaning === MEANING.heading || meaning === MEANING.headingDeg;
}

function satellites(value: number, absent: string): number | string {
  if (Number.isNaN(value)) return absent;
  return Number.isInteger(value) && value >= 1 && value <= 50 ? value : 'not within 1..50';
}

export const SATELLITE_RULES: readonly Rule<FixContext, number>[] = [
  {
    name: 'satellites-beside-the-pair',
    take: ({ own, fix }) => {
      const quality = fix.at?.quality;
      const inQuality = isObject(quality) ? num(quality.numberSatellitesUsed) : Number.NaN;
      return satellites(!Number.isNaN(own.satellites) ? own.satellites : inQuality, 'none beside the pair');
    },
  },
  {
    name: 'satellites-of-the-payload',
    take: (c) => (isSatellite(c) ? satellites(c.outer.satellites, 'none in the payload') : 'not a satellite fix'),
  },
];

function past(time: number, timestamp: number, absent: string): number | string {
  if (Number.isNaN(time)) return absent;
  const checked = plausible(time, timestamp);
  return !Number.isNaN(checked) ? checked : 'in the future or absurdly old';
}

function before(age: number, timestamp: number, absent: string): number | string {
  if (Number.isNaN(age)) return absent;
  return age < 0 ? 'an age below 0 stands for unknown' : past(timestamp - age * 1000, timestamp, absent);
}

export const FIX_TIME_RULES: readonly Rule<FixContext, number>[] = [
  { name: 'time-of-the-fix', take: ({ fix, timestamp }) => past(fix.time, timestamp, 'the source tells none') },
  {
    name: 'header-timestamp',
    take: ({ facts, timestamp, fix }) => {
      const header = fix.source === 'located' ? undefined : facts.root?.header;
      return past(isObject(header) ? anyTime(header.timestamp) : Number.NaN, timestamp, 'no header.timestamp');
    },
  },
  { name: 'time-beside-the-pair', take: ({ own, timestamp }) => past(own.time, timestamp, 'none beside the pair') },
  {
    name: 'time-of-the-payload',
    take: ({ fix, outer, timestamp }) =>
      fix.source === 'located' ? OF_ANOTHER : past(outer.time, timestamp, 'none in the payload'),
  },
  {
    name: 'age-of-the-network',
    take: ({ frame, timestamp }) => before(frame.located?.age ?? Number.NaN, timestamp, 'none told'),
  },
  { name: 'age-beside-the-pair', take: ({ own, timestamp }) => before(own.age, timestamp, 'none beside the pair') },
  {
    name: 'age-of-the-payload',
    take: ({ fix, outer, timestamp }) =>
      fix.source === 'located' ? OF_ANOTHER : before(outer.age, timestamp, 'none in the payload'),
  },
  {
    name: 'age-in-points',
    take: (c) =>
      c.fix.source === 'located' ? OF_ANOTHER : before(pointNumber(c, MEANING.age, 's'), c.timestamp, 'none in points'),
  },
];
