// 404 of uplinks whose device was made sure of: how often, and how long the device waits before the next try. By device, since the
// uplinks of one that waits leave the memory; of a device the oldest uplink alone is tried until HERE takes it.

/** A device that HERE says to know and still answers 404 for is not asked about for ever: the uplink's last one. */
const MOST = 6;
/**
 * From the second on, where the registry knows the device: what takes records may not yet, of a new fleet perhaps none. Tripled
 * each time, so that the tries of one uplink span more than three minutes.
 */
const FIRST_WAIT_MS = 5_000;
const DEVICES_AT_MOST = 100_000;

interface Tries {
  readonly seq: number;
  readonly times: number;
  /** An uplink of it had all its tries: the next ones do not wait as long again, one after the other. */
  readonly hasWaited: boolean;
}

export class NotFound {
  readonly #devices = new Map<string, Tries>();

  /** One more 404 of this uplink. True: it was the last, the device is not made sure of again. */
  note(device: string, seq: number): boolean {
    const before = this.#devices.get(device);
    const times = before?.seq === seq ? before.times + 1 : 1;
    const hasWaited = before !== undefined && (before.hasWaited || (before.seq !== seq && before.times >= MOST));
    if (before === undefined && this.#devices.size >= DEVICES_AT_MOST) {
      this.#devices.delete(this.#devices.keys().next().value as string);
    }
    this.#devices.set(device, { seq, times, hasWaited });
    return times >= MOST;
  }

  /** How long the device's uplinks wait, though the registry knows it. */
  waitMs(device: string): number {
    const tries = this.#devices.get(device);
    return tries === undefined || tries.times < 2 || tries.hasWaited ? 0 : FIRST_WAIT_MS * 3 ** (tries.times - 2);
  }

  /** HERE has taken uplinks of these. */
  taken(items: readonly { readonly device: string }[]): void {
    if (this.#devices.size > 0) for (const { device } of items) this.#devices.delete(device);
  }

  /** Another project. */
  clear(): void {
    this.#devices.clear();
  }
}
