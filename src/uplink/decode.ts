// Decode: a message's bytes become a frame of a device, or the reason why they cannot. Parses once.
import { isAscii } from 'node:buffer';
import { readCut } from '../domain/cut-payload.ts';
import type { DeadLetterReason } from '../domain/uplink.ts';
import { readChirpStack } from './envelopes/chirpstack.ts';
import { EMPTY_FRAME, type Envelope, type EnvelopeReader, type Frame } from './envelopes/frame.ts';
import { readGeneric } from './envelopes/generic.ts';
import { readThingPark } from './envelopes/thingpark.ts';
import { readThingsStack } from './envelopes/things-stack.ts';
import { keyInfo } from './map/keys.ts';
import type { PlainSource } from './map/payload.ts';
import { MAX_NESTING } from './map/payload-limits.ts';
import { NARROW_FROM_BYTES, narrow } from './narrow.ts';
import { isObject, type JsonObject } from './values.ts';

/** One reader per network, tried in order; a message belongs to the first that knows its shape. */
const READERS: readonly EnvelopeReader[] = [readThingPark, readChirpStack, readThingsStack, readGeneric];

export interface DecodeOptions {
  /** Longer messages are not looked into. */
  readonly maxMessageBytes: number;
  /** Finds the DevEUI in a topic where the body has none; null: the definition gives no pattern. */
  readonly deviceOfTopic: ((topic: string) => string | null) | null;
}

export type Decoded =
  | Extract<Envelope, { kind: 'noTelemetry' }>
  | {
      readonly kind: 'frame';
      readonly frame: Frame & { readonly device: string };
      readonly deviceFrom: 'body' | 'topic';
      /** The message as it came. */
      readonly root: unknown;
      /** Where its body stands in the message; null: the text is not a plain one. */
      readonly source: PlainSource | null;
    }
  | { readonly kind: 'unreadable'; readonly reason: DeadLetterReason; readonly message: string };

export type Decode = (topic: string, payload: Buffer) => Decoded;

/** Of Confluent's wire format, before its content. */
const FRAME_BYTES = 5;

export function compileDecode(options: DecodeOptions): Decode {
  const { maxMessageBytes, deviceOfTopic } = options;
  return (topic, payload) => {
    if (payload.length > maxMessageBytes) return tooBig(payload, maxMessageBytes);
    let root: unknown;
    let text: string;
    let isPlain: boolean;
    try {
      text = textOf(payload);
      if (payload.length > NARROW_FROM_BYTES) text = narrow(text);
      isPlain = isAsciiOnly && !text.includes('\\');
      root = JSON.parse(text);
    } catch {
      // It was cut when less was allowed.
      if (readCut(payload) !== null) return tooBig(payload, maxMessageBytes);
      // Confluent's wire format: a zero byte, then the schema's id (4 bytes), then Avro, Protobuf or JSON. Registries count ids
      // from 1: one of 16 millions is rather the content of something else.
      if (payload[0] === 0 && payload[1] === 0 && payload.length > FRAME_BYTES) {
        const schema = payload.readUInt32BE(1);
        const message = `The message is framed for a schema registry (schema ${schema}): only plain JSON is read. Have it produced without a schema.`;
        return unreadable('foreignFraming', message);
      }
      // The parser's own words quote the message, which may hold what must not be shown.
      return unreadable('notJson', `The message (${payload.length} bytes) is not JSON.`);
    }
    if (!isObject(root)) return withoutDevice(root, 'The message is JSON, but not an object that names a device.');
    const envelope = read(root);
    if (envelope?.kind === 'noTelemetry') return envelope;
    if (envelope?.kind === 'unreadable') return withoutDevice(root, `No device: ${envelope.message}.`);
    const named = envelope?.frame.device ?? null;
    if (envelope !== null && named !== null) {
      const { frame } = envelope;
      const source = isPlain ? plainSource(text, payload, root, frame) : null;
      return { kind: 'frame', frame: frame as Frame & { device: string }, deviceFrom: 'body', root, source };
    }
    const device = deviceOfTopic?.(topic) ?? null;
    if (device === null) {
      return withoutDevice(root, 'Neither the body nor the topic names a device by a DevEUI of 16 hex digits.');
    }
    const frame = envelope === null ? bare(root) : envelope.frame;
    const source = isPlain ? plainSource(text, payload, root, frame) : null;
    return { kind: 'frame', frame: { ...frame, device }, deviceFrom: 'topic', root, source };
  };
}

/** "maker/model" of a message, for people; null: it names none. */
export function modelOf(payload: Buffer): string | null {
  let root: unknown;
  try {
    root = JSON.parse(textOf(payload));
  } catch {
    return null;
  }
  const envelope = isObject(root) ? read(root) : null;
  if (envelope?.kind !== 'frame') return null;
  const { maker, model } = envelope.frame;
  return maker === null && model === null ? null : `${maker ?? '?'}/${model ?? '?'}`;
}

function read(root: JsonObject): Envelope | null {
  for (const reader of READERS) {
    const envelope = reader(root);
    if (envelope !== null) return envelope;
  }
  return null;
}

/** Bodies stand under their root or are the root; of what a reader has put together nothing is found again. */
function plainSource(text: string, payload: Buffer, root: JsonObject, { body, rootKey }: Frame): PlainSource {
  const bytes = text.length === payload.length ? payload : Buffer.from(text, 'latin1');
  if (body === root) return { text, bytes, at: 0 };
  if (rootKey === null || root[rootKey] !== body) return { text, bytes, at: -1 };
  const { opening } = keyInfo(rootKey);
  return { text, bytes, at: text.startsWith(opening, 1) ? opening.length : -1 };
}

/** Of the text made last. */
let isAsciiOnly = false;

function textOf(payload: Buffer): string {
  isAsciiOnly = isAscii(payload);
  // One byte a character needs no decoding.
  if (isAsciiOnly) return payload.toString('latin1');
  // Some producers write a byte order mark, which JSON does not know.
  const from = payload.length >= 3 && payload[0] === 0xef && payload[1] === 0xbb && payload[2] === 0xbf ? 3 : 0;
  return payload.toString('utf8', from);
}

/** A body that is nothing but a driver's content: its device is named by the topic alone. */
function bare(body: JsonObject): Frame {
  return { ...EMPTY_FRAME, device: null, body, decoded: body };
}

function unreadable(reason: DeadLetterReason, message: string): Decoded {
  return { kind: 'unreadable', reason, message };
}

function tooBig(payload: Buffer, allowed: number): Decoded {
  const cut = readCut(payload);
  if (cut === null)
    return unreadable('tooBig', `The message has ${payload.length} bytes; at most ${allowed} are read.`);
  const { bytes, kept } = cut;
  const message = `The message had ${bytes} bytes; at most ${kept} were allowed (\`sources.maxMessageBytes\`), and only the first ${kept} are kept.`;
  return unreadable('tooBig', message);
}

function withoutDevice(root: unknown, message: string): Decoded {
  return isDeeperThan(root, MAX_NESTING) ? tooDeep() : unreadable('noDevice', message);
}

export function tooDeep(): Extract<Decoded, { kind: 'unreadable' }> {
  const message = `The message is nested more than ${MAX_NESTING} levels deep.`;
  return { kind: 'unreadable', reason: 'tooDeep', message };
}

/** Level by level, so that no depth can exhaust the stack. */
function isDeeperThan(root: unknown, levels: number): boolean {
  let level: object[] = typeof root === 'object' && root !== null ? [root] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > levels) return true;
    const next: object[] = [];
    for (const value of level) {
      for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
  return false;
}
