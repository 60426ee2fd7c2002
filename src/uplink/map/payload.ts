// The record's `payload`: the uplink's content, fitted into HERE's 1000 bytes by leaving out whole fields in a fixed order.
// One walk sorts the fields into classes; the classes are then taken in from the last to leave down to the first, so that
// what must go is never turned into text.
import type { JsonObject } from '../values.ts';
import { FLAG, type KeyInfo, keyInfo, MEANING } from './keys.ts';
import { isCapability, isPlain, jsonOf, leastBytes, TOO_DEEP, wholeOf } from './payload-text.ts';

/** HERE: "The maximum size is 1000B". */
export const MAX_PAYLOAD_BYTES = 1000;
/** Deeper nesting makes the message a dead letter; it also bounds the recursion here. */
export const MAX_NESTING = 100;

/** Classes of fields in the order in which they leave a payload that is too long. */
const CLASS = { never: 0, echo: 1, mapped: 2, config: 3, sentinel: 4, array: 5, leaf: 6, keep: 7 } as const;
const CLASSES = 8;
/** The sums count a comma for every field; the first one of the content has none. */
const ROOM = MAX_PAYLOAD_BYTES + 1;
const CUT = '"_cut":true';
/** Characters of a text that is protected; LoRaWAN's largest payload has 484 hex digits. */
const MAX_KEPT_LENGTH = 40;
const MAX_HEX_LENGTH = 500;

export type Payload =
  | { readonly ok: true; readonly json: string; readonly cut: boolean }
  | { readonly ok: false; readonly reason: 'tooDeep' };

export interface PayloadInput {
  readonly content: JsonObject | readonly unknown[];
  /** The name that the content goes under; null: none. */
  readonly rootKey: string | null;
  /** Repetitions of these bytes go first. */
  readonly payloadHex: string | null;
  /** The content has no decoded payload: the raw bytes are all that there is and stay. */
  readonly isUndecoded: boolean;
  /** Meanings that are in the record already. */
  readonly used: Uint8Array;
}

/** Beyond so many fields the content is far too long, whatever they are: only what always stays is still looked for. */
const MAX_TOKENS = 1500;
const ALWAYS_KEPT = new Set(['FPort', 'FCntUp', 'messageType']);

/** Fits payloads one after the other; its buffers are reused, so it must not be entered twice at once. */
export class PayloadFitter {
  // Tokens in the order of the document: a field, or the opening or closing of an object.
  /** A field's key with its colon, an object's opening or its closing. */
  readonly #head: string[] = [];
  /** A field's value as JSON; '' while it is not needed. */
  readonly #text: string[] = [];
  readonly #value: unknown[] = [];
  readonly #class: number[] = [];
  readonly #bytes: number[] = [];
  /** For an opening the index of its closing, for a closing -1, for a field 0. */
  readonly #end: number[] = [];
  readonly #sum = new Float64Array(CLASSES);
  /** What the fields without texts take at the very least. */
  readonly #least = new Float64Array(CLASSES);
  #count = 0;
  #isTooDeep = false;
  #isOverfull = false;
  #input: PayloadInput = NOTHING;
  #hex = '';

  fit(input: PayloadInput): Payload {
    this.#count = 0;
    this.#isTooDeep = false;
    this.#isOverfull = false;
    this.#sum.fill(0);
    this.#least.fill(0);
    this.#input = input;
    const hex = input.payloadHex;
    this.#hex = hex !== null && hex.length >= 4 && hex.length <= MAX_HEX_LENGTH ? hex.toLowerCase() : '';
    // HERE's payload is an object: a list goes under the name that it has in an uplink.
    const isList = Array.isArray(input.content);
    const rootKey = isList ? null : input.rootKey;
    const content = isList ? { payload: input.content } : (input.content as JsonObject);
    const root = rootKey === null ? null : keyInfo(rootKey);
    this.#object(root === null ? '{' : `${root.quoted}{`, root === null ? 1 : root.bytes + 1, content, 1, false);
    if (this.#isTooDeep) return { ok: false, reason: 'tooDeep' };

    let total = (this.#sum[CLASS.keep] as number) + (this.#sum[CLASS.leaf] as number) + (rootKey === null ? 0 : 2);
    let dropped: number = CLASS.array;
    while (dropped > CLASS.never && !this.#isOverfull && this.#fits(dropped, ROOM - total)) {
      total += this.#sum[dropped] as number;
      dropped -= 1;
    }
    const room = ROOM - CUT.length - 1;
    const isCut = dropped > CLASS.never || total > ROOM;
    while (isCut && dropped < CLASS.array && total > room) total -= this.#sum[++dropped] as number;
    if (isCut && total > room) this.#dropLongest(total - room);
    let json = this.#write(dropped, rootKey !== null, isCut);
    let bytes = Buffer.byteLength(json);
    // Names of objects that lost their fields may still take too much.
    for (let i = 1; bytes > MAX_PAYLOAD_BYTES; i++) {
      this.#dropLongest(100 * i);
      json = i <= 50 ? this.#write(dropped, rootKey !== null, isCut) : `{${CUT}}`;
      bytes = Buffer.byteLength(json);
    }
    this.#input = NOTHING;
    this.#value.length = 0;
    return { ok: true, json, cut: isCut };
  }

  #push(head: string, text: string, value: unknown, bytes: number, cls: number): void {
    const i = this.#count++;
    this.#head[i] = head;
    this.#text[i] = text;
    this.#value[i] = value;
    this.#bytes[i] = bytes;
    this.#class[i] = cls;
    this.#end[i] = 0;
  }

  /** Returns the highest class inside: an object stays as long as anything in it does. `isSealed`: nothing in it was mapped. */
  #object(head: string, headBytes: number, object: JsonObject, depth: number, isSealed: boolean): number {
    if (depth > MAX_NESTING) {
      this.#isTooDeep = true;
      return CLASS.never;
    }
    const start = this.#count;
    this.#push(head, '', null, headBytes + 1, CLASS.never);
    let highest: number = CLASS.never;
    for (const key in object) {
      const value = object[key];
      if (this.#count > MAX_TOKENS && !(depth <= 2 && ALWAYS_KEPT.has(key))) {
        this.#isOverfull = true;
        if (typeof value === 'object' && value !== null && leastBytes(value, MAX_NESTING - depth) === TOO_DEEP) {
          this.#isTooDeep = true;
          return CLASS.never;
        }
        continue;
      }
      const info = keyInfo(key);
      if ((info.flags & FLAG.secret) !== 0) continue;
      let cls: number;
      if (typeof value === 'object' && value !== null) {
        cls = this.#classOfObject(info.meaning, info.flags, value, isSealed);
        if (cls === CLASS.leaf) {
          const sealed = isSealed || (info.flags & FLAG.sealed) !== 0;
          cls = this.#object(`${info.quoted}{`, info.bytes + 1, value as JsonObject, depth + 1, sealed);
        } else {
          const least = leastBytes(value, MAX_NESTING - depth);
          if (least === TOO_DEEP) this.#isTooDeep = true;
          this.#least[cls] = (this.#least[cls] as number) + info.bytes + 1 + least;
          this.#push(info.quoted, '', value, info.bytes + 1, cls);
        }
        if (this.#isTooDeep) return CLASS.never;
      } else {
        cls = this.#classOf(info.meaning, info.flags, value, depth, isSealed);
        if (cls === CLASS.never) continue;
        if (cls < CLASS.leaf) {
          const bytes = info.bytes + 1;
          this.#least[cls] = (this.#least[cls] as number) + bytes + (typeof value === 'string' ? value.length + 2 : 1);
          this.#push(info.quoted, '', value, bytes, cls);
        } else this.#leaf(info, value, cls);
      }
      if (cls > highest) highest = cls;
    }
    // An empty object tells nothing more than a null does. Its comma is not made up for by a first field inside.
    const isEmpty = this.#count === start + 1;
    if (isEmpty) highest = CLASS.sentinel;
    this.#class[start] = highest;
    this.#sum[highest] = (this.#sum[highest] as number) + headBytes + (isEmpty ? 2 : 1);
    this.#end[start] = this.#count;
    this.#push('}', '', null, 0, highest);
    this.#end[this.#count - 1] = -1;
    return highest;
  }

  #leaf(info: KeyInfo, value: unknown, cls: number): void {
    let text: string;
    let bytes: number;
    if (typeof value === 'string') {
      if (isPlain(value)) {
        text = `"${value}"`;
        bytes = text.length;
      } else {
        text = JSON.stringify(value);
        bytes = Buffer.byteLength(text);
      }
    } else {
      text = jsonOf(value);
      bytes = text.length;
    }
    bytes += info.bytes + 1;
    this.#sum[cls] = (this.#sum[cls] as number) + bytes;
    this.#push(info.quoted, text, null, bytes, cls);
  }

  /** `leaf`: its fields are looked at one by one; any other class takes it as a whole. */
  #classOfObject(meaning: number, flags: number, value: object, isSealed: boolean): number {
    if ((flags & FLAG.config) !== 0) return CLASS.config;
    // A list of coordinates, or a point such as temperature {unitId, record}, whose value is in the record.
    const isList = Array.isArray(value);
    if (!isSealed && this.#isUsed(meaning) && (isList || 'unitId' in value)) return CLASS.mapped;
    return isList ? CLASS.array : CLASS.leaf;
  }

  #isUsed(meaning: number): boolean {
    return meaning !== MEANING.none && this.#input.used[meaning] === 1;
  }

  #classOf(meaning: number, flags: number, value: unknown, depth: number, isSealed: boolean): number {
    if (typeof value === 'string') {
      if (value.length > 30 && isCapability(value)) return CLASS.never;
      if (this.#isEcho(value)) return this.#input.isUndecoded && depth === 1 ? CLASS.keep : CLASS.echo;
      if (value === '' || value === 'UNKNOWN' || value === 'Unknown' || value === 'unknown') return CLASS.sentinel;
    }
    if (meaning !== MEANING.none) {
      if (meaning === MEANING.keep && depth <= 2) {
        return typeof value !== 'string' || value.length <= MAX_KEPT_LENGTH ? CLASS.keep : CLASS.leaf;
      }
      if (meaning === MEANING.hexEcho && !this.#input.isUndecoded) return CLASS.echo;
      if (meaning === MEANING.device || (meaning === MEANING.time && depth === 1)) return CLASS.mapped;
      if (!isSealed && this.#input.used[meaning] === 1) return CLASS.mapped;
    }
    if ((flags & FLAG.config) !== 0) return CLASS.config;
    return value === null || value === -1 ? CLASS.sentinel : CLASS.leaf;
  }

  #isEcho(value: string): boolean {
    const hex = this.#hex;
    return hex !== '' && value.length === hex.length && (value === hex || value.toLowerCase() === hex);
  }

  /** Makes the texts of a class that was not needed so far, unless it is clear before that they take more than `room`. */
  #fits(cls: number, room: number): boolean {
    let sum = this.#sum[cls] as number;
    if (sum + (this.#least[cls] as number) > room) return false;
    for (let i = 0; i < this.#count; i++) {
      if (this.#class[i] !== cls || this.#end[i] !== 0) continue;
      const value = this.#value[i];
      const text = typeof value === 'object' && value !== null ? wholeOf(value) : jsonOf(value);
      this.#text[i] = text;
      this.#bytes[i] = (this.#bytes[i] as number) + Buffer.byteLength(text);
      sum += this.#bytes[i] as number;
      if (sum > room) return false;
    }
    this.#sum[cls] = sum;
    return true;
  }

  /** Marks the longest plain fields as never to be written, until `tooMuch` bytes are gone. */
  #dropLongest(tooMuch: number): void {
    const leaves: number[] = [];
    for (let i = 0; i < this.#count; i++) {
      if (this.#class[i] === CLASS.leaf && this.#end[i] === 0) leaves.push(i);
    }
    leaves.sort((a, b) => (this.#bytes[b] as number) - (this.#bytes[a] as number));
    let left = tooMuch;
    for (const i of leaves) {
      if (left <= 0) return;
      left -= this.#bytes[i] as number;
      this.#class[i] = CLASS.never;
    }
  }

  /** Writes what is above the class `dropped`; objects that lost all their fields go too. */
  #write(dropped: number, hasRoot: boolean, isCut: boolean): string {
    let json = hasRoot ? '{' : '';
    let comma = false;
    for (let i = 0; i < this.#count; i++) {
      const end = this.#end[i] as number;
      if (end === -1) {
        json += '}';
        comma = true;
      } else if (
        i > 0 &&
        ((this.#class[i] as number) <= dropped || (end > 0 && isCut && this.#isBare(i, end, dropped)))
      ) {
        if (end > 0) i = end;
      } else if (end > 0) {
        json += comma ? `,${this.#head[i]}` : this.#head[i];
        comma = false;
      } else {
        json += comma ? `,${this.#head[i]}${this.#text[i]}` : `${this.#head[i]}${this.#text[i]}`;
        comma = true;
      }
    }
    if (hasRoot) return isCut ? `${json},${CUT}}` : `${json}}`;
    if (!isCut) return json;
    return json === '{}' ? `{${CUT}}` : `${json.slice(0, -1)},${CUT}}`;
  }

  /** True for an object that had fields of which none is left. */
  #isBare(start: number, end: number, dropped: number): boolean {
    for (let i = start + 1; i < end; i++) {
      if (this.#end[i] === 0 && (this.#class[i] as number) > dropped) return false;
    }
    return end > start + 1;
  }
}

const NOTHING: PayloadInput = {
  content: {},
  rootKey: null,
  payloadHex: null,
  isUndecoded: false,
  used: new Uint8Array(0),
};
