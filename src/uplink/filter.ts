// Filter: which decoded messages go on to the mapping, and the final word on those that do not.
import type { Connection } from '../domain/connection.ts';
import type { UplinkMessage } from '../domain/ports/line.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';
import type { Frame } from './envelopes/frame.ts';
import { compileMatchers } from './matchers.ts';

/** HERE's range of times, ms since the epoch. */
const EARLIEST = 2;
const LATEST = 4_102_448_400_000;

export interface Passed {
  /** The record's `timestamp`, ms since the epoch. */
  readonly timestamp: number;
  /** Where it comes from, in words. */
  readonly timestampFrom: string;
}

export type Filtered =
  | { readonly outcome: null; readonly passed: Passed }
  | { readonly outcome: UplinkOutcome; readonly why: string };

export type Filter = (frame: Frame & { readonly device: string }, message: UplinkMessage, nowMs: number) => Filtered;

/** In this order: matchers, "legacy uplink format", a readable time, the time's validity. Compiled once per definition. */
export function compileFilter(connection: Pick<Connection, 'format' | 'source' | 'uplinkTimeValidityMs'>): Filter {
  const isMatch = compileMatchers(connection.source.matchers);
  const uplinksOnly = connection.format === 'flat';
  const validityMs = connection.uplinkTimeValidityMs;
  return (frame, message, nowMs) => {
    if (!isMatch(frame)) return NO_MATCH;
    if (uplinksOnly && (frame.kind === 'location' || frame.kind === 'resolved')) return LEGACY_FORMAT;
    const arrivedAt = Number.isFinite(message.arrivedAt) ? message.arrivedAt : nowMs;
    const isReadable = !Number.isNaN(frame.receivedAt);
    const timestamp = Math.round(isReadable ? frame.receivedAt : arrivedAt);
    if (timestamp < EARLIEST || timestamp > LATEST) return badTime(timestamp);
    if (validityMs !== null && arrivedAt - timestamp > validityMs) return tooOld(timestamp);
    const timestampFrom = isReadable
      ? frame.receivedFrom
      : 'arrival in the connector, since the message has no readable time';
    return { outcome: null, passed: { timestamp, timestampFrom } };
  };
}

const NO_MATCH: Filtered = {
  outcome: { kind: 'filtered', reason: 'noMatch' },
  why: 'none of the matchers of the connection takes the device',
};
const LEGACY_FORMAT: Filtered = {
  outcome: { kind: 'filtered', reason: 'legacyFormat' },
  why: 'with "Legacy uplink format" only uplinks are sent, not positions of the network',
};
function tooOld(emittedAt: number): Filtered {
  const why = 'it was older than uplinkTimeValidity when it arrived';
  return { outcome: { kind: 'expired', reason: 'tooOld', emittedAt }, why };
}

function badTime(timestamp: number): Filtered {
  const message = `Its time (${timestamp} ms since 1970) is outside HERE's range ${EARLIEST}..${LATEST}.`;
  return { outcome: { kind: 'deadLettered', reason: 'badTime', detail: { message } }, why: message };
}
