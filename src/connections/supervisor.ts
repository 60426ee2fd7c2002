// Runs one runtime per definition: starts, changes, stops and deletes each without touching the others.
import type { Connection, FieldError } from '../domain/connection.ts';
import { describeError, NotKept } from '../domain/errors.ts';
import type { EventKind, EventSink, NewEvent } from '../domain/events.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import { ClockWatch } from './clock-watch.ts';
import type { DefinitionListener } from './definitions.ts';
import { Leftovers } from './leftovers.ts';
import { isMarkedDeleting, markDeleting, type PurgeOptions, purgeConnection, startAnew, whatIsLeft } from './purge.ts';
import type { Runtime } from './runtime-options.ts';
import { hasWish, makeSlot, type Slot, wantOnly } from './slot.ts';
import { idleStatus, isoNow } from './status-of.ts';
import type { ShownStatus } from './status-publisher.ts';

export interface SupervisorOptions {
  readonly workerId: string;
  readonly store: BridgeStore;
  readonly createRuntime: (connection: Connection) => Runtime;
  readonly purge: PurgeOptions;
  readonly events: EventSink;
  readonly status: ShownStatus;
  readonly clock: Clock;
}

/** After the disk did not take a deletion. */
const PURGE_RETRY_MS = 10_000;
const MISSING =
  'Its definition is missing on the config topic: stopped, and everything is kept. Publish the definition again, or delete the connection.';

export class Supervisor implements DefinitionListener {
  readonly #options: SupervisorOptions;
  readonly #slots = new Map<string, Slot>();
  /** Told to be without a definition. */
  readonly #missing = new Set<string>();
  /** Deletions that the disk did not take: monotonic ms of the next try. */
  readonly #unfinished = new Map<string, number>();
  #timer: Cancel = () => {};
  #stopSignal: AbortSignal | null = null;
  readonly #clockWatch: ClockWatch;
  readonly #leftovers: Leftovers;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clockWatch = new ClockWatch(options.clock, options.events);
    this.#leftovers = new Leftovers(options.store, options.events);
  }

  start(): void {
    this.#timer = this.#options.clock.after(1000, () => {
      this.#clockWatch.look();
      for (const { runtime } of this.#slots.values()) runtime?.tick();
      this.#purgeAgain();
      if (this.#stopSignal === null) this.start();
    });
  }

  /** Stops every runtime at once; resolves when all have stopped, which `signal` hastens. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopSignal = signal;
    this.#timer();
    const slots = [...this.#slots.values()];
    for (const { interrupt } of slots) interrupt.abort();
    await Promise.all(slots.map(({ runtime }) => runtime?.stop(signal)));
    // A deletion that asks a broker which does not answer goes on at the next start.
    const hurry = Promise.withResolvers<void>();
    if (signal.aborted) hurry.resolve();
    signal.addEventListener('abort', () => hurry.resolve(), { once: true });
    await Promise.race([Promise.all(slots.map(({ working }) => working)), hurry.promise]);
  }

  runtime(id: string): Runtime | null {
    return this.#slots.get(id)?.runtime ?? null;
  }

  *runtimes(): Iterable<Runtime> {
    for (const { runtime } of this.#slots.values()) if (runtime !== null) yield runtime;
  }

  onDefinition(connection: Connection): void {
    const slot = this.#slot(connection.id);
    this.#missing.delete(connection.id);
    slot.next = connection;
    slot.halt = false;
    this.#work(slot);
  }

  /** A running connection goes on with its last valid definition. */
  onInvalid(id: string, name: string | null, errors: readonly FieldError[]): void {
    const runtime = this.#slots.get(id)?.runtime ?? null;
    if (runtime !== null) {
      runtime.noteErrors(errors);
      return;
    }
    const reason = 'The definition is not valid: each field that is wrong is named under "errors".';
    const facts = { worker: this.#options.workerId, since: isoNow(this.#options.clock), errors };
    this.#options.status.setStatus(idleStatus(id, name ?? id, reason, facts));
  }

  onDeleted(id: string): void {
    try {
      // At once, before the record is acknowledged: a deletion that a kill interrupts is not handed out again.
      markDeleting(this.#options.store, id);
    } catch (error) {
      throw new NotKept(`The deletion of "${id}" cannot be written down: ${describeError(error)}`);
    }
    this.#missing.delete(id);
    this.#purgeNext(id);
  }

  /** What those that match stand on has changed: they stop and begin anew with the definition that they have. */
  renew(matches: (connection: Connection) => boolean): void {
    for (const slot of this.#slots.values()) {
      const connection = slot.next ?? slot.runtime?.connection ?? null;
      if (connection === null || slot.purge || slot.halt || slot.release || !matches(connection)) continue;
      slot.next = connection;
      slot.anew = true;
      this.#work(slot);
    }
  }

  /**
   * Another worker serves it from now on: stops it and keeps what is stored, and leaves what is not done of a deletion to that worker.
   * Resolves when nothing of it is served any more.
   */
  async release(id: string): Promise<void> {
    this.#unfinished.delete(id);
    if (!this.#slots.has(id) && !this.#leftovers.isMarked(id)) return;
    const slot = this.#slot(id);
    wantOnly(slot, 'release');
    this.#work(slot);
    // A wish that came meanwhile may have been taken up in the same go: its work is not waited for.
    while (slot.release && slot.working !== null) await slot.working;
  }

  /** Deleted, and another worker ends its sessions: what is stored of it here goes. */
  async forget(id: string): Promise<void> {
    await this.release(id);
    if (this.#slots.has(id)) return;
    const slot = this.#slot(id);
    // Ours to delete a moment later, its store must be free then.
    this.#occupy(slot, this.#leftovers.drop(id));
    await slot.working;
  }

  /** All that the config topic holds: what else is running or stored has lost its definition, or its deletion goes on. */
  onSnapshot(ids: ReadonlySet<string>): void {
    for (const slot of this.#slots.values()) {
      if (ids.has(slot.id) || slot.purge || (slot.runtime === null && slot.next === null)) continue;
      slot.next = null;
      slot.halt = true;
      this.#work(slot);
    }
    for (const id of this.#options.store.connectionIds()) {
      if (ids.has(id) || this.#slots.has(id) || this.#missing.has(id)) continue;
      if (isMarkedDeleting(this.#options.store, id)) this.#purgeNext(id);
      else this.#tellMissing(id, id);
    }
  }

  #purgeNext(id: string): void {
    const slot = this.#slot(id);
    wantOnly(slot, 'purge');
    this.#work(slot);
  }

  /** Where nothing has come of the connection since, its deletion is tried again. */
  #purgeAgain(): void {
    const now = this.#options.clock.monotonic();
    for (const [id, atMs] of this.#unfinished) {
      if (now < atMs) continue;
      this.#unfinished.delete(id);
      if (!this.#slots.has(id)) this.#purgeNext(id);
    }
  }

  #slot(id: string): Slot {
    const slot = this.#slots.get(id) ?? makeSlot(id);
    this.#slots.set(id, slot);
    return slot;
  }

  #work(slot: Slot): void {
    if (this.#stopSignal !== null) return;
    if (slot.working !== null) {
      // A deletion that waits for a broker must not keep a new definition waiting, nor another word that it is deleted; and where
      // another worker has the connection by now, it would take that one's session.
      if (slot.next !== null || slot.purge || slot.release) slot.interrupt.abort();
      return;
    }
    this.#occupy(slot, this.#workOff(slot));
  }

  #occupy(slot: Slot, work: Promise<void>): void {
    slot.working = work.finally(() => {
      slot.working = null;
      // A wish may have come between the last look and now.
      if (hasWish(slot)) this.#work(slot);
      else if (slot.runtime === null) this.#slots.delete(slot.id);
    });
  }

  async #workOff(slot: Slot): Promise<void> {
    while (this.#stopSignal === null) {
      if (slot.purge) {
        slot.purge = false;
        await this.#purge(slot);
      } else if (slot.release) {
        await this.#stopRuntime(slot);
        slot.release = false;
        // Deleted here, and defined anew as another worker's.
        if (this.#leftovers.isMarked(slot.id)) await this.#leftovers.drop(slot.id);
      } else if (slot.halt) {
        slot.halt = false;
        const name = slot.runtime?.connection.name ?? slot.id;
        await this.#stopRuntime(slot);
        this.#tellMissing(slot.id, name);
      } else if (slot.next !== null) {
        await this.#apply(slot, slot.next);
      } else return;
    }
  }

  async #apply(slot: Slot, next: Connection): Promise<void> {
    const { anew } = slot;
    slot.next = null;
    slot.anew = false;
    if (!anew && slot.runtime?.change(next) === true) return;
    await this.#stopRuntime(slot);
    // The last wish wins: another one may have come while the old runtime stopped.
    if (hasWish(slot) || this.#stopSignal !== null) return;
    slot.runtime = this.#options.createRuntime(next);
    this.#options.store.noteServed?.(slot.id, true);
    slot.runtime.start();
  }

  async #stopRuntime(slot: Slot): Promise<void> {
    const { runtime } = slot;
    await runtime?.stop(this.#stopSignal ?? new AbortController().signal);
    if (slot.runtime !== runtime) return;
    slot.runtime = null;
    this.#options.store.noteServed?.(slot.id, false);
  }

  async #purge(slot: Slot): Promise<void> {
    const { purge, status } = this.#options;
    await this.#stopRuntime(slot);
    // Defined anew meanwhile as another worker's: its session and what is said of it are that one's.
    if (slot.release) return;
    const since = isoNow(this.#options.clock);
    const reason = 'It is being deleted; its session at the broker comes first.';
    status.setStatus(idleStatus(slot.id, slot.id, reason, { worker: this.#options.workerId, since }));
    slot.interrupt = new AbortController();
    if (slot.next !== null || this.#stopSignal !== null) slot.interrupt.abort();
    try {
      const isAnothers = (): boolean => slot.release;
      const unsay = (): Promise<void> | void => status.clear(slot.id);
      const left = await purgeConnection(purge, slot.id, { signal: slot.interrupt.signal, isAnothers, unsay });
      slot.halt = false; // A snapshot may have missed its definition meanwhile: that is this deletion.
      // The worker stops: the mark in the store makes the next start go on. Or another worker has it, and what travels.
      if (left !== null && (slot.next === null || slot.release)) return;
      if (left !== null) {
        void status.clear(slot.id);
        await startAnew(purge, slot.id, left, isAnothers);
      }
      status.remove(slot.id);
      this.#tell(slot.id, 'connectionDeleted', 'info', whatIsLeft(purge.store, slot.id));
    } catch (error) {
      if (slot.release) return;
      this.#unfinished.set(slot.id, this.#options.clock.monotonic() + PURGE_RETRY_MS);
      const message = `It could not be deleted: ${describeError(error)}. It is tried again; make room on the disk.`;
      this.#tell(slot.id, 'diskFailed', 'error', message);
    }
  }

  #tellMissing(id: string, name: string): void {
    this.#missing.add(id);
    const facts = { worker: this.#options.workerId, since: isoNow(this.#options.clock) };
    this.#options.status.setStatus(idleStatus(id, name, MISSING, facts));
    this.#tell(id, 'definitionMissing', 'error', MISSING);
  }

  #tell(connectionId: string, kind: EventKind, severity: NewEvent['severity'], message: string): void {
    this.#options.events.emit({ kind, severity, connectionId, message });
  }
}
