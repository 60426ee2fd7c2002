// What the sandbox took and refused, as lines of a file that outlives a killed sandbox: for those who count on their own.
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * One line of JSON a request. `accepted`: records that took effect, written before the client gets its answer. `refused`:
 * a record that HERE's 400 was about. `removed`: a device that a fault has taken away, with its shadow. A line that a kill cut short is followed by a line end and was never answered.
 */
export type RecordLine =
  | { readonly at: number; readonly accepted: readonly AcceptedRecord[] }
  | { readonly at: number; readonly refused: readonly RecordKey[] }
  | { readonly at: number; readonly removed: readonly (readonly [appId: string, device: string])[] };

/** appId, external id, the record's `timestamp` in ms. */
export type RecordKey = readonly [appId: string, device: string, timestamp: number];
/** With a short hash of the record's text, which tells a second copy from another record of the same moment. */
export type AcceptedRecord = readonly [appId: string, device: string, timestamp: number, hash: string];

export class RecordFile {
  readonly #fd: number;

  /** Appends. Throws what `open` throws. */
  constructor(file: string) {
    this.#fd = openSync(file, 'a', 0o600);
    // Ends the line that a killed predecessor may have left open.
    this.#write('\n');
  }

  /** Durable against a kill of the process when it returns; throws when the disk refuses, and then nothing was accepted. */
  accepted(at: number, records: readonly RecordKey[], texts: readonly string[]): void {
    const accepted = records.map((key, i): AcceptedRecord => [...key, hashOf(texts[i]!)]);
    this.#write(`${JSON.stringify({ at, accepted })}\n`);
  }

  refused(at: number, key: RecordKey): void {
    this.#write(`${JSON.stringify({ at, refused: [key] })}\n`);
  }

  removed(at: number, appId: string, device: string): void {
    this.#write(`${JSON.stringify({ at, removed: [[appId, device]] })}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }
}

function hashOf(text: string): string {
  return createHash('sha1').update(text).digest('base64url').slice(0, 10);
}
