// What the simulated HERE holds, read from its record file: the judge's own count of arrivals.
import { closeSync, openSync, readSync } from 'node:fs';
import type { RecordLine } from '../sandbox/record-file.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Names an uplink: its device and the time at which its network received it. No two uplinks of a device share one. */
export function uplinkKey(device: string, timeMs: number): string {
  return `${device} ${timeMs}`;
}

/** The arrivals at one project. */
export class ProjectArrivals {
  /** Key → place in the order of first arrivals. */
  readonly accepted = new Map<string, number>();
  readonly refused = new Set<string>();
  /** Devices that a fault has taken away, with what was desired of them; wall clock, ms. */
  readonly removals: { readonly device: string; readonly at: number }[] = [];
  /** Records that came again. */
  duplicates = 0;
  /** First arrivals that are older than one of the same device before them. */
  outOfOrder = 0;
  readonly #seen = new Set<string>();
  readonly #latest = new Map<string, number>();

  add(device: string, timeMs: number, hash: string): void {
    const key = uplinkKey(device, timeMs);
    const copy = `${key} ${hash}`;
    if (this.#seen.has(copy)) {
      this.duplicates += 1;
      return;
    }
    this.#seen.add(copy);
    if (this.accepted.has(key)) return;
    this.accepted.set(key, this.accepted.size);
    // Refused at first: its place in the order went with that.
    if (this.refused.has(key)) return;
    const latest = this.#latest.get(device) ?? Number.NEGATIVE_INFINITY;
    if (timeMs < latest) this.outOfOrder += 1;
    else this.#latest.set(device, timeMs);
  }
}

export class Arrivals {
  readonly #file: string;
  readonly #projects = new Map<string, ProjectArrivals>();
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(file: string) {
    this.#file = file;
  }

  project(appId: string): ProjectArrivals {
    const known = this.#projects.get(appId);
    if (known) return known;
    const made = new ProjectArrivals();
    this.#projects.set(appId, made);
    return made;
  }

  /** Reads what has been added to the file. True: there was something new. */
  look(): boolean {
    const before = this.#offset;
    const fd = openSync(this.#file, 'r');
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      for (;;) {
        const bytes = readSync(fd, chunk, 0, CHUNK_BYTES, this.#offset);
        if (bytes === 0) break;
        this.#offset += bytes;
        this.#take(chunk.subarray(0, bytes));
      }
    } finally {
      closeSync(fd);
    }
    return this.#offset > before;
  }

  #take(chunk: Buffer): void {
    const text = Buffer.concat([this.#rest, chunk]);
    const end = text.lastIndexOf(10);
    this.#rest = Buffer.from(text.subarray(end + 1));
    if (end < 0) return;
    for (const line of text.toString('utf8', 0, end).split('\n')) this.#line(line);
  }

  #line(text: string): void {
    const line = parse(text);
    if (line === null) return;
    if ('accepted' in line) {
      for (const [appId, device, timeMs, hash] of line.accepted) this.project(appId).add(device, timeMs, hash);
    } else if ('refused' in line) {
      for (const [appId, device, timeMs] of line.refused) this.project(appId).refused.add(uplinkKey(device, timeMs));
    } else for (const [appId, device] of line.removed) this.project(appId).removals.push({ device, at: line.at });
  }
}

/** null: empty, or cut short by a kill. */
function parse(text: string): RecordLine | null {
  if (text === '') return null;
  try {
    return JSON.parse(text) as RecordLine;
  } catch {
    return null;
  }
}
