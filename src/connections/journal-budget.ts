// Watches one connection's journal: says when it fills up, pauses its source while it is full or its disk fails, and goes on
// by itself.
import type { EventSink } from '../domain/events.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

export interface JournalBudgetOptions {
  readonly connectionId: string;
  readonly store: Pick<ConnectionStore, 'bytes' | 'maxBytes' | 'onDiskStatus'>;
  /** The line's word: false also where the next message would not fit, or where the store does not take its final words. */
  readonly hasRoom: () => boolean;
  readonly events: EventSink;
  /**
   * Disconnects the source so that the broker queues, and lets it go on. An embedded broker asks `hasRoom` by itself and
   * is not paused.
   */
  readonly pause: () => void;
  readonly resume: () => void;
}

const NEARLY_FULL = 0.8;
/** Below this a journal that was nearly full may be nearly full again. */
const EASED = 0.7;

export class JournalBudget {
  readonly #options: JournalBudgetOptions;
  #level: 'room' | 'nearlyFull' | 'full' = 'room';
  #diskError: Error | null = null;
  #paused = false;

  constructor(options: JournalBudgetOptions) {
    this.#options = options;
    options.store.onDiskStatus((error) => this.#onDisk(error));
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** After each chunk of messages and once a second: a few comparisons. */
  check(): void {
    const { store, hasRoom } = this.#options;
    const used = store.bytes / Math.max(1, store.maxBytes);
    if (this.#level !== 'full' && (used >= 1 || !hasRoom())) this.#onFull(used);
    else if (this.#level === 'full' && used < NEARLY_FULL && hasRoom()) this.#onRoom();
    else if (this.#level === 'room' && used >= NEARLY_FULL) this.#onNearlyFull();
    else if (this.#level === 'nearlyFull' && used < EASED) this.#level = 'room';
  }

  #onFull(used: number): void {
    this.#level = 'full';
    const words =
      used < NEARLY_FULL
        ? 'The store does not take what has become of uplinks: the source stops taking more of them until it does. Make room on the disk, and see to it that nothing else holds the database.'
        : `The journal is full (${mebibytes(this.#options.store.maxBytes)}): the source stops taking uplinks until HERE takes them again. Give the journal more room if the broker cannot queue for long.`;
    this.#emit('journalFull', 'error', words);
    this.#settle();
  }

  #onNearlyFull(): void {
    this.#level = 'nearlyFull';
    this.#emit(
      'journalNearlyFull',
      'warning',
      `The journal is over 80 % of its ${mebibytes(this.#options.store.maxBytes)}: uplinks come faster than HERE takes them.`,
    );
  }

  #onRoom(): void {
    this.#level = 'room';
    this.#emit('journalHasRoom', 'info', 'The journal has room again: the source goes on.');
    this.#settle();
  }

  #onDisk(error: Error | null): void {
    if ((error === null) === (this.#diskError === null)) return;
    this.#diskError = error;
    if (error === null) this.#emit('diskBack', 'info', 'The disk takes writes again: the source goes on.');
    else {
      this.#emit(
        'diskFailed',
        'error',
        `The journal cannot be written (${error.message}): uplinks are not acknowledged until it can. Make room on the disk.`,
      );
    }
    this.#settle();
  }

  #settle(): void {
    const pause = this.#level === 'full' || this.#diskError !== null;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#options.pause();
    else this.#options.resume();
  }

  #emit(
    kind: 'journalFull' | 'journalNearlyFull' | 'journalHasRoom' | 'diskFailed' | 'diskBack',
    severity: 'info' | 'warning' | 'error',
    message: string,
  ): void {
    this.#options.events.emit({ kind, severity, connectionId: this.#options.connectionId, message });
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}
