// A simulated fleet of trackers: each call gives the next message that its network would publish, repeatable by its seed.
import { uplinkEnvelope } from './envelope.ts';
import { joinRequest, networkLocation, report, resolvedPosition } from './other-messages.ts';
import { type FleetNetwork, onNetwork } from './other-networks.ts';
import { type Content, contentOf } from './payloads.ts';
import { type Dice, seededDice } from './seeded-chance.ts';
import { createTracker, joinAgain, lateFrame, liveFrame, type Tracker } from './tracker.ts';

/** `uplink` carries telemetry (with or without a place); the others show what a network sends besides. */
export type MessageKind = 'uplink' | 'late' | 'location' | 'resolved' | 'join' | 'mac' | 'report';

export interface FleetMessage {
  /** `mqtt/things/{DevEUI}/uplink` unless the fleet was given another pattern. */
  readonly topic: string;
  readonly payload: string | Buffer;
  /** 16 upper-case hex digits: also the HERE external id. */
  readonly devEui: string;
  readonly kind: MessageKind;
  /** ms since the epoch: the message's own time; no two telemetry messages of one device share one. */
  readonly timeMs: number;
}

export interface Fleet {
  readonly size: number;
  devEui(index: number): string;
  /** The next message, as of wall-clock `nowMs`. Never throws. Takes some 15 µs; devices take turns. */
  next(nowMs: number): FleetMessage;
}

/** Shares (0..1) of the messages that are something else than a sound live uplink. */
export interface FleetMix {
  readonly late: number;
  readonly location: number;
  readonly resolved: number;
  readonly join: number;
  readonly mac: number;
  readonly report: number;
  /** Uplinks whose receiver found no place, besides those of a cold start. */
  readonly failedFix: number;
  /** Uplinks with their numbers as strings. */
  readonly numbersAsStrings: number;
  /** Uplinks that the driver could not decode. */
  readonly undecoded: number;
}

const USUAL_MIX: FleetMix = {
  late: 0.01,
  location: 0.01,
  resolved: 0.015,
  join: 0.002,
  mac: 0.005,
  report: 0.006,
  failedFix: 0.04,
  numbersAsStrings: 0.02,
  undecoded: 0.004,
};

/** Every message is a live uplink with telemetry: for tests that count. */
export const TELEMETRY_ONLY: Partial<FleetMix> = { late: 0, location: 0, resolved: 0, join: 0, mac: 0, report: 0 };

export interface FleetOptions {
  /** The same seed, options and `nowMs` values give the same messages. */
  readonly seed: number;
  /** 1..10,000,000; one that has spoken takes about half a kilobyte. */
  readonly devices: number;
  /** `CustomerData.tags` of every device; matchers select by them. */
  readonly tags?: readonly string[];
  /** Up to 10 hex digits that begin every DevEUI; by default made from the seed, so that two fleets do not share devices. */
  readonly euiPrefix?: string;
  /** With `{DevEUI}` where the id goes. */
  readonly topicPattern?: string;
  readonly mix?: Partial<FleetMix>;
  /** The networks of its devices, in turn; ThingPark alone by default. `topicPattern` is ThingPark's. */
  readonly networks?: readonly FleetNetwork[];
}

export const DEFAULT_TOPIC_PATTERN = 'mqtt/things/{DevEUI}/uplink';
const MOST_DEVICES = 10_000_000;

/** Throws a RangeError or TypeError for options that make no fleet. */
export function createFleet(options: FleetOptions): Fleet {
  return new SimulatedFleet(options);
}

/** 16 upper-case hex digits of which the last six at least count the devices. */
export function devEuiOf(prefix: string, index: number): string {
  return (
    prefix +
    index
      .toString(16)
      .toUpperCase()
      .padStart(16 - prefix.length, '0')
  );
}

export function euiPrefixOf(options: Pick<FleetOptions, 'seed' | 'euiPrefix'>): string {
  const prefix = options.euiPrefix ?? `02F1EE${((options.seed >>> 0) & 0xffff).toString(16).padStart(4, '0')}`;
  if (!/^[0-9A-Fa-f]{0,10}$/.test(prefix)) throw new TypeError(`euiPrefix: up to 10 hex digits, not "${prefix}"`);
  return prefix.toUpperCase();
}

class SimulatedFleet implements Fleet {
  readonly size: number;
  private readonly dice: Dice;
  private readonly mix: FleetMix;
  private readonly tags: readonly string[];
  private readonly prefix: string;
  private readonly topicParts: readonly string[];
  /** Made when a device speaks first: a large fleet costs nothing before. */
  private readonly trackers: (Tracker | undefined)[] = [];
  private readonly stride: number;
  private readonly networks: readonly FleetNetwork[];
  private turn = 0;

  constructor(options: FleetOptions) {
    if (!Number.isInteger(options.devices) || options.devices < 1 || options.devices > MOST_DEVICES) {
      throw new RangeError(`devices: a whole number from 1 to ${MOST_DEVICES}, not ${options.devices}`);
    }
    this.size = options.devices;
    this.prefix = euiPrefixOf(options);
    this.dice = seededDice(options.seed);
    this.mix = { ...USUAL_MIX, ...options.mix };
    this.tags = options.tags ?? [];
    this.topicParts = (options.topicPattern ?? DEFAULT_TOPIC_PATTERN).split('{DevEUI}');
    this.stride = strideFor(options.devices);
    this.networks = options.networks ?? ['thingpark'];
  }

  devEui(index: number): string {
    return devEuiOf(this.prefix, index);
  }

  next(nowMs: number): FleetMessage {
    const { dice, mix } = this;
    const tracker = this.trackerInTurn();
    let lot = dice.random();
    const drawn = (share: number): boolean => {
      lot -= share;
      return lot < 0;
    };
    if (drawn(mix.late)) return this.uplink(tracker, lateFrame(tracker, nowMs, dice), 'late');
    const timeMs = liveFrame(tracker, nowMs, dice);
    if (drawn(mix.location)) {
      return this.message(tracker, timeMs, 'location', networkLocation(tracker, timeMs, this.tags, dice));
    }
    if (drawn(mix.resolved)) {
      return this.message(tracker, timeMs, 'resolved', resolvedPosition(tracker, timeMs, this.tags, dice));
    }
    if (drawn(mix.join)) {
      joinAgain(tracker, dice);
      return this.message(tracker, timeMs, 'join', joinRequest(tracker, timeMs, this.tags, dice));
    }
    if (drawn(mix.report)) return this.message(tracker, timeMs, 'report', report(tracker, timeMs, this.tags, dice));
    if (drawn(mix.mac)) {
      const options = { tags: this.tags, numbersAsStrings: false, late: false };
      return this.message(tracker, timeMs, 'mac', uplinkEnvelope(tracker, timeMs, null, options, dice));
    }
    return this.uplink(tracker, timeMs, 'uplink');
  }

  private uplink(tracker: Tracker, timeMs: number, kind: 'uplink' | 'late'): FleetMessage {
    const { dice, mix } = this;
    const cold = tracker.coldFrames > 0;
    const fixFailed = (cold && dice.chance(0.7)) || dice.chance(mix.failedFix);
    let content: Content = contentOf(tracker, { timeMs, fixFailed }, dice);
    if (cold) tracker.coldFrames -= 1;
    const undecoded = dice.chance(mix.undecoded);
    if (undecoded) content = { fPort: content.fPort, payloadHex: content.payloadHex };
    const options = { tags: this.tags, numbersAsStrings: dice.chance(mix.numbersAsStrings), late: kind === 'late' };
    const body = uplinkEnvelope(tracker, timeMs, content, options, dice);
    if (undecoded) {
      const root = (body as { DevEUI_uplink: Record<string, unknown> }).DevEUI_uplink;
      root.payloadDecodedError = { code: 'com-5002', message: `no decoder for port ${content.fPort}` };
    }
    return this.message(tracker, timeMs, kind, body);
  }

  private message(tracker: Tracker, timeMs: number, kind: MessageKind, body: object): FleetMessage {
    const { devEui, index } = tracker;
    const network = this.networks[index % this.networks.length] ?? 'thingpark';
    if (network !== 'thingpark') {
      const other = onNetwork(network, body, devEui);
      return { topic: other.topic, payload: JSON.stringify(other.body), devEui, kind, timeMs };
    }
    return { topic: this.topicParts.join(devEui), payload: JSON.stringify(body), devEui, kind, timeMs };
  }

  private trackerInTurn(): Tracker {
    const index = this.turn;
    this.turn = (this.turn + this.stride) % this.size;
    const known = this.trackers[index];
    if (known) return known;
    const tracker = createTracker(index, this.devEui(index), this.dice);
    this.trackers[index] = tracker;
    return tracker;
  }
}

/** A step without a common divisor with `size`, near its golden section: all devices in turn, not one after the other. */
function strideFor(size: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let stride = Math.max(1, Math.round(size * 0.618));
  while (divisor(stride, size) !== 1) stride += 1;
  return stride % size || 1;
}
