// A state that is a list (JSON, short texts) and too large for one record: it travels in parts, each a record of its own. A worker
// that dies between two parts leaves an item in two of them or a part of before: nothing of the list is lost.
import type { SharedRecords } from './shared-records.ts';

type Records = Pick<SharedRecords, 'get' | 'put'>;

/** Of devices: about 20 KB a record, of the 64 KiB that are read. */
const ITEMS = 1_000;
const MAX_PARTS = 100;

export class TravellingList {
  readonly #records: Records;
  readonly #name: string;
  readonly #id: string;
  /** Parts that did not arrive: they come along with the next change. */
  readonly #missing = new Set<number>();
  #latest: string | null = null;
  #isWaiting = false;

  constructor(records: Records, name: string, id: string) {
    this.#records = records;
    this.#name = name;
    this.#id = id;
  }

  /** As it is on the topic; null: it has never been there. */
  read(): string | null {
    const items = new Set<string>();
    let part = 0;
    for (; part < MAX_PARTS; part++) {
      const text = this.#records.get(partKey(this.#name, this.#id, part));
      if (text === null) break;
      for (const item of parse(text)) items.add(item);
    }
    return part === 0 ? null : JSON.stringify([...items]);
  }

  /** Many changes of one turn go together. */
  put(list: string | null): void {
    this.#latest = list;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    queueMicrotask(() => {
      this.#isWaiting = false;
      this.#write(parse(this.#latest ?? '[]'));
    });
  }

  #write(items: readonly string[]): void {
    // An empty list is a part as well: it says that nothing is left.
    const count = Math.max(1, Math.ceil(items.length / ITEMS));
    for (let part = 0; part < count; part++) {
      this.#putPart(part, JSON.stringify(items.slice(part * ITEMS, (part + 1) * ITEMS)));
    }
    // The last one first, so that those that are left follow one another.
    for (let part = partsOf(this.#records, this.#name, this.#id) - 1; part >= count; part--) this.#putPart(part, null);
  }

  #putPart(part: number, text: string | null): void {
    const key = partKey(this.#name, this.#id, part);
    if (this.#records.get(key) === text && !this.#missing.has(part)) return;
    this.#missing.delete(part);
    this.#records.put(key, text).catch(() => this.#missing.add(part));
  }
}

/** The connection is deleted. */
export async function forgetTravelled(records: Records, name: string, id: string): Promise<void> {
  for (let part = partsOf(records, name, id) - 1; part >= 0; part--) {
    await records.put(partKey(name, id, part), null).catch(() => {});
  }
}

function partsOf(records: Records, name: string, id: string): number {
  let parts = 0;
  while (parts < MAX_PARTS && records.get(partKey(name, id, parts)) !== null) parts += 1;
  return parts;
}

function partKey(name: string, id: string, part: number): string {
  return `${name}.${part}.${id}`;
}

function parse(text: string): readonly string[] {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? read.filter((each) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}
