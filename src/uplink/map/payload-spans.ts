// The quick way to fit a payload: the parsed content is walked beside the text that it was parsed from, so that each field is
// known by where it stands. Nothing is turned into text again: what stays is cut out of the message, run by run.
//
// It needs a text of one byte a character, without escapes and without blanks between tokens, as networks write it; anything
// else (and keys like "12", which JavaScript moves to the front) goes the general way of payload.ts, which gives the same.
import type { JsonObject } from '../values.ts';
import { FLAG, KeyTrail } from './keys.ts';
import { CLASS, type Classes } from './payload-class.ts';
import { CUT, MAX_NESTING, ROOM } from './payload-limits.ts';

const CLASSES = 8;
const MAX_TOKENS = 1000;
const MOST_TOKENS = MAX_TOKENS + 4 * MAX_NESTING;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const ZERO = 48;
const NINE = 57;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const MANY_LEAVES = 150;

/** Fits payloads one after the other; its buffers are reused, so it must not be entered twice at once. */
export class SpanFitter {
  readonly #classes: Classes;
  readonly #class = new Uint8Array(MOST_TOKENS);
  /** Where a field's key begins, and where its value ends; of an opening, where its inside begins. */
  readonly #start = new Int32Array(MOST_TOKENS);
  readonly #stop = new Int32Array(MOST_TOKENS);
  /** For an opening the index of its closing, for a closing -1, for a field 0. */
  readonly #end = new Int32Array(MOST_TOKENS);
  readonly #sum = new Float64Array(CLASSES);
  /** The keys of the last payload: most messages of a fleet have the same ones in the same order. */
  readonly #keys = new KeyTrail(MOST_TOKENS);
  #count = 0;
  #text = '';
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #mayHoldAddress = false;

  /** `classes` has been begun for this payload. */
  constructor(classes: Classes) {
    this.#classes = classes;
  }

  /** `from`: where the content's brace stands in `text`; `head`: what goes before it. null: take the general way. */
  fit(
    text: string,
    bytes: Uint8Array,
    from: number,
    content: JsonObject,
    head: string,
  ): { json: string; cut: boolean } | null {
    this.#text = text;
    this.#bytes = bytes;
    this.#at = from;
    this.#count = 0;
    this.#sum.fill(0);
    this.#mayHoldAddress = text.includes('wnlink') || text.includes('wnLink') || text.includes('WNLINK');
    if (this.#object(content, from, 1, false) < 0) return null;
    const sum = this.#sum;
    let total = (sum[CLASS.keep] as number) + (sum[CLASS.leaf] as number) + head.length + (head === '' ? 0 : 1);
    let dropped: number = CLASS.array;
    while (dropped > CLASS.never && total + (sum[dropped] as number) <= ROOM) {
      total += sum[dropped] as number;
      dropped -= 1;
    }
    const room = ROOM - CUT.length - 1;
    const isCut = dropped > CLASS.never || total > ROOM;
    while (isCut && dropped < CLASS.array && total > room) total -= sum[++dropped] as number;
    if (isCut && total > room) this.#dropLongest(total - room);
    let json = this.#write(head, dropped, isCut);
    for (let i = 1; json.length >= ROOM; i++) {
      this.#dropLongest(100 * i);
      json = i <= 50 ? this.#write(head, dropped, isCut) : `{${CUT}}`;
    }
    return { json, cut: isCut };
  }

  /** The highest class inside; -1: this is not for the quick way. `start`: of the object's key, or of itself. */
  #object(object: JsonObject, start: number, depth: number, isSealed: boolean): number {
    const bytes = this.#bytes;
    let at = this.#at;
    if (bytes[at] !== OPEN_OBJECT || depth > MAX_NESTING) return -1;
    const opening = this.#count++;
    const headBytes = at + 1 - start;
    this.#start[opening] = start;
    this.#stop[opening] = ++at;
    let highest: number = CLASS.never;
    for (const name in object) {
      if (this.#count > MAX_TOKENS) return -1;
      const value = object[name];
      const info = this.#keys.at(this.#count, name);
      const valueAt = at + info.bytes;
      const isThere = bytes[at] === QUOTE && bytes[valueAt - 1] === COLON;
      if (!isThere || bytes[at + 1] !== info.first || (info.first >= ZERO && info.first <= NINE)) return -1;
      let cls: number;
      let end: number;
      if (typeof value === 'object' && value !== null) {
        cls = this.#classes.ofObject(info, value, isSealed);
        if (cls === CLASS.leaf) {
          this.#at = valueAt;
          if ((info.flags & FLAG.secret) !== 0) return -1;
          cls = this.#object(value as JsonObject, at, depth + 1, isSealed || (info.flags & FLAG.sealed) !== 0);
          if (cls < 0) return -1;
          if (cls > highest) highest = cls;
          at = this.#at;
          if (bytes[at] !== COMMA) break;
          at += 1;
          continue;
        }
        end = endOf(bytes, valueAt, MAX_NESTING - depth);
        if (end < 0 || (this.#mayHoldAddress && /downlink/i.test(this.#text.slice(valueAt, end)))) return -1;
      } else {
        if (typeof value === 'string') end = valueAt + value.length + 2;
        else if (typeof value === 'number') {
          if (value - value !== 0) return -1;
          end = valueAt + 1;
          for (
            let code = bytes[end] as number;
            code !== COMMA && code !== CLOSE_OBJECT;
            code = bytes[++end] as number
          ) {
            if (!(code > 32)) return -1;
          }
        } else end = valueAt + (value === false ? 5 : 4);
        cls = this.#classes.ofField(info, value, depth, isSealed);
      }
      if ((info.flags & FLAG.secret) === 0 && cls !== CLASS.never) {
        const i = this.#count++;
        this.#start[i] = at;
        this.#stop[i] = end;
        this.#end[i] = 0;
        this.#class[i] = cls;
        this.#sum[cls] = (this.#sum[cls] as number) + end - at + 1;
        if (cls > highest) highest = cls;
      }
      at = end;
      if (bytes[at] !== COMMA) break;
      at += 1;
    }
    if (bytes[at] !== CLOSE_OBJECT) return -1;
    this.#at = at + 1;
    const isEmpty = this.#count === opening + 1;
    if (isEmpty) highest = CLASS.sentinel;
    this.#class[opening] = highest;
    this.#sum[highest] = (this.#sum[highest] as number) + headBytes + (isEmpty ? 2 : 1);
    this.#end[opening] = this.#count;
    const closing = this.#count++;
    this.#start[closing] = at;
    this.#stop[closing] = at + 1;
    this.#end[closing] = -1;
    return highest;
  }

  /** Marks the longest plain fields as never to be written, until `tooMuch` bytes are gone. */
  #dropLongest(tooMuch: number): void {
    const leaves: number[] = [];
    for (let i = 0; i < this.#count; i++) if (this.#class[i] === CLASS.leaf && this.#end[i] === 0) leaves.push(i);
    const isSorted = leaves.length > MANY_LEAVES;
    if (isSorted) leaves.sort((a, b) => this.#length(b) - this.#length(a));
    let left = tooMuch;
    for (let n = 0; n < leaves.length && left > 0; n++) {
      const i = isSorted ? (leaves[n] as number) : this.#longest(leaves);
      left -= this.#length(i) + 1;
      this.#class[i] = CLASS.never;
    }
  }

  #length(i: number): number {
    return (this.#stop[i] as number) - (this.#start[i] as number);
  }

  #longest(leaves: readonly number[]): number {
    let found = leaves[0] as number;
    let most = -1;
    for (const i of leaves) {
      const length = this.#length(i);
      if (length <= most || this.#class[i] !== CLASS.leaf) continue;
      most = length;
      found = i;
    }
    return found;
  }

  /** What is above the class `dropped`, in as few pieces as stand side by side in the message. */
  #write(head: string, dropped: number, isCut: boolean): string {
    const text = this.#text;
    let json = head;
    let from = this.#start[0] as number;
    let to = this.#stop[0] as number;
    let comma = false;
    for (let i = 1; i < this.#count; i++) {
      const end = this.#end[i] as number;
      const isClosing = end === -1;
      if (!isClosing) {
        if ((this.#class[i] as number) <= dropped || (end > 0 && isCut && this.#isBare(i, end, dropped))) {
          if (end > 0) i = end;
          continue;
        }
      }
      const start = this.#start[i] as number;
      // Side by side: nothing, or a comma, is between it and what was written last.
      const gap = isClosing || !comma ? 0 : 1;
      if (start === to + gap) to = this.#stop[i] as number;
      else {
        json += text.slice(from, to);
        if (gap === 1) json += ',';
        from = start;
        to = this.#stop[i] as number;
      }
      comma = end <= 0;
    }
    json += text.slice(from, to);
    if (head !== '') return isCut ? `${json},${CUT}}` : `${json}}`;
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

/** Where the list or object that begins at `from` ends; -1: it is nested too deep, or has blanks in it. */
function endOf(bytes: Uint8Array, from: number, levels: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const code = bytes[at] as number;
    if (code === QUOTE) {
      do at++;
      while (at < bytes.length && bytes[at] !== QUOTE);
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (++depth > levels) return -1;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (--depth === 0) return at + 1;
    } else if (code <= 32) return -1;
  }
  return -1;
}
