// Devices whose uplinks stay in the journal for a while. Named up to a number of them; who is beyond is only recognized (a Bloom filter),
// so that a journal full of devices that HERE does not take does not fill the memory. Those cannot be let go one by one: all are at once.
//
// Some that are not held are taken for such (of a million beyond the number one in 100,000, of ten million one in 25): what they have
// in the journal waits along until the others are let go. Each round draws its places anew, so that the same ones are not hit again.
import { DeviceHash } from './device-hash.ts';

const NAMED_DEVICES = 100_000;
/** A power of two; 8 MiB. */
const BITS = 2 ** 26;
const PLACES = 4;

interface Filter {
  readonly bytes: Uint8Array;
  readonly hash: DeviceHash;
  readonly step: DeviceHash;
}

export class HeldDevices {
  readonly #maxNamed: number;
  readonly #bits: number;
  readonly #named = new Set<string>();
  /** Null: there are no others. */
  #others: Filter | null = null;
  #otherCount = 0;

  constructor(maxNamed = NAMED_DEVICES, bits = BITS) {
    this.#maxNamed = maxNamed;
    this.#bits = bits;
  }

  /** About, where not all are named. */
  get count(): number {
    return this.#named.size + this.#otherCount;
  }

  get hasOthers(): boolean {
    return this.#others !== null;
  }

  /** Among those that are named. */
  has(device: string): boolean {
    return this.#named.has(device);
  }

  /** True of all that are held, and of a few more. */
  mayHave(device: string): boolean {
    return this.#named.has(device) || (this.#others !== null && this.#mark(device, this.#others, false));
  }

  /** False: it is beyond those that are named. */
  add(device: string): boolean {
    if (this.#named.has(device)) return true;
    if (this.#named.size < this.#maxNamed) {
      this.#named.add(device);
      return true;
    }
    this.#others ??= { bytes: new Uint8Array(this.#bits / 8), hash: new DeviceHash(), step: new DeviceHash() };
    if (!this.#mark(device, this.#others, true)) this.#otherCount += 1;
    return false;
  }

  delete(device: string): boolean {
    return this.#named.delete(device);
  }

  /** Those that are not named. */
  forgetOthers(): void {
    this.#others = null;
    this.#otherCount = 0;
  }

  clear(): void {
    this.#named.clear();
    this.forgetOthers();
  }

  /** Whether all places of the device were marked; `set`: they are from now on. */
  #mark(device: string, { bytes, hash, step }: Filter, set: boolean): boolean {
    let place = hash.of(device);
    const by = step.of(device) | 1;
    let wereSet = true;
    for (let n = 0; n < PLACES; n++) {
      const at = (place >>> 0) % this.#bits;
      const bit = 1 << (at & 7);
      if (((bytes[at >>> 3] as number) & bit) === 0) {
        if (!set) return false;
        wereSet = false;
        bytes[at >>> 3] = (bytes[at >>> 3] as number) | bit;
      }
      place += by;
    }
    return wereSet;
  }
}
