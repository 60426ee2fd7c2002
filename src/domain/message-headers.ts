// The headers that a message came with (Kafka), as text: kept with it in the journal and with its dead letter, bounded.
import type { MessageHeaders } from './ports/broker.ts';

/** `valueBase64`: its value is no UTF-8 text. Names may repeat; the order is that of the record. */
export interface KeptHeader {
  readonly name: string;
  readonly value?: string | null;
  readonly valueBase64?: string;
}

export interface KeptHeaders {
  readonly headers: readonly KeptHeader[];
  /** How many had no room. */
  readonly headersLeftOut?: number;
}

/** Of the text, in UTF-16 units; a header that does not fit any more is left out and counted. */
export const MAX_HEADERS_TEXT = 16_384;
/** A UTF-16 unit comes of three bytes of UTF-8 at most: no longer value has room, and it may be too long for a string at all. */
const MAX_VALUE_BYTES = 3 * MAX_HEADERS_TEXT;

/** JSON, most often shorter than a hundred characters; null: there are none. */
export function headersText(headers: MessageHeaders): string | null {
  if (headers.length === 0) return null;
  const kept: string[] = [];
  let length = 0;
  for (const [name, value] of headers) {
    if (name.length > MAX_HEADERS_TEXT || (value !== null && value.length > MAX_VALUE_BYTES)) continue;
    const text = JSON.stringify(keptHeader(name, value));
    if (length + text.length > MAX_HEADERS_TEXT) continue;
    kept.push(text);
    length += text.length + 1;
  }
  const leftOut = headers.length - kept.length;
  return `{"headers":[${kept.join(',')}]${leftOut === 0 ? '' : `,"headersLeftOut":${leftOut}`}}`;
}

function keptHeader(name: string, value: Buffer | null): KeptHeader {
  if (value === null) return { name, value: null };
  const text = value.toString('utf8');
  return Buffer.from(text, 'utf8').equals(value)
    ? { name, value: text }
    : { name, valueBase64: value.toString('base64') };
}

/** Of a text of `headersText`, or of a foreign one: what is none of it is left out. Null: there are none. */
export function readHeaders(text: string | undefined): KeptHeaders | null {
  if (text === undefined) return null;
  try {
    return keptHeadersOf(JSON.parse(text));
  } catch {
    return null;
  }
}

/** As `readHeaders`, of a value. */
export function keptHeadersOf(value: unknown): KeptHeaders | null {
  const { headers, headersLeftOut } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(headers)) return null;
  const kept: KeptHeader[] = [];
  let length = 0;
  for (const each of headers) {
    const { name, value: text, valueBase64 } = (each ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string') continue;
    const header =
      typeof valueBase64 === 'string' ? { name, valueBase64 } : { name, value: typeof text === 'string' ? text : null };
    length += JSON.stringify(header).length + 1;
    if (length > MAX_HEADERS_TEXT + 1) break;
    kept.push(header);
  }
  const leftOut = typeof headersLeftOut === 'number' && headersLeftOut > 0 ? Math.floor(headersLeftOut) : 0;
  if (kept.length === 0 && leftOut === 0) return null;
  return { headers: kept, ...(leftOut === 0 ? {} : { headersLeftOut: leftOut }) };
}

/** As they came, but for those that had no room. */
export function messageHeaders({ headers }: KeptHeaders): MessageHeaders {
  return headers.map(({ name, value, valueBase64 }) => {
    if (valueBase64 !== undefined) return [name, Buffer.from(valueBase64, 'base64')];
    return [name, typeof value === 'string' ? Buffer.from(value, 'utf8') : null];
  });
}
