// How many uplinks of each device wait in the journal only. Exact up to a number of devices; what is beyond is counted in a table of
// a fixed size, so that a journal full of invented devices does not fill the memory.
//
// Devices that share a slot of the table count as waiting together: an uplink of one that has nothing in the journal then goes by way
// of it, a little later and in its order. The other way round nothing is ever taken for read that is not.
import { DeviceHash } from './device-hash.ts';

const EXACT_DEVICES = 100_000;
/** A power of two; 4 MiB. */
const SLOTS = 2 ** 20;

export class UnreadCounts {
  readonly #maxExact: number;
  readonly #slotCount: number;
  readonly #exact = new Map<string, number>();
  /** Null unless more devices wait than are counted exactly. */
  #table: { readonly slots: Uint32Array; readonly hash: DeviceHash } | null = null;
  #inTable = 0;

  constructor(maxExact = EXACT_DEVICES, slotCount = SLOTS) {
    this.#maxExact = maxExact;
    this.#slotCount = slotCount;
  }

  /** Also true of a device that shares a slot with one that waits. */
  has(device: string): boolean {
    return this.#exact.has(device) || (this.#inTable > 0 && this.#slotted(device) > 0);
  }

  /** Too many while the table is in use: those of the devices that share the slot are among them. */
  of(device: string): number {
    return (this.#exact.get(device) ?? 0) + this.#slotted(device);
  }

  add(device: string): void {
    const count = this.#exact.get(device);
    if (count !== undefined || this.#exact.size < this.#maxExact) {
      this.#exact.set(device, (count ?? 0) + 1);
      return;
    }
    this.#table ??= { slots: new Uint32Array(this.#slotCount), hash: new DeviceHash() };
    const { slots, hash } = this.#table;
    const slot = hash.of(device) % this.#slotCount;
    slots[slot] = (slots[slot] as number) + 1;
    this.#inTable += 1;
  }

  /** One that was added. */
  remove(device: string): void {
    const count = this.#exact.get(device);
    if (count === undefined) this.#removeSlotted(device);
    else if (count > 1) this.#exact.set(device, count - 1);
    else this.#exact.delete(device);
    // Not as soon as it is empty: at the bound it would be made anew with every other uplink.
    if (this.#table !== null && this.#inTable === 0 && this.#exact.size <= this.#maxExact / 2) this.#table = null;
  }

  clear(): void {
    this.#exact.clear();
    this.#table = null;
    this.#inTable = 0;
  }

  #slotted(device: string): number {
    if (this.#table === null) return 0;
    const { slots, hash } = this.#table;
    return slots[hash.of(device) % this.#slotCount] as number;
  }

  #removeSlotted(device: string): void {
    if (this.#table === null) return;
    const { slots, hash } = this.#table;
    const slot = hash.of(device) % this.#slotCount;
    const count = slots[slot] as number;
    if (count === 0) return;
    slots[slot] = count - 1;
    this.#inTable -= 1;
  }
}
