// Dead letters as JSON: what the admin interface shows, what an export carries and an import takes.
import { keptHeadersOf } from '../domain/message-headers.ts';
import type { DeadLetterRecord, ImportedLetter } from '../domain/ports/dead-letters.ts';
import type { DeadLetter } from '../domain/ports/store.ts';
import { DEAD_LETTER_REASONS, type DeadLetterDetail, type DeadLetterReason } from '../domain/uplink.ts';

const KEY = /^[0-9a-f]{16}$/;
const DEVICE = /^[0-9A-F]{16}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const MAX_TOPIC_CHARACTERS = 65_000;
const MAX_TEXT = 100_000;

type Payload = Pick<DeadLetterRecord, 'payload' | 'payloadBase64'>;

/** `withContent` false: without payload and sent record, with their sizes. */
export function recordOf(connection: string, letter: DeadLetter, withContent: true): DeadLetterRecord;
export function recordOf(connection: string, letter: DeadLetter, withContent: boolean): object;
export function recordOf(connection: string, letter: DeadLetter, withContent: boolean): object {
  const { id, key, seq, device, reason, topic, payload, detail, editedAt } = letter;
  const { record: _record, headers: _headers, ...shortDetail } = detail;
  return {
    key,
    connection,
    id,
    seq,
    time: isoTime(letter.time),
    arrivedAt: isoTime(letter.arrivedAt),
    device,
    reason,
    topic,
    ...(withContent ? { ...payloadOf(payload), detail } : { payloadBytes: payload.length, detail: shortDetail }),
    ...(editedAt === null ? {} : { editedAt: isoTime(editedAt) }),
  };
}

/** One letter with all that is kept of it. */
export function wholeRecordOf(connection: string, letter: DeadLetter): object {
  const { original } = letter;
  const record = recordOf(connection, letter, true);
  return original === null
    ? record
    : { ...record, original: { topic: original.topic, ...payloadOf(original.payload) } };
}

/** Text where it is UTF-8 that comes back as the same bytes, and not longer in JSON than base64 would be. */
export function payloadOf(payload: Buffer): Payload {
  const text = payload.toString('utf8');
  const base64 = (): Payload => ({ payloadBase64: payload.toString('base64') });
  if (!Buffer.from(text, 'utf8').equals(payload)) return base64();
  return Buffer.byteLength(JSON.stringify(text)) > payload.length * 1.4 + 16 ? base64() : { payload: text };
}

/** Null: neither or both are given, or what is given is none. */
export function readPayload({ payload, payloadBase64 }: { payload?: unknown; payloadBase64?: unknown }): Buffer | null {
  if (payloadBase64 === undefined) return typeof payload === 'string' ? Buffer.from(payload, 'utf8') : null;
  if (payload !== undefined || typeof payloadBase64 !== 'string' || !BASE64.test(payloadBase64)) return null;
  return Buffer.from(payloadBase64, 'base64');
}

/** A record of an export as a letter to be taken in; a text says what is wrong with it. */
export function readRecord(value: unknown): ImportedLetter | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no object';
  const { key, connection, time, arrivedAt, device, reason, topic, payload, payloadBase64, detail } = value as Readonly<
    Record<string, unknown>
  >;
  if (typeof key !== 'string' || !KEY.test(key)) return '"key" must be 16 hex digits';
  if (typeof topic !== 'string' || topic.length > MAX_TOPIC_CHARACTERS) return '"topic" must be a text';
  if (!DEAD_LETTER_REASONS.includes(reason as DeadLetterReason))
    return `"reason" must be one of ${DEAD_LETTER_REASONS.join(', ')}`;
  const arrived = typeof arrivedAt === 'string' ? Date.parse(arrivedAt) : Number.NaN;
  if (Number.isNaN(arrived)) return '"arrivedAt" must be a time in ISO 8601';
  const bytes = readPayload({ payload, payloadBase64 });
  if (bytes === null) return '"payload" must be a text, or "payloadBase64" base64';
  const eui = typeof device === 'string' ? device.toUpperCase() : null;
  if (eui !== null && !DEVICE.test(eui)) return '"device" must be 16 hex digits or null';
  const origin = `${typeof connection === 'string' ? connection.slice(0, 63) : '?'} ${typeof time === 'string' ? time.slice(0, 30) : '?'}`;
  return {
    key,
    arrivedAt: arrived,
    topic,
    payload: bytes,
    device: eui,
    reason: reason as DeadLetterReason,
    detail: { ...readDetail(detail), origin },
  };
}

/** What is known of a detail; the rest is left out. */
function readDetail(value: unknown): DeadLetterDetail {
  const { message, status, hereErrorCode, requestId, record, attempts } = (value ?? {}) as Readonly<
    Record<string, unknown>
  >;
  return {
    message: typeof message === 'string' ? message.slice(0, MAX_TEXT) : '',
    ...(typeof status === 'number' ? { status } : {}),
    ...(typeof hereErrorCode === 'number' ? { hereErrorCode } : {}),
    ...(typeof requestId === 'string' ? { requestId: requestId.slice(0, 200) } : {}),
    ...(typeof record === 'string' ? { record: record.slice(0, MAX_TEXT) } : {}),
    ...(typeof attempts === 'number' ? { attempts } : {}),
    ...keptHeadersOf(value),
  };
}

/** Times outside of what a Date can say (a clock that was wrong by eons) are shown as 1970. */
function isoTime(ms: number): string {
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
}
