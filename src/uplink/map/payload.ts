// The record's `payload`: the uplink's content, fitted into HERE's 1000 bytes by leaving out whole fields in a fixed order.
// One walk sorts the fields into classes and counts what they take; the classes are then taken in from the last to leave down
// to the first, so that what must go is never turned into text.
import type { JsonObject } from '../values.ts';
import { FLAG, type KeyInfo, keyInfo, NO_KEY } from './keys.ts';
import { CLASS, Classes } from './payload-class.ts';
import { CUT, MAX_NESTING, MAX_PAYLOAD_BYTES, ROOM } from './payload-limits.ts';
import { SpanFitter } from './payload-spans.ts';
import { isPlain, jsonOf, leastBytes, TOO_DEEP, wholeOf } from './payload-text.ts';

const CLASSES = 8;
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
  readonly source: PlainSource | null;
}

/** The message's text, where nothing in it needs escaping or more than a byte a character. */
export interface PlainSource {
  readonly text: string;
  /** The same, a byte a character. */
  readonly bytes: Uint8Array;
  /** Where the content's brace stands in the text; -1: the content does not stand in it as it is. */
  readonly at: number;
}

/** Beyond so many fields the content is far too long, whatever they are: only what always stays is still looked for. */
const MAX_TOKENS = 1500;
/** Each level may still close, and hold what always stays. */
const MOST_TOKENS = MAX_TOKENS + 8 * MAX_NESTING;
const ALWAYS_KEPT = new Set(['FPort', 'FCntUp', 'messageType']);
/** With so many fields sorting them costs less than looking for the longest again and again. */
const MANY_LEAVES = 150;

/** Fits payloads one after the other; its buffers are reused, so it must not be entered twice at once. */
export class PayloadFitter {
  // Tokens in the order of the document: a field, or the opening or closing of an object.
  readonly #key: KeyInfo[] = [];
  /** A field's value as JSON; '' while it is not needed. */
  readonly #text: string[] = [];
  readonly #value: unknown[] = [];
  readonly #class = new Uint8Array(MOST_TOKENS);
  readonly #bytes = new Int32Array(MOST_TOKENS);
  /** For an opening the index of its closing, for a closing -1, for a field 0. */
  readonly #end = new Int32Array(MOST_TOKENS);
  readonly #sum = new Float64Array(CLASSES);
  /** What the fields without texts take at the very least. */
  readonly #least = new Float64Array(CLASSES);
  #count = 0;
  #isTooDeep = false;
  #isOverfull = false;
  #isPlain = false;
  readonly #classes = new Classes();
  readonly #spans = new SpanFitter(this.#classes);

  fit(input: PayloadInput): Payload {
    this.#count = 0;
    this.#isTooDeep = this.#isOverfull = false;
    this.#isPlain = input.source !== null;
    this.#classes.begin(input.used, input.payloadHex, input.isUndecoded);
    // HERE's payload is an object: a list goes under the name that it has in an uplink.
    const isList = Array.isArray(input.content);
    const rootKey = isList ? null : input.rootKey;
    const content = isList ? { payload: input.content } : (input.content as JsonObject);
    const quick = isList || input.source === null ? null : this.#quick(input.source, rootKey, content);
    if (quick !== null) return { ok: true, json: quick.json, cut: quick.cut };
    this.#sum.fill(0);
    this.#least.fill(0);
    this.#object(rootKey === null ? NO_KEY : keyInfo(rootKey), content, 1, false);
    if (this.#isTooDeep) return { ok: false, reason: 'tooDeep' };

    const sum = this.#sum;
    let total = (sum[CLASS.keep] as number) + (sum[CLASS.leaf] as number) + (rootKey === null ? 0 : 2);
    let dropped: number = CLASS.array;
    while (dropped > CLASS.never && !this.#isOverfull && this.#fits(dropped, ROOM - total)) {
      total += sum[dropped] as number;
      dropped -= 1;
    }
    const room = ROOM - CUT.length - 1;
    const isCut = dropped > CLASS.never || total > ROOM;
    while (isCut && dropped < CLASS.array && total > room) total -= sum[++dropped] as number;
    if (isCut && total > room) this.#dropLongest(total - room);
    let json = this.#write(dropped, rootKey !== null, isCut);
    // Names of objects that lost their fields may still take too much.
    for (let i = 1; this.#bytesOf(json) > MAX_PAYLOAD_BYTES; i++) {
      this.#dropLongest(100 * i);
      json = i <= 50 ? this.#write(dropped, rootKey !== null, isCut) : `{${CUT}}`;
    }
    return { ok: true, json, cut: isCut };
  }

  #quick(
    { text, bytes, at }: PlainSource,
    rootKey: string | null,
    content: JsonObject,
  ): { json: string; cut: boolean } | null {
    return at < 0
      ? null
      : this.#spans.fit(text, bytes, at, content, rootKey === null ? '' : `{${keyInfo(rootKey).quoted}`);
  }

  #bytesOf(json: string): number {
    return this.#isPlain ? json.length : Buffer.byteLength(json);
  }

  #push(key: KeyInfo, text: string, value: unknown, bytes: number, cls: number): void {
    const i = this.#count++;
    this.#key[i] = key;
    this.#text[i] = text;
    this.#value[i] = value;
    this.#bytes[i] = bytes;
    this.#class[i] = cls;
    this.#end[i] = 0;
  }

  /** Returns the highest class inside: an object stays as long as anything in it does. `isSealed`: nothing in it was mapped. */
  #object(key: KeyInfo, object: JsonObject, depth: number, isSealed: boolean): number {
    if (depth > MAX_NESTING) {
      this.#isTooDeep = true;
      return CLASS.never;
    }
    const start = this.#count;
    this.#push(key, '', null, key.bytes + 2, CLASS.never);
    let highest: number = CLASS.never;
    for (const name in object) {
      const value = object[name];
      if (this.#count > MAX_TOKENS && !(depth <= 2 && ALWAYS_KEPT.has(name))) {
        this.#isOverfull = true;
        if (typeof value === 'object' && value !== null && leastBytes(value, MAX_NESTING - depth) === TOO_DEEP) {
          this.#isTooDeep = true;
          return CLASS.never;
        }
        continue;
      }
      const info = keyInfo(name);
      if ((info.flags & FLAG.secret) !== 0) continue;
      let cls: number;
      if (typeof value === 'object' && value !== null) {
        cls = this.#classes.ofObject(info, value, isSealed);
        if (cls === CLASS.leaf) {
          const sealed = isSealed || (info.flags & FLAG.sealed) !== 0;
          cls = this.#object(info, value as JsonObject, depth + 1, sealed);
        } else {
          const least = leastBytes(value, MAX_NESTING - depth);
          if (least === TOO_DEEP) this.#isTooDeep = true;
          this.#least[cls] = (this.#least[cls] as number) + info.bytes + 1 + least;
          this.#push(info, '', value, info.bytes + 1, cls);
        }
        if (this.#isTooDeep) return CLASS.never;
      } else {
        cls = this.#classes.ofField(info, value, depth, isSealed);
        if (cls === CLASS.never) continue;
        if (cls < CLASS.leaf) {
          const bytes = info.bytes + 1;
          this.#least[cls] = (this.#least[cls] as number) + bytes + (typeof value === 'string' ? value.length + 2 : 1);
          this.#push(info, '', value, bytes, cls);
        } else this.#leaf(info, value, cls);
      }
      if (cls > highest) highest = cls;
    }
    // An empty object tells nothing more than a null does. Its comma is not made up for by a first field inside.
    const isEmpty = this.#count === start + 1;
    if (isEmpty) highest = CLASS.sentinel;
    this.#class[start] = highest;
    this.#sum[highest] = (this.#sum[highest] as number) + key.bytes + (isEmpty ? 3 : 2);
    this.#end[start] = this.#count;
    this.#push(NO_KEY, '', null, 0, highest);
    this.#end[this.#count - 1] = -1;
    return highest;
  }

  #leaf(info: KeyInfo, value: unknown, cls: number): void {
    let text: string;
    let bytes: number;
    if (typeof value === 'string') {
      if (this.#isPlain || isPlain(value)) {
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
    this.#push(info, text, null, bytes, cls);
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
      this.#bytes[i] = (this.#bytes[i] as number) + this.#bytesOf(text);
      sum += this.#bytes[i] as number;
      if (sum > room) return false;
    }
    this.#sum[cls] = sum;
    return true;
  }

  /** Marks the longest plain fields as never to be written, until `tooMuch` bytes are gone. */
  #dropLongest(tooMuch: number): void {
    const leaves: number[] = [];
    for (let i = 0; i < this.#count; i++) if (this.#class[i] === CLASS.leaf && this.#end[i] === 0) leaves.push(i);
    const isSorted = leaves.length > MANY_LEAVES;
    if (isSorted) leaves.sort((a, b) => (this.#bytes[b] as number) - (this.#bytes[a] as number));
    let left = tooMuch;
    for (let n = 0; n < leaves.length && left > 0; n++) {
      const i = isSorted ? (leaves[n] as number) : this.#longest(leaves);
      left -= this.#bytes[i] as number;
      this.#class[i] = CLASS.never;
    }
  }

  #longest(leaves: readonly number[]): number {
    let found = leaves[0] as number;
    let most = -1;
    for (const i of leaves) {
      const bytes = this.#bytes[i] as number;
      if (bytes <= most || this.#class[i] !== CLASS.leaf) continue;
      most = bytes;
      found = i;
    }
    return found;
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
        continue;
      }
      const isOut = (this.#class[i] as number) <= dropped || (end > 0 && isCut && this.#isBare(i, end, dropped));
      if (i > 0 && isOut) {
        if (end > 0) i = end;
        continue;
      }
      if (comma) json += ',';
      const key = this.#key[i] as KeyInfo;
      if (end > 0) json += key.opening;
      else json = json + key.quoted + this.#text[i];
      comma = end === 0;
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
