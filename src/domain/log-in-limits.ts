// How often passwords may be tried: by network, by network and name, and by name, so that neither one network trying many names
// nor many networks trying one name gets far. Where a name has logged in well before, only what is tried there with that name
// counts: strangers slow down strangers, and lock nobody out.
import { network } from './network.ts';
import type { Clock } from './ports/clock.ts';
import { Throttle, type ThrottleOptions } from './throttle.ts';

export interface LogInRates {
  /** Of one name in one network. */
  readonly own: ThrottleOptions;
  readonly network: ThrottleOptions;
  readonly name: ThrottleOptions;
}

/** Who tries: a name, from an address; `client` tells apart those that share both. They are kept: none may be long. */
export interface Attempt {
  readonly name: string;
  readonly from: string;
  readonly client?: string;
}

const MINUTE_MS = 60_000;

/** For people. */
const PEOPLE: LogInRates = {
  own: { burst: 5, everyMs: MINUTE_MS },
  network: { burst: 20, everyMs: MINUTE_MS / 4 },
  name: { burst: 50, everyMs: MINUTE_MS / 2 },
};
/** Places that are remembered, of all names and of one: nobody pushes out the places of another name. */
const MAX_KNOWN_NAMES = 10_000;
const MAX_KNOWN_PLACES = 16;

export class LogInLimits {
  readonly #own: Throttle;
  readonly #byNetwork: Throttle;
  readonly #byName: Throttle;
  readonly #maxPlaces: number;
  /** By name where it has logged in well; both in the order of the last time. */
  readonly #known = new Map<string, Set<string>>();

  constructor(clock: Clock, rates = PEOPLE, maxPlaces = MAX_KNOWN_PLACES) {
    this.#own = new Throttle(clock, rates.own);
    this.#byNetwork = new Throttle(clock, rates.network);
    this.#byName = new Throttle(clock, rates.name);
    this.#maxPlaces = maxPlaces;
  }

  /** 0: an attempt may be made, and counts as failed until `succeeded` or `giveBack`. Else ms until the next one. */
  take(attempt: Attempt): number {
    const keys = this.#keys(attempt);
    const waitMs = Math.max(...keys.map(([throttle, key]) => throttle.waitMs(key)));
    if (waitMs > 0) return waitMs;
    for (const [throttle, key] of keys) throttle.take(key);
    return 0;
  }

  succeeded(attempt: Attempt): void {
    this.giveBack(attempt);
    const name = nameOf(attempt);
    const place = placeOf(attempt);
    const places = this.#known.get(name) ?? new Set();
    places.delete(place);
    places.add(place);
    dropOldest(places, this.#maxPlaces);
    this.#known.delete(name);
    this.#known.set(name, places);
    dropOldest(this.#known, MAX_KNOWN_NAMES);
  }

  /** The password was not looked at. */
  giveBack(attempt: Attempt): void {
    for (const [throttle, key] of this.#keys(attempt)) throttle.giveBack(key);
  }

  #keys(attempt: Attempt): [Throttle, string][] {
    const name = nameOf(attempt);
    const place = placeOf(attempt);
    const own: [Throttle, string] = [this.#own, `${place}\u0000${name}`];
    if (this.#known.get(name)?.has(place)) return [own];
    return [own, [this.#byNetwork, network(attempt.from)], [this.#byName, name]];
  }
}

function nameOf({ name }: Attempt): string {
  return name.toLowerCase();
}

function placeOf({ from, client }: Attempt): string {
  return client === undefined ? network(from) : `${network(from)}\u0000${client}`;
}

function dropOldest(kept: Set<string> | Map<string, unknown>, max: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= max) return;
    kept.delete(oldest);
  }
}
