// Battery levels that `devstatusans` notifications told: each rides on its device's next record that has none of its own.

/** Devices whose level waits; beyond it the oldest goes. */
const MAX_DEVICES = 20_000;

interface Waiting {
  readonly level: number;
  /** The arrival of the message that took it: the same message may be prepared again and takes it again. */
  takenBy: number | null;
}

/** In memory only: a level that is lost with the process comes again with the device's next status. */
export class StatusBatteries {
  readonly #waiting = new Map<string, Waiting>();

  keep(device: string, level: number): void {
    this.#waiting.delete(device);
    this.#waiting.set(device, { level, takenBy: null });
    if (this.#waiting.size > MAX_DEVICES) this.#waiting.delete(this.#waiting.keys().next().value as string);
  }

  /** Per cent for a message that arrived at `arrivedAt`; null: none waits. */
  waiting(device: string, arrivedAt: number): number | null {
    if (this.#waiting.size === 0) return null;
    const found = this.#waiting.get(device);
    return found !== undefined && (found.takenBy === null || found.takenBy === arrivedAt) ? found.level : null;
  }

  used(device: string, arrivedAt: number): void {
    const found = this.#waiting.get(device);
    if (found !== undefined) found.takenBy = arrivedAt;
  }
}
