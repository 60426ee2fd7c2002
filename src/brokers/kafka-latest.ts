// The latest record of each key of a table on Kafka, for as long as it is read for the first time.
const MAX_BYTES = 256 * 1024 * 1024;
/** What each takes beside its key and value: a deletion is held as any other record is. */
const RECORD_BYTES = 200;

export class LatestRecords {
  readonly maxBytes: number;
  readonly #records = new Map<string, Buffer | null>();
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.maxBytes = maxBytes;
  }

  /** `value`: a part of its fetch, all of which would stay in memory with it, so it is copied. */
  set(key: string, value: Buffer | null): void {
    const before = this.#records.get(key);
    this.#bytes += (value?.length ?? 0) - (before?.length ?? 0);
    if (before === undefined) this.#bytes += key.length + RECORD_BYTES;
    // At the end of the map: the order of the latest records is the order of their offsets.
    else this.#records.delete(key);
    this.#records.set(key, value === null ? null : apart(value));
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.maxBytes;
  }

  [Symbol.iterator](): IterableIterator<[string, Buffer | null]> {
    return this.#records[Symbol.iterator]();
  }
}

function apart(value: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(value.length);
  value.copy(copy);
  return copy;
}
