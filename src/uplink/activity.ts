// Which devices of a connection were heard, when, and how often: one look into a map and three numbers per uplink.
//
// Kept as text of 20 bytes a device in the connection's store now and then; what a crash takes with it is a few minutes of counts.

const ROW_BYTES = 20;
/** Beyond so many devices one that has been quiet makes room for each new one. */
const MAX_DEVICES = 100_000;
const MAX_KEPT = 20_000;
/** Rows that are looked at for one that has been quiet; where all were heard lately, the last of them goes. */
const MOST_LOOKS = 16;
const MINUTE_MS = 60_000;
const DEVICE = /^[0-9A-F]{16}$/;

export interface HeardDevice {
  readonly device: string;
  /** Wall-clock ms. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly uplinks: number;
}

interface Row {
  firstAt: number;
  lastAt: number;
  uplinks: number;
  /** Again, since the hand has passed. */
  isHeard: boolean;
}

export class DeviceActivity {
  readonly #rows = new Map<string, Row>();
  /** Goes round over all rows: no search through all of them, whatever there are, since this is the hot path. */
  #hand = this.#rows.entries();
  #isChanged = false;

  /** On the hot path. `now`: wall-clock ms. */
  heard(device: string | null, now: number): void {
    if (device === null) return;
    const row = this.#rows.get(device);
    if (row !== undefined) {
      row.lastAt = now;
      row.uplinks += 1;
      row.isHeard = true;
    } else {
      if (this.#rows.size >= MAX_DEVICES) this.#makeRoom();
      this.#rows.set(device, { firstAt: now, lastAt: now, uplinks: 1, isHeard: false });
    }
    this.#isChanged = true;
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  countSince(since: number): number {
    let count = 0;
    for (const { lastAt } of this.#rows.values()) if (lastAt >= since) count += 1;
    return count;
  }

  get(device: string): HeardDevice | null {
    const row = this.#rows.get(device);
    return row === undefined ? null : shown(device, row);
  }

  /** In the order of DevEUIs, after this one. */
  page(after: string | null, limit: number): readonly HeardDevice[] {
    const devices = [...this.#rows.keys()].filter((device) => after === null || device > after).sort();
    return devices.slice(0, limit).map((device) => shown(device, this.#rows.get(device) as Row));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** False: it was not known. */
  forget(device: string): boolean {
    this.#isChanged = true;
    return this.#rows.delete(device);
  }

  /** For `load`: the devices heard last. Times to the minute. */
  save(): string {
    this.#isChanged = false;
    const latest = [...this.#rows].sort((a, b) => b[1].lastAt - a[1].lastAt).slice(0, MAX_KEPT);
    const bytes = Buffer.alloc(latest.length * ROW_BYTES);
    for (const [index, [device, { firstAt, lastAt, uplinks }]] of latest.entries()) {
      const at = index * ROW_BYTES;
      if (!DEVICE.test(device)) continue;
      bytes.write(device, at, 'hex');
      bytes.writeUInt32LE(minutes(firstAt), at + 8);
      bytes.writeUInt32LE(minutes(lastAt), at + 12);
      bytes.writeUInt32LE(Math.min(uplinks, 0xffff_ffff), at + 16);
    }
    return bytes.toString('base64');
  }

  /** Adds what `save` has made; anything else is left out. What is known already stays. */
  load(text: string): void {
    const bytes = Buffer.from(text, 'base64');
    for (let at = 0; at + ROW_BYTES <= bytes.length && this.#rows.size < MAX_DEVICES; at += ROW_BYTES) {
      const device = bytes.toString('hex', at, at + 8).toUpperCase();
      const lastAt = bytes.readUInt32LE(at + 12) * MINUTE_MS;
      const uplinks = bytes.readUInt32LE(at + 16);
      if (uplinks === 0 || this.#rows.has(device)) continue;
      this.#rows.set(device, { firstAt: bytes.readUInt32LE(at + 8) * MINUTE_MS, lastAt, uplinks, isHeard: false });
    }
  }

  #makeRoom(): void {
    for (let looks = 1; ; looks++) {
      let next = this.#hand.next();
      if (next.done === true) {
        this.#hand = this.#rows.entries();
        next = this.#hand.next();
      }
      const [device, row] = next.value as [string, Row];
      if (!row.isHeard || looks === MOST_LOOKS) {
        this.#rows.delete(device);
        return;
      }
      row.isHeard = false;
    }
  }
}

function shown(device: string, { firstAt, lastAt, uplinks }: Row): HeardDevice {
  return { device, firstAt, lastAt, uplinks };
}

function minutes(ms: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.floor(ms / MINUTE_MS)));
}
