// A number for a device, for tables of a fixed size. Whoever invents DevEUIs cannot choose them so that they share places, since
// each table draws numbers of its own (tabulation hashing).
import { randomFillSync } from 'node:crypto';

/** Of a DevEUI's digits; the lowest five bits of a character tell the hex digits apart. */
const CHARACTERS = 16;
const KINDS = 32;

export class DeviceHash {
  readonly #words = randomFillSync(new Uint32Array(CHARACTERS * KINDS));

  /** 32 bits, each as good as any other. */
  of(device: string): number {
    let mixed = 0;
    for (let i = 0; i < device.length; i++) {
      mixed ^= this.#words[(i % CHARACTERS) * KINDS + (device.charCodeAt(i) % KINDS)] as number;
    }
    return mixed >>> 0;
  }
}
