// Which connection heard a device last, and with which driver: 12 bytes a device in open addressing, written on the hot path.

const MIN_PLACES = 1024;
const MAX_FILL = 0.6;
/** Of all projects of a process. Beyond it new devices get no commands: far above HERE's usual quotas. */
const MAX_DEVICES = 5_000_000;
const MAX_NAMES = 65_535;

/** Texts that many devices share, by number from 1; 0 is none. */
class Names {
  readonly #texts: string[] = [''];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length > MAX_NAMES) return 0;
    this.#texts.push(text);
    this.#numbers.set(text, this.#texts.length - 1);
    return this.#texts.length - 1;
  }

  textOf(number: number): string | null {
    return number === 0 ? null : (this.#texts[number] ?? null);
  }
}

/** The places for devices that all tables of a process have together. */
export class ServedRoom {
  #left: number;

  constructor(devices = MAX_DEVICES) {
    this.#left = devices;
  }

  /** False: there is none left. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(devices: number): void {
    this.#left += devices;
  }
}

export class ServedDevices {
  #high = new Uint32Array(MIN_PLACES);
  #low = new Uint32Array(MIN_PLACES);
  /** Connection in the upper half, driver in the lower; 0: a free place. */
  #value = new Uint32Array(MIN_PLACES);
  #size = 0;
  #room: ServedRoom;
  readonly #connections = new Names();
  readonly #drivers = new Names();

  constructor(room = new ServedRoom()) {
    this.#room = room;
  }

  get size(): number {
    return this.#size;
  }

  connectionNumber(id: string): number {
    return this.#connections.numberOf(id);
  }

  driverNumber(text: string): number {
    return this.#drivers.numberOf(text);
  }

  /** True: that is news. `device`: 16 upper-case hex digits. `driver` 0: it is not told, so the one known stays. */
  note(device: string, connection: number, driver: number): boolean {
    const high = word(device, 0);
    const low = word(device, 8);
    let place = this.#find(high, low);
    const before = this.#value[place] as number;
    if (before === 0) {
      if (!this.#room.take()) return false;
      if (this.#size + 1 > this.#value.length * MAX_FILL) {
        this.#grow();
        place = this.#find(high, low);
      }
      this.#size++;
      this.#high[place] = high;
      this.#low[place] = low;
    }
    const value = ((connection << 16) | (driver === 0 ? before & 0xffff : driver)) >>> 0;
    if (value === before) return false;
    this.#value[place] = value;
    return true;
  }

  /** null: none has heard it. */
  connectionOf(device: string): string | null {
    return this.#connections.textOf(this.#valueOf(device) >>> 16);
  }

  /** JSON text; null: none is known. */
  driverOf(device: string): string | null {
    return this.#drivers.textOf(this.#valueOf(device) & 0xffff);
  }

  /** All devices of these connections. */
  devicesOf(ids: ReadonlySet<string>): string[] {
    const devices: string[] = [];
    for (let place = 0; place < this.#value.length; place++) {
      const value = this.#value[place] as number;
      if (value === 0 || !ids.has(this.#connections.textOf(value >>> 16) ?? '')) continue;
      devices.push(hex(this.#high[place] as number) + hex(this.#low[place] as number));
    }
    return devices;
  }

  /** Forgets all, for good: there is no room in it any more. */
  clear(): void {
    this.#room.giveBack(this.#size);
    this.#room = new ServedRoom(0);
    this.#size = 0;
    this.#high = new Uint32Array(MIN_PLACES);
    this.#low = new Uint32Array(MIN_PLACES);
    this.#value = new Uint32Array(MIN_PLACES);
  }

  #valueOf(device: string): number {
    return this.#value[this.#find(word(device, 0), word(device, 8))] as number;
  }

  /** Its place, or the free one where it would be. */
  #find(high: number, low: number): number {
    const mask = this.#value.length - 1;
    let place = hash(high, low) & mask;
    while (this.#value[place] !== 0 && (this.#high[place] !== high || this.#low[place] !== low))
      place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const [high, low, value] = [this.#high, this.#low, this.#value];
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(high.length * 2);
    this.#value = new Uint32Array(high.length * 2);
    for (let from = 0; from < value.length; from++) {
      if (value[from] === 0) continue;
      const place = this.#find(high[from] as number, low[from] as number);
      this.#high[place] = high[from] as number;
      this.#low[place] = low[from] as number;
      this.#value[place] = value[from] as number;
    }
  }
}

function word(device: string, from: number): number {
  let value = 0;
  for (let index = from; index < from + 8; index++) {
    const code = device.charCodeAt(index);
    value = value * 16 + (code <= 57 ? code - 48 : code - 55);
  }
  return value >>> 0;
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

function hash(high: number, low: number): number {
  // DevEUIs of a fleet differ in their last digits only: mix both words well.
  let mixed = Math.imul(high ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(low, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x27d4eb2f);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
