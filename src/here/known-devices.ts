// The set of devices known to exist, compact (8 bytes a DevEUI in open addressing) and bounded: the long unseen go first.

/** Kept apart: ids that are no DevEUI, and the two DevEUIs that mark free places. */
const MAX_OTHERS = 100_000;
const MIN_PLACES = 1024;
const MAX_FILL = 0.6;

/** DevEUIs as pairs of 32-bit numbers; 0,0 is a free place, all ones a removed one. */
class EuiTable {
  #high = new Uint32Array(MIN_PLACES);
  #low = new Uint32Array(MIN_PLACES);
  /** Taken and removed places. */
  #used = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(high: number, low: number): boolean {
    return this.#find(high, low) >= 0;
  }

  add(high: number, low: number): void {
    if (this.#find(high, low) >= 0) return;
    if (this.#used + 1 > this.#high.length * MAX_FILL) this.#rebuild();
    this.#put(high, low);
    this.#used++;
    this.#size++;
  }

  delete(high: number, low: number): void {
    const place = this.#find(high, low);
    if (place < 0) return;
    this.#high[place] = 0xffffffff;
    this.#low[place] = 0xffffffff;
    this.#size--;
  }

  #find(high: number, low: number): number {
    const mask = this.#high.length - 1;
    for (let place = hash(high, low) & mask; ; place = (place + 1) & mask) {
      const foundHigh = this.#high[place];
      const foundLow = this.#low[place];
      if (foundHigh === high && foundLow === low) return place;
      if (foundHigh === 0 && foundLow === 0) return -1;
    }
  }

  #put(high: number, low: number): void {
    const mask = this.#high.length - 1;
    let place = hash(high, low) & mask;
    while (this.#high[place] !== 0 || this.#low[place] !== 0) place = (place + 1) & mask;
    this.#high[place] = high;
    this.#low[place] = low;
  }

  #rebuild(): void {
    const high = this.#high;
    const low = this.#low;
    // Doubled only when it is really full, else just cleared of removed places.
    const places = this.#size + 1 > (high.length * MAX_FILL) / 2 ? high.length * 2 : high.length;
    this.#high = new Uint32Array(places);
    this.#low = new Uint32Array(places);
    this.#used = this.#size;
    for (let place = 0; place < high.length; place++) {
      const oldHigh = high[place] as number;
      const oldLow = low[place] as number;
      const isFree = (oldHigh === 0 && oldLow === 0) || (oldHigh === 0xffffffff && oldLow === 0xffffffff);
      if (!isFree) this.#put(oldHigh, oldLow);
    }
  }
}

export class KnownDevices {
  readonly #maxDevices: number;
  /** Two generations: when the young one is half of the bound, the old one is dropped and the young one gets old. */
  #young = new EuiTable();
  #old = new EuiTable();
  readonly #others = new Set<string>();

  constructor(maxDevices: number) {
    this.#maxDevices = maxDevices;
  }

  /** An upper bound: a device seen lately may be counted twice. */
  get size(): number {
    return this.#young.size + this.#old.size + this.#others.size;
  }

  has(device: string): boolean {
    const high = word(device, 0);
    const low = high < 0 ? -1 : word(device, 8);
    if (!isEui(device, high, low)) return this.#others.has(device);
    if (this.#young.has(high, low)) return true;
    if (!this.#old.has(high, low)) return false;
    this.#addYoung(high, low);
    return true;
  }

  add(device: string): void {
    const high = word(device, 0);
    const low = high < 0 ? -1 : word(device, 8);
    if (isEui(device, high, low)) this.#addYoung(high, low);
    else {
      if (this.#others.size >= MAX_OTHERS) this.#others.delete(this.#others.values().next().value as string);
      this.#others.add(device);
    }
  }

  delete(device: string): void {
    const high = word(device, 0);
    const low = high < 0 ? -1 : word(device, 8);
    if (!isEui(device, high, low)) this.#others.delete(device);
    else {
      this.#young.delete(high, low);
      this.#old.delete(high, low);
    }
  }

  #addYoung(high: number, low: number): void {
    if (this.#young.has(high, low)) return;
    if (this.#young.size >= this.#maxDevices / 2) {
      this.#old = this.#young;
      this.#young = new EuiTable();
    }
    this.#young.add(high, low);
  }
}

function isEui(device: string, high: number, low: number): boolean {
  if (high < 0 || low < 0 || device.length !== 16) return false;
  return !((high === 0 && low === 0) || (high === 0xffffffff && low === 0xffffffff));
}

/** Eight upper-case hex digits as a number; -1: something else is there. */
function word(device: string, from: number): number {
  let value = 0;
  for (let index = from; index < from + 8; index++) {
    const code = device.charCodeAt(index);
    if (code >= 48 && code <= 57) value = value * 16 + code - 48;
    else if (code >= 65 && code <= 70) value = value * 16 + code - 55;
    else return -1;
  }
  return value;
}

function hash(high: number, low: number): number {
  // DevEUIs of a fleet differ in their last digits only: mix both words well.
  let mixed = Math.imul(high ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(low, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x27d4eb2f);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
