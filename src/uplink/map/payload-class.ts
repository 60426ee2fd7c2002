// Which of a payload's fields leave first when it is too long.
import { FLAG, type KeyInfo, MEANING } from './keys.ts';
import { isCapability } from './payload-text.ts';

/** Classes of fields in the order in which they leave. `never`: not even where there is room; `keep`: stays in any case. */
export const CLASS = { never: 0, echo: 1, mapped: 2, config: 3, sentinel: 4, array: 5, leaf: 6, keep: 7 } as const;

/** Characters of a text that is protected; LoRaWAN's largest payload has 484 hex digits. */
const MAX_KEPT_LENGTH = 40;
const MAX_HEX_LENGTH = 500;

/** Of one payload after the other. */
export class Classes {
  #used: Uint8Array = new Uint8Array(0);
  #hex = '';
  #isUndecoded = false;

  /** See `PayloadInput`. */
  begin(used: Uint8Array, hex: string | null, isUndecoded: boolean): void {
    this.#used = used;
    this.#hex = hex !== null && hex.length >= 4 && hex.length <= MAX_HEX_LENGTH ? hex.toLowerCase() : '';
    this.#isUndecoded = isUndecoded;
  }

  /** `leaf`: its fields are looked at one by one; any other class takes it as a whole. */
  ofObject({ meaning, flags }: KeyInfo, value: object, isSealed: boolean): number {
    if ((flags & FLAG.config) !== 0) return CLASS.config;
    const isList = Array.isArray(value);
    if (!isSealed) {
      // What was heard is in the record's scan.
      if ((flags & FLAG.scan) !== 0 && this.#used[MEANING.scan] === 1) return CLASS.mapped;
      // A list of coordinates, or a point such as temperature {unitId, record}, whose value is in the record.
      if (meaning !== MEANING.none && this.#used[meaning] === 1 && (isList || 'unitId' in value)) return CLASS.mapped;
    }
    return isList ? CLASS.array : CLASS.leaf;
  }

  ofField({ meaning, flags }: KeyInfo, value: unknown, depth: number, isSealed: boolean): number {
    if (typeof value === 'string') {
      if (value.length > 30 && isCapability(value)) return CLASS.never;
      if (this.#isEcho(value)) return this.#isUndecoded && depth === 1 ? CLASS.keep : CLASS.echo;
      if (value === '' || (value.length === 7 && isUnknown(value))) return CLASS.sentinel;
    }
    if (meaning !== MEANING.none) {
      if (meaning === MEANING.keep && depth <= 2) {
        return typeof value !== 'string' || value.length <= MAX_KEPT_LENGTH ? CLASS.keep : CLASS.leaf;
      }
      if (meaning === MEANING.hexEcho && !this.#isUndecoded) return CLASS.echo;
      if (meaning === MEANING.device || (meaning === MEANING.time && depth === 1)) return CLASS.mapped;
      if (!isSealed && this.#used[meaning] === 1) return CLASS.mapped;
    }
    if ((flags & FLAG.config) !== 0) return CLASS.config;
    return value === null || value === -1 ? CLASS.sentinel : CLASS.leaf;
  }

  #isEcho(value: string): boolean {
    const hex = this.#hex;
    return hex !== '' && value.length === hex.length && (value === hex || value.toLowerCase() === hex);
  }
}

function isUnknown(value: string): boolean {
  return value === 'UNKNOWN' || value === 'Unknown' || value === 'unknown';
}
