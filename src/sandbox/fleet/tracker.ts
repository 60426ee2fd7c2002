// One simulated tracker: who it is, where it is, how full its battery is, and which frame comes next.
import type { Dice } from './seeded-chance.ts';
import { CITIES, type City, GAITS, Track } from './track.ts';

const TRACKER_KINDS = ['assetTracker2', 'assetTracker3', 'badge', 'climate', 'wifi'] as const;
export type TrackerKind = (typeof TRACKER_KINDS)[number];

/** How the kinds share a fleet, of ten devices. */
const SHARES: readonly TrackerKind[] = [
  'assetTracker2',
  'badge',
  'assetTracker3',
  'climate',
  'assetTracker2',
  'wifi',
  'assetTracker3',
  'badge',
  'assetTracker2',
  'assetTracker3',
];

/** A frame's number is 16 bits in the air; the network counts on with 32. */
const COUNTER_LIMIT = 2 ** 32;

export interface Tracker {
  /** Its number in the fleet. */
  readonly index: number;
  /** 16 upper-case hex digits. */
  readonly devEui: string;
  readonly name: string;
  readonly kind: TrackerKind;
  readonly track: Track;
  readonly devAddr: string;
  readonly gateways: readonly Gateway[];
  /** Percent, falling; recharged when empty. */
  battery: number;
  charging: boolean;
  temperatureC: number;
  humidity: number;
  fcntUp: number;
  fcntDn: number;
  /** Frames to come before the receiver knows its place (a cold start). */
  coldFrames: number;
  /** ms since the epoch; the newest live frame and the newest late one. 0: none yet. */
  lastLiveMs: number;
  lastLateMs: number;
}

export interface Gateway {
  /** 8 upper-case hex digits. */
  readonly id: string;
  readonly lat: number;
  readonly lng: number;
}

export function createTracker(index: number, devEui: string, dice: Dice): Tracker {
  const kind = SHARES[index % SHARES.length] as TrackerKind;
  const city = CITIES[index % CITIES.length] as City;
  const gait = kind === 'badge' ? GAITS.person : kind === 'assetTracker3' ? GAITS.truck : GAITS.van;
  const track = new Track(city, gait, dice);
  return {
    index,
    devEui,
    name: `${city.name} ${kind} ${devEui.slice(-6)}`,
    kind,
    track,
    devAddr: dice.hex(4).toUpperCase(),
    gateways: gatewaysOf(city),
    battery: dice.between(35, 100),
    charging: false,
    temperatureC: dice.between(4, 26),
    humidity: dice.between(30, 75),
    fcntUp: dice.whole(0, 30_000),
    fcntDn: dice.whole(0, 900),
    coldFrames: dice.chance(0.25) ? dice.whole(1, 3) : 0,
    lastLiveMs: 0,
    lastLateMs: 0,
  };
}

/**
 * Moves the tracker to its next live frame at or after `nowMs` and returns the frame's time. Times of one tracker are
 * even and rise by 2 ms at least, so that no two frames of a device share one (late frames take the odd ones).
 */
export function liveFrame(tracker: Tracker, nowMs: number, dice: Dice): number {
  const timeMs = Math.max(Math.floor(nowMs / 2) * 2, tracker.lastLiveMs + 2);
  const seconds = tracker.lastLiveMs === 0 ? 0 : (timeMs - tracker.lastLiveMs) / 1000;
  tracker.lastLiveMs = timeMs;
  if (tracker.kind !== 'climate') tracker.track.advance(seconds);
  tracker.temperatureC = clamp(tracker.temperatureC + dice.bell() * 0.2, -18, 38);
  tracker.humidity = clamp(tracker.humidity + dice.bell() * 0.5, 12, 96);
  useBattery(tracker, seconds, dice);
  countUp(tracker);
  return timeMs;
}

/** The time of a frame that a gateway kept and now hands on: minutes to hours old, odd, rising over the late frames. */
export function lateFrame(tracker: Tracker, nowMs: number, dice: Dice): number {
  // Mostly minutes, now and then hours: the third power of an even draw, between 3 minutes and 6 hours.
  const ageMs = 180_000 + dice.random() ** 3 * 21_420_000;
  const wanted = Math.floor((nowMs - ageMs) / 2) * 2 + 1;
  tracker.lastLateMs = Math.max(wanted, tracker.lastLateMs + 2);
  countUp(tracker);
  return tracker.lastLateMs;
}

/** A restart: the counters begin anew and the receiver must find its place again. */
export function joinAgain(tracker: Tracker, dice: Dice): void {
  tracker.fcntUp = 0;
  tracker.fcntDn = 0;
  tracker.coldFrames = dice.whole(1, 4);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

function countUp(tracker: Tracker): void {
  tracker.fcntUp = (tracker.fcntUp + 1) % COUNTER_LIMIT;
}

function useBattery(tracker: Tracker, seconds: number, dice: Dice): void {
  if (tracker.charging) {
    tracker.battery = Math.min(100, tracker.battery + 0.4 + seconds / 90);
    if (tracker.battery >= 100) tracker.charging = false;
    return;
  }
  tracker.battery -= 0.002 + seconds / 40_000 + dice.random() * 0.002;
  if (tracker.battery > 4) return;
  tracker.battery = 4;
  tracker.charging = true;
}

/** The network's gateways around a city: the same four for all of its devices. */
const gatewaysByCity = new Map<string, readonly Gateway[]>();

function gatewaysOf(city: City): readonly Gateway[] {
  const known = gatewaysByCity.get(city.name);
  if (known) return known;
  const number = CITIES.indexOf(city) + 1;
  const gateways = [0, 1, 2, 3].map((corner) => ({
    id: `0E1000${(number * 16 + corner).toString(16).toUpperCase().padStart(2, '0')}`,
    lat: round(city.lat + (corner % 2 === 0 ? 0.021 : -0.017), 6),
    lng: round(city.lng + (corner < 2 ? 0.026 : -0.019), 6),
  }));
  gatewaysByCity.set(city.name, gateways);
  return gateways;
}
