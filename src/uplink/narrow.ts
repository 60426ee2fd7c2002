// Narrow: what a huge message costs. Thousands of fields of different names are what takes long, in the parser and in each walk
// after it; no tracker has them. Of such a message most fields are left out before it is parsed: one pass over the text.
//
// What is left out is not looked into beyond its strings and brackets, so that a message may pass whose left-out part is no JSON.

/** Shorter ones cannot have so many fields that it matters. */
export const NARROW_FROM_BYTES = 32_768;
/** So many fields are read wherever they are; */
export const WIDE = 2_000;
/** then the first ones of each object; */
export const FIRST = 100;
/** and then only those that an envelope cannot do without. */
export const MOST = 5_000;

const NAMED = new Set([
  ...['DevEUI_uplink', 'DevEUI_location', 'DevEUI', 'deviceEUI', 'Time', 'time', 'FPort', 'FCntUp', 'payload'],
  ...['payload_hex', 'points', 'CustomerData', 'DriverCfg', 'ModelCfg', 'coordinates', 'validityState', 'age'],
  ...['horizontalAccuracy', 'rawPosition', 'DevLAT', 'DevLON', 'DevLocRadius', 'DevLocTime'],
  ...['deviceInfo', 'devEui', 'object', 'data', 'fPort', 'fCnt', 'location', 'latitude', 'longitude', 'altitude'],
  ...['end_device_ids', 'dev_eui', 'device_id', 'uplink_message', 'location_solved', 'received_at', 'f_port', 'f_cnt'],
  ...['frm_payload', 'decoded_payload', 'normalized_payload', 'locations', 'frm-payload', 'accuracy', 'source'],
]);
const LONGEST_NAME = Math.max(...[...NAMED].map(({ length }) => length));
/** Deeper, those names are of no envelope. */
const ENVELOPE_DEPTH = 4;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const BLANK = 32;

/** The text itself, unless it has more than `WIDE` fields. */
export function narrow(text: string): string {
  /** How many fields of each open object are kept; lists have none. */
  const kept: number[] = [0];
  let depth = 0;
  let fields = 0;
  let comma = 0;
  let from = 0;
  let narrowed = '';
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA) comma = at;
    else if (isOpening(code)) kept[++depth] = 0;
    else if (isClosing(code)) depth = Math.max(0, depth - 1);
    else if (code === QUOTE) {
      const last = endOfString(text, at);
      if (last < 0) return text;
      const colon = afterBlanks(text, last + 1);
      if (text.charCodeAt(colon) !== COLON) {
        at = last;
        continue;
      }
      fields += 1;
      const before = kept[depth] as number;
      if (fields <= WIDE || (fields <= MOST && before < FIRST) || isNamed(text, at, last, depth)) {
        kept[depth] = before + 1;
        at = colon;
        continue;
      }
      const end = endOfValue(text, colon + 1);
      if (end < 0) return text;
      narrowed += text.slice(from, before > 0 ? comma : at);
      from = end;
      at = end - 1;
      const next = afterBlanks(text, end);
      // The first that is kept has no comma before it.
      if (before === 0 && text.charCodeAt(next) === COMMA) {
        from = next + 1;
        at = next;
      }
    }
  }
  return from === 0 ? text : narrowed + text.slice(from);
}

function isNamed(text: string, quote: number, last: number, depth: number): boolean {
  return depth <= ENVELOPE_DEPTH && last - quote - 1 <= LONGEST_NAME && NAMED.has(text.slice(quote + 1, last));
}

/** Where the closing quote is; -1: there is none. */
function endOfString(text: string, quote: number): number {
  for (let at = text.indexOf('"', quote + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

/** Behind its last character; -1: it does not end. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = afterBlanks(text, from); at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at < 0) return -1;
      if (depth === 0) return at + 1;
    } else if (isOpening(code)) depth += 1;
    else if (isClosing(code)) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (code === COMMA || code <= BLANK)) return at;
  }
  return -1;
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= BLANK) at += 1;
  return at;
}

/** `{` or `[`. */
function isOpening(code: number): boolean {
  return code === 123 || code === 91;
}

/** `}` or `]`. */
function isClosing(code: number): boolean {
  return code === 125 || code === 93;
}
