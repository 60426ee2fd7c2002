// What was received, in order of arrival: bounded in bytes, with a back link from each record to its device's one before.
import type { Device } from './devices.ts';

const CHUNK = 4096;

interface Chunk {
  readonly texts: string[];
  readonly devices: Device[];
  readonly timestamps: Float64Array;
  readonly receivedAt: Float64Array;
  readonly requests: Float64Array;
  /** Sequence number of the same device's former record; 0: none. */
  readonly former: Float64Array;
  bytes: number;
}

export interface LoggedRecord {
  /** Order of arrival, from 1. */
  readonly seq: number;
  readonly device: Device;
  /** The record's own time, ms. */
  readonly timestamp: number;
  /** Wall clock of the sandbox, ms. */
  readonly receivedAt: number;
  /** Number of the ingestion request that brought it. */
  readonly request: number;
  /** JSON text. */
  readonly text: string;
}

export class RecordLog {
  readonly #keepBytes: number;
  /** The first is the oldest and begins at sequence number `#dropped * CHUNK + 1`. */
  #chunks: Chunk[] = [];
  #dropped = 0;
  #bytes = 0;
  #last = 0;
  #forgotten = 0;

  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  /** Sequence number of the latest record; 0: none. */
  get last(): number {
    return this.#last;
  }

  /** Sequence number of the oldest record that is still here. */
  get first(): number {
    return this.#dropped * CHUNK + 1;
  }

  /** Records that had to go because of the bytes. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(device: Device, timestamp: number, text: string, receivedAt: number, request: number): void {
    const slot = this.#last % CHUNK;
    if (slot === 0) this.#chunks.push(newChunk());
    const chunk = this.#chunks[this.#chunks.length - 1]!;
    this.#last++;
    chunk.texts.push(text);
    chunk.devices.push(device);
    chunk.timestamps[slot] = timestamp;
    chunk.receivedAt[slot] = receivedAt;
    chunk.requests[slot] = request;
    chunk.former[slot] = device.lastSeq;
    device.lastSeq = this.#last;
    chunk.bytes += text.length;
    this.#bytes += text.length;
    while (this.#bytes > this.#keepBytes && this.#chunks.length > 1) this.#drop();
  }

  get(seq: number): LoggedRecord | null {
    const chunk = this.#chunk(seq);
    if (!chunk) return null;
    const slot = (seq - 1) % CHUNK;
    return {
      seq,
      device: chunk.devices[slot]!,
      timestamp: chunk.timestamps[slot]!,
      receivedAt: chunk.receivedAt[slot]!,
      request: chunk.requests[slot]!,
      text: chunk.texts[slot]!,
    };
  }

  /** Whether the very same record of the device is still here. Looks at 10,000 of its records at most. */
  has(device: Device, timestamp: number, text: string): boolean {
    let seq = device.lastSeq;
    for (let looked = 0; looked < 10_000; looked++) {
      const chunk = this.#chunk(seq);
      if (!chunk) return false;
      const slot = (seq - 1) % CHUNK;
      if (chunk.timestamps[slot] === timestamp && chunk.texts[slot] === text) return true;
      seq = chunk.former[slot]!;
    }
    return false;
  }

  /** A device's records, the latest arrival first. */
  *ofDevice(device: Device, max: number): Generator<LoggedRecord> {
    let seq = device.lastSeq;
    for (let given = 0; given < max; given++) {
      const record = this.get(seq);
      if (!record) return;
      yield record;
      seq = this.#chunk(seq)!.former[(seq - 1) % CHUNK]!;
    }
  }

  clear(): void {
    this.#chunks = [];
    // The next record starts a new chunk; numbers go on, so that back links from before lead nowhere.
    this.#last = Math.ceil(this.#last / CHUNK) * CHUNK;
    this.#dropped = this.#last / CHUNK;
    this.#bytes = 0;
    this.#forgotten = 0;
  }

  #chunk(seq: number): Chunk | undefined {
    if (seq < this.first || seq > this.#last) return undefined;
    return this.#chunks[Math.floor((seq - 1) / CHUNK) - this.#dropped];
  }

  #drop(): void {
    const oldest = this.#chunks.shift()!;
    this.#bytes -= oldest.bytes;
    this.#forgotten += oldest.texts.length;
    this.#dropped++;
  }
}

function newChunk(): Chunk {
  return {
    texts: [],
    devices: [],
    timestamps: new Float64Array(CHUNK),
    receivedAt: new Float64Array(CHUNK),
    requests: new Float64Array(CHUNK),
    former: new Float64Array(CHUNK),
    bytes: 0,
  };
}
