// Uplinks that wait in journals of ours for connections that another worker serves go to that worker: it journals them, then
// answers, then they leave our journal. A crash between leaves them in both: they are sent twice, never lost. Dead letters follow
// them, so that they are seen and replayed where the connection is: they have keys, and are taken once.
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { HandedUplink, Whereabouts, WorkerAddress } from '../domain/ports/cluster.ts';
import type { BridgeStore, ConnectionStore, DeadLetter } from '../domain/ports/store.ts';
import { Repeated } from '../domain/repeated.ts';
import { DirectoryNotes } from './hand-over-notes.ts';
import { waitingUplinks } from './handed-uplinks.ts';
import { isMarkedDeleting } from './purge.ts';

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
    to: WorkerAddress,
    connectionId: string,
    uplinks: readonly HandedUplink[],
    signal: AbortSignal,
  ) => Promise<void>;
  /** Into the store of a connection that is served here. Why it takes none now; null: it has taken them all. */
  readonly takeLettersHere: (connectionId: string, letters: readonly DeadLetter[]) => string | null;
  /** As `takeLettersHere`, at another worker. Rejects when it does not answer. */
  readonly sendLettersTo: (
    to: WorkerAddress,
    connectionId: string,
    letters: readonly DeadLetter[],
    signal: AbortSignal,
  ) => Promise<string | null>;
  /** null: there is none any more. Where it rejects it is said again a second later, and the directory is held until then. */
  readonly onLedger: (directory: string, connectionId: string, ledger: Ledger | null) => Promise<void>;
  readonly journalMaxBytes: number;
  readonly events: EventSink;
  readonly clock: Clock;
}

const LOOK_MS = 1_000;
const MAX_BYTES = 1024 * 1024;
const MAX_LETTERS = 200;
/** Of one connection at a look: what waits of others must not wait for them. */
const MAX_LETTERS_A_LOOK = 5_000;
/** Dead letters that were refused (no room, the connection is not active) are offered again after so long. */
const REFUSED_MS = 60_000;

export class HandOver {
  readonly #options: HandOverOptions;
  readonly #notes = new WeakMap<BridgeStore, DirectoryNotes>();
  /** Deleted, until they are defined anew. */
  readonly #deleted = new Set<string>();
  #draining: {
    readonly id: string;
    readonly opening: AbortController;
    readonly end: AbortController;
    readonly done: Promise<void>;
  } | null = null;
  readonly #looking: Repeated;
  #timer: Cancel = () => {};
  #working: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: HandOverOptions) {
    this.#options = options;
    this.#looking = new Repeated((message) =>
      options.events.emit({ kind: 'diskFailed', severity: 'warning', connectionId: null, key: 'handOver', message }),
    );
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#working = this.#looking
        .try('What waits here for other workers cannot be looked through', () => this.#look())
        .finally(() => this.start());
    });
  }

  /** The batch under way is finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#draining?.opening.abort();
    this.#timer();
    await this.#working;
  }

  /** They are served here from now on: resolves when their stores in this worker's directory are free. */
  async letGo(ids: readonly string[]): Promise<void> {
    const draining = this.#draining;
    if (draining !== null && ids.includes(draining.id)) {
      draining.opening.abort();
      draining.end.abort();
      await draining.done;
    }
    // What they journal from now on may be here when they are served elsewhere, were it a moment later.
    const own = this.#options.directories().filter(({ isOwn }) => isOwn);
    for (const directory of own) for (const id of ids) this.#of(directory).forget(id);
  }

  /** A connection is deleted: what other workers' directories hold of it goes. Resolves when its store in our own is free. */
  forget(id: string): Promise<void> {
    this.#deleted.add(id);
    return this.letGo([id]);
  }

  /** Nothing of a connection that is defined waits in it, no dead letter of one, and its ledgers are said. */
  isDrained(directory: HeldDirectory): boolean {
    return this.#of(directory).isDrained(directory.store.connectionIds());
  }

  #of({ id, store }: HeldDirectory): DirectoryNotes {
    const known = this.#notes.get(store);
    if (known !== undefined) return known;
    const notes = new DirectoryNotes((connection, ledger) => this.#options.onLedger(id, connection, ledger));
    this.#notes.set(store, notes);
    return notes;
  }

  async #look(): Promise<void> {
    for (const directory of this.#options.directories()) this.#of(directory).sayAgain();
    for (const [directory, id] of this.#candidates()) {
      const { empty } = this.#of(directory);
      if (this.#options.whereIs(id) === null) await this.#delete(directory, id);
      else if (!empty.has(id)) await this.#drain(directory, id, empty, (...held) => this.#giveUplinks(...held));
    }
    const { clock } = this.#options;
    for (const [directory, id] of this.#candidates()) {
      const { empty, letterless, refused } = this.#of(directory);
      if (!empty.has(id) || letterless.has(id)) continue;
      if (clock.monotonic() < (refused.get(id) ?? 0)) continue;
      refused.delete(id);
      const hasAny = (directory.store.deadLetters(id)?.totals().count ?? 0) > 0;
      if (!hasAny) letterless.add(id);
      else await this.#drain(directory, id, letterless, (...held) => this.#giveLetters(...held));
    }
  }

  /** Of whom something may have to be handed over, or deleted. */
  *#candidates(): Generator<readonly [HeldDirectory, string]> {
    const isHeld = (directory: HeldDirectory) =>
      this.#options.directories().some(({ store }) => store === directory.store);
    for (const directory of this.#options.directories()) {
      // One may be let go of while another is seen to.
      for (const id of isHeld(directory) ? directory.store.connectionIds() : []) {
        if (this.#stopped) return;
        if (!isHeld(directory)) break;
        const where = this.#options.whereIs(id);
        if (where !== null) this.#deleted.delete(id);
        if (directory.isOwn && where?.kind === 'here') {
          this.#of(directory).forget(id);
        } else if (where === null) {
          if (!directory.isOwn && this.#deleted.has(id)) yield [directory, id];
          // Nobody's yet: it may be ours in a moment, and its store must be free then.
        } else if (!directory.isOwn || where.kind !== 'missing') yield [directory, id];
      }
    }
  }

  async #delete(held: HeldDirectory, id: string): Promise<void> {
    const { id: directory, store } = held;
    this.#of(held).forget(id);
    try {
      await store.deleteConnection(id);
      this.#of(held).say(id, null);
    } catch (error) {
      const message = `What ${directory} holds of the deleted connection cannot be deleted: ${describeError(error)}. It is tried again.`;
      this.#options.events.emit({ kind: 'diskFailed', severity: 'warning', connectionId: id, key: directory, message });
    }
  }

  /** Opens its store for `give`, which says whether there is nothing more to give: then the connection is `done`. */
  async #drain(directory: HeldDirectory, id: string, done: Set<string>, give: Give): Promise<void> {
    // Defined anew before its deletion was done: what is left is not the new one's. In our own directory the supervisor sees to it.
    if (isMarkedDeleting(directory.store, id)) {
      if (!directory.isOwn) await this.#delete(directory, id);
      return;
    }
    const end = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const opening = new AbortController();
    this.#draining = { id, opening, end, done: promise };
    try {
      const store = await directory.store.openConnection(id, {
        maxBytes: this.#options.journalMaxBytes,
        signal: opening.signal,
      });
      try {
        if (await give(directory, id, store, end.signal)) done.add(id);
      } finally {
        this.#of(directory).say(id, store.ledger());
        await store.close(opening.signal);
      }
    } catch {
      // Its runtime has it, or the disk refuses, of which the runtimes tell.
    } finally {
      this.#draining = null;
      resolve();
    }
  }

  /** Where it is served, where that is not in this directory; null: nowhere, or here. */
  #takerOf(directory: HeldDirectory, id: string): Taker | null {
    const where = this.#options.whereIs(id);
    if (where === null || where.kind === 'missing' || (where.kind === 'here' && directory.isOwn)) return null;
    return where;
  }

  async #giveUplinks(directory: HeldDirectory, id: string, store: ConnectionStore, signal: AbortSignal) {
    let handed = 0;
    let to = '';
    try {
      for (let from = 1; !this.#stopped && !signal.aborted; ) {
        const taker = this.#takerOf(directory, id);
        if (taker === null) return false;
        const { seqs, uplinks } = await waitingUplinks(store, from);
        const last = seqs.at(-1);
        if (last === undefined) return true;
        if (taker.kind === 'here') await this.#options.takeHere(id, uplinks);
        else await this.#options.sendTo(taker, id, uplinks, signal);
        store.handOver(seqs);
        from = last + 1;
        handed += seqs.length;
        to = nameOf(taker);
      }
      return false;
    } catch (error) {
      if (!signal.aborted) this.#cannot(id, 'handOver', `Uplinks that wait in ${directory.id}`, describeError(error));
      return false;
    } finally {
      if (handed > 0) {
        const message = `${handed} uplinks that waited in the journal of ${directory.id} were taken over by ${to}, which serves the connection.`;
        this.#tell(id, 'uplinks', handed, message);
      }
    }
  }

  async #giveLetters(directory: HeldDirectory, id: string, store: ConnectionStore, signal: AbortSignal) {
    const { takeLettersHere, sendLettersTo, clock } = this.#options;
    const page = { filter: {}, order: 'oldest', limit: MAX_LETTERS, maxBytes: MAX_BYTES } as const;
    let handed = 0;
    let to = '';
    try {
      while (!this.#stopped && !signal.aborted && handed < MAX_LETTERS_A_LOOK) {
        const taker = this.#takerOf(directory, id);
        if (taker === null) return false;
        const letters = directory.store.deadLetters(id)?.page(page).letters ?? [];
        if (letters.length === 0) return true;
        const refusal =
          taker.kind === 'here' ? takeLettersHere(id, letters) : await sendLettersTo(taker, id, letters, signal);
        if (refusal !== null) {
          this.#of(directory).refused.set(id, clock.monotonic() + REFUSED_MS);
          this.#cannot(id, 'letters', `Dead letters that ${directory.id} has`, refusal);
          return false;
        }
        store.handOverDeadLetters(letters);
        handed += letters.length;
        to = nameOf(taker);
      }
      return false;
    } catch (error) {
      if (!signal.aborted) this.#cannot(id, 'letters', `Dead letters that ${directory.id} has`, describeError(error));
      return false;
    } finally {
      if (handed > 0) {
        const message = `${handed} dead letters that ${directory.id} had were taken over by ${to}, which serves the connection.`;
        this.#tell(id, 'letters', handed, message);
      }
    }
  }

  #cannot(connectionId: string, key: string, what: string, why: string): void {
    const message = `${what} cannot be handed over now: ${why}. They stay there and are tried again.`;
    this.#options.events.emit({ kind: 'groupUnreachable', severity: 'warning', connectionId, key, message });
  }

  #tell(connectionId: string, key: string, count: number, message: string): void {
    this.#options.events.emit({ kind: 'uplinksHandedOver', severity: 'info', connectionId, key, count, message });
  }
}

type Taker = Exclude<Whereabouts, { readonly kind: 'missing' }>;
type Give = (directory: HeldDirectory, id: string, store: ConnectionStore, signal: AbortSignal) => Promise<boolean>;

function nameOf(taker: Taker): string {
  return taker.kind === 'here' ? 'this worker' : taker.worker;
}
