// Devices that are held back for a time, by one timer: where many become due together they are released together, since each
// release looks through the whole index of the journal.
import type { Cancel, Clock } from '../domain/ports/clock.ts';

/** Those that become due within so long go along. */
const TOGETHER_MS = 1_000;

export class Holds {
  readonly #clock: Clock;
  readonly #onDue: (devices: readonly string[], andOthers: boolean) => void;
  /** Device → monotonic ms. */
  readonly #due = new Map<string, number>();
  /** Of those that are too many to be named; null: there are none. */
  #othersDue: number | null = null;
  #timer: { readonly at: number; readonly cancel: Cancel } | null = null;

  constructor(clock: Clock, onDue: (devices: readonly string[], andOthers: boolean) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(devices: readonly string[], ms: number): void {
    if (devices.length === 0) return;
    const at = this.#clock.monotonic() + ms;
    for (const device of devices) this.#due.set(device, at);
    this.#arm(at);
  }

  /** Released together, when the first of them is due. */
  addOthers(ms: number): void {
    this.#othersDue = Math.min(this.#othersDue ?? Number.POSITIVE_INFINITY, this.#clock.monotonic() + ms);
    this.#arm(this.#othersDue);
  }

  /** They are released already. */
  drop(devices: Iterable<string>): void {
    for (const device of devices) this.#due.delete(device);
  }

  dropOthers(): void {
    this.#othersDue = null;
  }

  /** Nothing becomes due any more. */
  clear(): void {
    this.#due.clear();
    this.dropOthers();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(at: number): void {
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(at - this.#clock.monotonic(), () => this.#fire());
    this.#timer = { at, cancel };
  }

  #fire(): void {
    this.#timer = null;
    const until = this.#clock.monotonic() + TOGETHER_MS;
    const due: string[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [device, at] of this.#due) {
      if (at <= until) due.push(device);
      else next = Math.min(next, at);
    }
    this.drop(due);
    const andOthers = this.#othersDue !== null && this.#othersDue <= until;
    if (andOthers) this.dropOthers();
    else if (this.#othersDue !== null) next = Math.min(next, this.#othersDue);
    if (Number.isFinite(next)) this.#arm(next);
    if (due.length > 0 || andOthers) this.#onDue(due, andOthers);
  }
}
