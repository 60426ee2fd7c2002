// Rules as a table: small named functions in order. The first that gives a value wins; every other says why it did not.
import type { Frame, Technology } from '../envelopes/frame.ts';
import type { JsonObject } from '../values.ts';
import type { Facts } from './facts.ts';
import type { Point } from './points.ts';

/** What all rules may look at. One object for all frames of a connection, filled anew for each. */
export interface MapContext {
  readonly frame: Frame;
  readonly facts: Facts;
  readonly points: readonly Point[];
  /** The record's `timestamp`, ms since the epoch. */
  readonly timestamp: number;
  /** m, where the fix tells no accuracy. */
  readonly defaultAccuracyM: { readonly satellite: number; readonly network: number };
  /** Per cent, from an earlier `devstatusans` notification of the device; null: none waits. */
  readonly statusBattery: number | null;
  /** Rules and parts of the record that an override leaves out; null: none. */
  readonly skip: ReadonlySet<string> | null;
  /** Which meanings went into the record: those fields are the first to leave a payload that is too long. */
  readonly used: Uint8Array;
}

/** A position that was accepted, and where what belongs to it stands. */
export interface Fix {
  readonly lat: number;
  readonly lng: number;
  /** The object that the pair stands in; null: in none of the payload. */
  readonly at: JsonObject | null;
  readonly source: 'override' | 'located' | 'gnssFix' | 'abeeway' | 'pair' | 'typed' | 'place' | 'points';
  /** The fix's own time where the source tells it, ms since the epoch; NaN: not told. */
  readonly time: number;
  /** m above the ellipsoid where the pair came as a triple; NaN: none. */
  readonly alt: number;
}

/** What the rules for one fix look at besides. */
export interface FixContext extends MapContext {
  readonly fix: Fix;
  /** Read from the object of the pair, then from the decoded root. */
  readonly own: Details;
  readonly outer: Details;
  technology: Technology;
}

/** Numbers beside a pair; NaN: not there. */
export interface Details {
  accuracy: number;
  acc: number;
  altitude: number;
  satellites: number;
  time: number;
  age: number;
  /** m/s. */
  speed: number;
  heading: number;
  abeewaySpeed: number;
  abeewayCourse: number;
  sog: number;
  cog: number;
  /** A speed without a unit is there. */
  bareSpeed: boolean;
}

/** `take` gives the value, or says in a few constant words why it has none. Values are never texts. */
export interface Rule<C, T extends number | boolean | object> {
  readonly name: string;
  readonly take: (context: C) => T | string;
}

/** What `map` prints: which rule gave a field, and why the ones before it did not. Absent in the hot path. */
export interface Trace {
  gave(field: string, rule: string, value: unknown): void;
  passed(field: string, rule: string, why: string): void;
  note(text: string): void;
}

/** `show` makes of a value what the trace may hold of it. */
export function firstOf<C extends Pick<MapContext, 'skip'>, T extends number | boolean | object>(
  field: string,
  rules: readonly Rule<C, T>[],
  context: C,
  trace: Trace | null,
  show: (value: T) => unknown = same,
): T | null {
  for (const rule of rules) {
    if (context.skip?.has(rule.name) === true) {
      if (trace !== null) trace.passed(field, rule.name, 'skipped by an override');
      continue;
    }
    const value = rule.take(context);
    if (typeof value !== 'string') {
      if (trace !== null) trace.gave(field, rule.name, show(value));
      return value;
    }
    if (trace !== null) trace.passed(field, rule.name, value);
  }
  return null;
}

function same(value: unknown): unknown {
  return value;
}
