// Where a connection stands in sources that keep their messages by themselves (Kafka): up to which offset all was taken, and
// which of those taken are not settled. By topic and partition.
//
// A record carries its partition and offset behind its topic, so the journal itself says what was taken; the positions are saved
// in the same transaction as settlements, so what is settled is never taken again by this directory, also after a kill.
// Records that reached the journal after the last transaction are found at the next start: they are taken, above the position.
// They are looked for before anything else may settle them (`recent`): one that was settled unseen would be taken once more. So the
// last sequence number of which the positions know is saved with them.
//
// A topic that is deleted and made anew begins at 0 again. So the topic's id is kept with the positions, and the last sequence number
// that a record of a former topic may have: what waits of that is settled without its place.
import type { PassedOver, SourcePlaces } from '../domain/ports/broker.ts';
import type { JournalEntry, JournalRecord } from '../domain/ports/store.ts';
import type { JournalReader } from './journal-reader.ts';
import type { Recovered } from './recovery.ts';
import { formatPlaces, type Identity, parsePlaces } from './saved-places.ts';
import { TakenOffsets } from './taken-offsets.ts';

export interface PlacesOptions {
  /** As it was saved last; null: never. */
  readonly saved: string | null;
  readonly isSettled: (seq: number) => boolean;
  /** Unsettled records from `fromSeq` on, in order. */
  readonly read: (fromSeq: number, maxRecords: number, maxBytes: number) => Promise<readonly JournalRecord[]>;
  /** Whether any record is unsettled: only then there is something to read. */
  readonly hasUnsettled: boolean;
  /** Saves what has changed, with all that was counted since. Throws when the disk refuses. */
  readonly save: () => void;
}

interface Stream {
  position: number;
  /** As it is in the database. */
  saved: number;
  taken: TakenOffsets;
  /** Offsets at or above the position that are in the journal: of an earlier run. */
  readonly above: Set<number>;
}

const READ_RECORDS = 500;
const READ_BYTES = 1024 * 1024;
/** More than fit into what a group can be told. */
const TELL_AT_MOST = 2_000;

/** Of one message. */
interface Place {
  readonly name: string;
  readonly partition: number;
  readonly offset: number;
}

/** Of messages of such a source, all that is still needed once they are on their way to the disk; of others none. */
export function placesIn(entries: readonly JournalEntry[]): readonly Place[] {
  if (entries[0]?.offset === undefined) return NONE;
  return entries.map(({ topic, partition = 0, offset = 0 }) => ({ name: nameOf(topic), partition, offset }));
}
const NONE: readonly Place[] = [];

export class Places implements SourcePlaces {
  readonly #options: PlacesOptions;
  readonly #streams = new Map<string, Stream>();
  /** By topic. */
  readonly #identities: Map<string, Identity>;
  readonly #recent: Promise<void>;
  readonly #found: Promise<void>;
  /** Up to it each record's offset is below its stream's position. */
  #knownSeq: number;
  /** The last one that was found of an earlier run. */
  #foundSeq = 0;
  #isDirty = false;

  constructor(options: PlacesOptions) {
    this.#options = options;
    const { positions, seq, identities } = parsePlaces(options.saved);
    this.#identities = identities;
    for (const [key, position] of positions) {
      this.#streams.set(key, { position, saved: position, taken: this.#none(), above: new Set() });
    }
    this.#knownSeq = seq;
    // Without a saved position no record of such a source was ever settled, and at most the last second's were journalled.
    const recent = options.hasUnsettled ? this.#find(seq + 1, Number.POSITIVE_INFINITY) : Promise.resolve();
    this.#found = options.hasUnsettled ? recent.then(() => this.#find(1, seq)) : recent;
    // Where nothing is known (its records came by MQTT, perhaps) it would be all that waits: nobody is to wait for that.
    this.#recent = seq === 0 ? Promise.resolve() : recent;
    // A connection that is closed at once breaks the reading off: whoever waits for it is told, and nobody else has to be.
    this.#found.catch(() => {});
  }

  /** What was taken after the positions were saved last has been found: a second's worth. Rejects as `ready` does. */
  recent(): Promise<void> {
    return this.#recent;
  }

  ready(): Promise<void> {
    return this.#found;
  }

  taken(topic: string, partition: number): { readonly position: number; readonly above: ReadonlySet<number> } | null {
    return this.#streams.get(keyOf(topic, partition)) ?? null;
  }

  pass(topic: string, partition: number, to: number): void {
    const stream = this.#stream(topic, partition, to);
    if (to <= stream.position) return;
    stream.position = to;
    this.#isDirty = true;
    for (const offset of stream.above) if (offset < to) stream.above.delete(offset);
  }

  leap(topic: string, partition: number, to: number): void {
    const stream = this.#stream(topic, partition, to);
    // A topic that was made anew counts from 0 again: what waits of the former one is settled without it.
    if (to < stream.position) {
      stream.taken = this.#none();
      stream.above.clear();
    }
    stream.position = to;
    this.#isDirty = true;
  }

  identify(topic: string, id: string): ReadonlyMap<number, number> | null {
    const known = this.#identities.get(topic);
    if (known?.id === id) return null;
    this.#isDirty = true;
    if (known === undefined) {
      this.#identities.set(topic, { id, formerSeq: 0 });
      return null;
    }
    this.#identities.set(topic, { id, formerSeq: Math.max(this.#knownSeq, this.#foundSeq) });
    const former = new Map<number, number>();
    for (const [key, { position }] of this.#streams) {
      const colon = key.lastIndexOf(':');
      if (key.slice(0, colon) !== topic) continue;
      former.set(Number(key.slice(colon + 1)), position);
      this.#streams.delete(key);
    }
    this.#saveNow();
    return former;
  }

  progress(topic: string, partition: number): { position: number; unsettled: readonly number[] } {
    const stream = this.#streams.get(keyOf(topic, partition));
    if (stream === undefined) return { position: 0, unsettled: [] };
    // What is told is forgotten by the source: a kill after it must not take counts of what was passed over along.
    const isSaved = this.#saveNow();
    const position = isSaved ? stream.position : Math.min(stream.position, stream.saved);
    const unsettled = stream.taken.unsettled(TELL_AT_MOST, (offset) => isSaved || offset < position);
    return { position, unsettled };
  }

  /** They are in the journal, from `firstSeq` on; with them all below `until` is taken. */
  committed(firstSeq: number, places: readonly Place[], until: PassedOver['until'] = []): void {
    this.#committed(firstSeq, places);
    for (const { topic, partition, to } of until) this.pass(topic, partition, to);
  }

  #committed(firstSeq: number, places: readonly Place[]): void {
    for (let i = 0; i < places.length; i++) {
      const { name, partition, offset } = places[i] as Place;
      const stream = this.#stream(name, partition, 0);
      stream.taken.add(firstSeq + i, offset);
      // At once: some may be settled, and saved as such, before their source hears that they are durable.
      if (offset >= stream.position) {
        stream.position = offset + 1;
        this.#isDirty = true;
      }
    }
    if (places.length > 0) this.#knownSeq = Math.max(this.#knownSeq, firstSeq + places.length - 1);
  }

  /** What is to be saved with the next transaction; null: nothing has changed. */
  toSave(): string | null {
    if (!this.#isDirty) return null;
    const positions = new Map([...this.#streams].map(([key, { position }]) => [key, position]));
    return formatPlaces({ positions, seq: this.#knownSeq, identities: this.#identities });
  }

  saved(): void {
    this.#isDirty = false;
    for (const stream of this.#streams.values()) stream.saved = stream.position;
  }

  /** False: the disk refuses; it is tried again with the next look. */
  #saveNow(): boolean {
    if (!this.#isDirty) return true;
    try {
      this.#options.save();
    } catch {
      // Told by what settles and by the journal.
    }
    return !this.#isDirty;
  }

  /** Unsettled records from `from` to `to`. */
  async #find(from: number, to: number): Promise<void> {
    const found = new Map<Stream, TakenOffsets>();
    for (let next = from; next <= to; ) {
      const records = await this.#options.read(next, READ_RECORDS, READ_BYTES);
      const last = records.at(-1);
      if (last === undefined) break;
      for (const { seq, topic, partition, offset } of records) {
        if (partition === undefined || offset === undefined || seq > to) continue;
        this.#foundSeq = Math.max(this.#foundSeq, seq);
        const name = nameOf(topic);
        if (seq <= (this.#identities.get(name)?.formerSeq ?? 0)) continue;
        const stream = this.#stream(name, partition, 0);
        const taken = found.get(stream) ?? this.#none();
        if (taken.size === 0) found.set(stream, taken);
        taken.add(seq, offset);
        if (offset >= stream.position) stream.above.add(offset);
      }
      next = last.seq + 1;
    }
    // Before what was found or taken already: that is younger.
    for (const [stream, taken] of found) {
      taken.append(stream.taken);
      stream.taken = taken;
    }
    // Said with the first settlement: else a kill between that and the source's next word would have them taken once more.
    for (const stream of this.#streams.values()) {
      while (stream.above.delete(stream.position)) {
        stream.position += 1;
        this.#isDirty = true;
      }
    }
  }

  #none(): TakenOffsets {
    return new TakenOffsets(this.#options.isSettled);
  }

  #stream(topic: string, partition: number, position: number): Stream {
    const key = keyOf(topic, partition);
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = { position, saved: 0, taken: this.#none(), above: new Set() };
      this.#streams.set(key, stream);
      this.#isDirty = true;
    }
    return stream;
  }
}

export function openPlaces(
  { ranges, ledger }: Recovered,
  saved: string | null,
  reader: Pick<JournalReader, 'read'>,
  save: () => void,
): Places {
  return new Places({
    saved,
    isSettled: (seq) => ranges.segmentOf(seq)?.isSettled(seq) ?? true,
    read: (fromSeq, maxRecords, maxBytes) => reader.read(fromSeq, maxRecords, maxBytes, () => {}),
    hasUnsettled: ledger.pending > 0,
    save,
  });
}

function keyOf(topic: string, partition: number): string {
  return `${topic}:${partition}`;
}

/** A message's topic is `{name}/{key}`. */
function nameOf(topic: string): string {
  const slash = topic.indexOf('/');
  return slash < 0 ? topic : topic.slice(0, slash);
}
