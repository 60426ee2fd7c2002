// Uplinks that wait in journals of ours for connections that another worker serves go to that worker: it journals them, then
// answers, then they leave our journal. A crash between leaves them in both: they are sent twice, never lost. Dead letters follow
// them, so that they are seen and replayed where the connection is: they have keys, and are taken once.
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { HandedUplink, Whereabouts } from '../domain/ports/cluster.ts';
import type { BridgeStore, ConnectionStore, DeadLetter, JournalRecord } from '../domain/ports/store.ts';

/** A directory whose lock this process holds. */
export interface HeldDirectory {
  /** The worker id that belongs to it. */
  readonly id: string;
  readonly store: BridgeStore;
  /** This worker's own: what is served here is the line's, not ours. */
  readonly isOwn: boolean;
}

export interface HandOverOptions {
  readonly directories: () => readonly HeldDirectory[];
  /** null: not defined (any more); its definition may come back, so its uplinks stay. */
  readonly whereIs: (connectionId: string) => Whereabouts | null;
  /** Into the journal of a connection that is served here. */
  readonly takeHere: (connectionId: string, uplinks: readonly HandedUplink[]) => Promise<void>;
  readonly sendTo: (
    address: string,
    connectionId: string,
    uplinks: readonly HandedUplink[],
    signal: AbortSignal,
  ) => Promise<void>;
  /** Into the store of a connection that is served here. Why it takes none now; null: it has taken them all. */
  readonly takeLettersHere: (connectionId: string, letters: readonly DeadLetter[]) => string | null;
  /** As `takeLettersHere`, at another worker. Rejects when it does not answer. */
  readonly sendLettersTo: (
    address: string,
    connectionId: string,
    letters: readonly DeadLetter[],
    signal: AbortSignal,
  ) => Promise<string | null>;
  /** null: there is none any more. */
  readonly onLedger: (directory: string, connectionId: string, ledger: Ledger | null) => void;
  readonly journalMaxBytes: number;
  readonly events: EventSink;
  readonly clock: Clock;
}

const LOOK_MS = 1_000;
const MAX_RECORDS = 500;
const MAX_BYTES = 1024 * 1024;
const MAX_LETTERS = 200;
/** Dead letters that were refused (no room, the connection is not active) are offered again after so long. */
const REFUSED_MS = 60_000;

export class HandOver {
  readonly #options: HandOverOptions;
  /** `directory/connection` in which nothing waits; forgotten once it is served here. */
  readonly #empty = new Set<string>();
  /** `directory/connection` whose dead letters were refused: not before this monotonic time again. */
  readonly #refused = new Map<string, number>();
  /** Deleted, until they are defined anew. */
  readonly #deleted = new Set<string>();
  #draining: {
    readonly id: string;
    readonly end: AbortController;
    readonly done: Promise<void>;
  } | null = null;
  #timer: Cancel = () => {};
  #working: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#working = this.#look().finally(() => this.start());
    });
  }

  /** The batch under way is finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer();
    await this.#working;
  }

  /** They are served here from now on: resolves when their stores in this worker's directory are free. */
  async letGo(ids: readonly string[]): Promise<void> {
    const draining = this.#draining;
    if (draining === null || !ids.includes(draining.id)) return;
    draining.end.abort();
    await draining.done;
  }

  /** A connection is deleted: what other workers' directories hold of it goes. Resolves when its store in our own is free. */
  forget(id: string): Promise<void> {
    this.#deleted.add(id);
    return this.letGo([id]);
  }

  /** Nothing waits in it for a connection that is defined. */
  isDrained({ id, store }: HeldDirectory): boolean {
    return store.connectionIds().every((connection) => this.#empty.has(`${id}/${connection}`));
  }

  async #look(): Promise<void> {
    for (const directory of this.#options.directories()) {
      for (const id of directory.store.connectionIds()) {
        if (this.#stopped) return;
        const key = `${directory.id}/${id}`;
        const where = this.#options.whereIs(id);
        if (where !== null) this.#deleted.delete(id);
        if (directory.isOwn && where?.kind === 'here') this.#empty.delete(key);
        else if (where === null && !directory.isOwn && this.#deleted.has(id)) await this.#delete(directory, id);
        // Nobody's yet: it may be ours in a moment, and its store must be free then.
        else if (where === null || (directory.isOwn && where.kind === 'missing')) continue;
        else if (this.#mayDrain(key) && (await this.#drain(directory, id))) this.#empty.add(key);
      }
    }
  }

  #mayDrain(key: string): boolean {
    if (this.#empty.has(key)) return false;
    if (this.#options.clock.monotonic() < (this.#refused.get(key) ?? 0)) return false;
    this.#refused.delete(key);
    return true;
  }

  async #delete({ id: directory, store }: HeldDirectory, id: string): Promise<void> {
    this.#empty.delete(`${directory}/${id}`);
    try {
      await store.deleteConnection(id);
      this.#options.onLedger(directory, id, null);
    } catch (error) {
      const message = `What ${directory} holds of the deleted connection cannot be deleted: ${describeError(error)}. It is tried again.`;
      this.#options.events.emit({ kind: 'diskFailed', severity: 'warning', connectionId: id, key: directory, message });
    }
  }

  /** True: nothing waits any more. */
  async #drain(directory: HeldDirectory, id: string): Promise<boolean> {
    const end = new AbortController();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#draining = { id, end, done };
    try {
      return await this.#drainUntil(directory, id, end.signal);
    } finally {
      this.#draining = null;
      resolve();
    }
  }

  async #drainUntil(directory: HeldDirectory, id: string, signal: AbortSignal): Promise<boolean> {
    let store: ConnectionStore;
    try {
      store = await directory.store.openConnection(id, { maxBytes: this.#options.journalMaxBytes });
    } catch {
      // Its runtime has it, or the disk refuses, of which the runtimes tell.
      return false;
    }
    let handed = 0;
    let to = '';
    try {
      for (let from = 1; !this.#stopped && !signal.aborted; ) {
        const where = this.#options.whereIs(id);
        if (where === null || where.kind === 'missing' || (where.kind === 'here' && directory.isOwn)) return false;
        const records = await store.read(from, MAX_RECORDS, MAX_BYTES);
        const last = records.at(-1);
        if (last === undefined) return await this.#giveLetters(directory, id, store, signal);
        const uplinks = records.map(uplinkOf);
        if (where.kind === 'here') await this.#options.takeHere(id, uplinks);
        else await this.#options.sendTo(where.address, id, uplinks, signal);
        store.handOver(records.map(({ seq }) => seq));
        from = last.seq + 1;
        handed += records.length;
        to = where.kind === 'here' ? 'this worker' : where.worker;
      }
      return false;
    } catch (error) {
      if (signal.aborted) return false;
      this.#options.events.emit({
        kind: 'groupUnreachable',
        severity: 'warning',
        connectionId: id,
        key: 'handOver',
        message: `Uplinks that wait in ${directory.id} cannot be handed over now: ${describeError(error)}. They stay and are tried again.`,
      });
      return false;
    } finally {
      this.#options.onLedger(directory.id, id, store.ledger());
      if (handed > 0) this.#tell(directory, id, handed, to);
      await store.close();
    }
  }

  /** True: there are none any more. Throws when its worker does not answer. */
  async #giveLetters(directory: HeldDirectory, id: string, store: ConnectionStore, signal: AbortSignal) {
    const { whereIs, takeLettersHere, sendLettersTo, clock, events } = this.#options;
    let handed = 0;
    let to = '';
    while (!this.#stopped && !signal.aborted) {
      const page = { filter: {}, order: 'oldest', limit: MAX_LETTERS, maxBytes: MAX_BYTES } as const;
      const letters = directory.store.deadLetters(id)?.page(page).letters ?? [];
      if (letters.length === 0) {
        if (handed > 0) {
          const message = `${handed} dead letters that ${directory.id} had were taken over by ${to}, which serves the connection.`;
          events.emit({ kind: 'uplinksHandedOver', severity: 'info', connectionId: id, key: 'letters', message });
        }
        return true;
      }
      const where = whereIs(id);
      if (where === null || where.kind === 'missing' || (where.kind === 'here' && directory.isOwn)) return false;
      const refusal =
        where.kind === 'here' ? takeLettersHere(id, letters) : await sendLettersTo(where.address, id, letters, signal);
      if (refusal !== null) {
        this.#refused.set(`${directory.id}/${id}`, clock.monotonic() + REFUSED_MS);
        const message = `Dead letters that ${directory.id} has cannot be handed over now: ${refusal}. They stay there and are offered again every minute.`;
        events.emit({ kind: 'groupUnreachable', severity: 'warning', connectionId: id, key: 'letters', message });
        return false;
      }
      store.handOverDeadLetters(letters);
      handed += letters.length;
      to = where.kind === 'here' ? 'this worker' : where.worker;
    }
    return false;
  }

  #tell({ id: directory }: HeldDirectory, connectionId: string, count: number, to: string): void {
    const message = `${count} uplinks that waited in the journal of ${directory} were taken over by ${to}, which serves the connection.`;
    this.#options.events.emit({ kind: 'uplinksHandedOver', severity: 'info', connectionId, count, message });
  }
}

function uplinkOf({ topic, payload, arrivedAt, retain, headers }: JournalRecord): HandedUplink {
  const uplink = { topic, payload, arrivedAt, retain };
  return headers === undefined ? uplink : { ...uplink, headers };
}
