// Uplinks and connections for the tests of decode, filter and map.
import type { Connection } from '../../src/domain/connection.ts';
import type { UplinkMessage } from '../../src/domain/ports/line.ts';
import type { Prepared } from '../../src/domain/uplink.ts';
import { compilePrepare, type PrepareConnection } from '../../src/uplink/prepare.ts';

export const DEVICE = '20635F0108000E09';
/** When the samples arrive: two seconds after the network received their frame. */
export const RECEIVED = Date.parse('2024-06-20T12:51:53.243Z');
export const ARRIVED = RECEIVED + 2000;

interface Changes extends Partial<Omit<PrepareConnection, 'source'>> {
  readonly source?: Partial<Connection['source']>;
}

export function connection(changes: Changes = {}): PrepareConnection {
  const source = {
    broker: 'local',
    topics: [],
    topicPattern: null,
    matchers: [],
    from: 'now' as const,
    ...changes.source,
  };
  return { format: 'enveloped', uplinkTimeValidityMs: null, ...changes, source };
}

export function message(content: unknown, topic = 'mqtt/things/any/uplink'): UplinkMessage {
  const payload = Buffer.isBuffer(content)
    ? content
    : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return { topic, payload, arrivedAt: ARRIVED, retain: false };
}

/** A rooted uplink with a decoded payload. */
export function uplink(payload: unknown, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    DevEUI_uplink: {
      Time: '2024-06-20T14:51:53.243+02:00',
      DevEUI: DEVICE,
      FPort: 17,
      FCntUp: 265,
      payload_hex: '036ac18900001d28b901603702',
      ...(payload === undefined ? {} : { payload }),
      ...fields,
    },
  };
}

export function prepareOne(content: unknown, changes: Changes = {}): Prepared {
  return compilePrepare(connection(changes))(message(content), ARRIVED);
}

/** HERE's record as it would be sent. Loose on purpose: tests say what they expect of it. */
// biome-ignore lint/suspicious/noExplicitAny: a parsed record in a test
export type AnyRecord = any;

export function recordsOf(prepared: Prepared): AnyRecord[] {
  if (prepared.outcome !== null) throw new Error(`no record but ${JSON.stringify(prepared.outcome)}`);
  return prepared.records.map(({ json }) => JSON.parse(json));
}

/** The only, or the last, record of an uplink. */
export function recordOf(content: unknown, changes: Changes = {}): AnyRecord {
  return recordsOf(prepareOne(content, changes)).at(-1);
}

/** The position that a decoded payload gives; undefined: none. */
export function positionOf(payload: unknown, fields: Record<string, unknown> = {}): AnyRecord {
  return recordOf(uplink(payload, fields)).position;
}

export function sensorsOf(payload: unknown, fields: Record<string, unknown> = {}): AnyRecord {
  return recordOf(uplink(payload, fields)).system?.reportedSensorData;
}
