// A model of the worker's store at its port, in memory: it outlives the runtimes that open it, as a disk does.
import type { BridgeEvent } from '../../../src/domain/events.ts';
import { emptyLedger, type Ledger } from '../../../src/domain/ledger.ts';
import type { ImportOutcome } from '../../../src/domain/ports/dead-letters.ts';
import type { BridgeStore, ConnectionStore, JournalEntry } from '../../../src/domain/ports/store.ts';

export class ModelConnectionStore implements ConnectionStore {
  readonly id: string;
  readonly state: Map<string, string>;
  readonly entries: JournalEntry[] = [];
  bytes = 0;
  maxBytes: number;
  open = true;
  stateFails = false;
  readonly ledgerNow: Ledger = emptyLedger();
  #diskListeners: ((error: Error | null) => void)[] = [];

  constructor(id: string, maxBytes: number, state: Map<string, string>) {
    this.id = id;
    this.maxBytes = maxBytes;
    this.state = state;
  }

  append(entries: readonly JournalEntry[], done: (error: Error | null) => void): number {
    this.entries.push(...entries);
    this.ledgerNow.received += entries.length;
    this.ledgerNow.pending += entries.length;
    done(null);
    return this.ledgerNow.received - entries.length + 1;
  }

  countLeftOut(): void {}
  settle(): void {}
  bytesOf(): number {
    return 0;
  }
  handOver(): void {}
  handOverDeadLetters(): void {}
  async read(): Promise<readonly never[]> {
    return [];
  }
  forEachUnsettled(): void {}
  get lastSeq(): number {
    return this.ledgerNow.received;
  }
  ledger(): Ledger {
    if (!this.open) throw new Error('the store is closed');
    return structuredClone(this.ledgerNow);
  }
  verify(): number {
    return 0;
  }
  deadLetters(): readonly never[] {
    return [];
  }
  replay(): number {
    throw new Error('the model keeps no dead letters');
  }
  importDeadLetters(): ImportOutcome {
    throw new Error('the model keeps no dead letters');
  }

  getState(key: string): string | null {
    return this.state.get(key) ?? null;
  }

  setState(key: string, value: string | null): void {
    if (this.stateFails) throw new Error('ENOSPC');
    if (value === null) this.state.delete(key);
    else this.state.set(key, value);
  }

  onDiskStatus(listen: (error: Error | null) => void): void {
    this.#diskListeners.push(listen);
  }

  disk(error: Error | null): void {
    for (const listen of this.#diskListeners) listen(error);
  }

  async close(): Promise<void> {
    this.open = false;
  }
}

export class ModelStore implements BridgeStore {
  readonly states = new Map<string, Map<string, string>>();
  readonly opened = new Map<string, ModelConnectionStore>();
  readonly eventsKept: BridgeEvent[] = [];
  /** `openConnection` rejects with it. */
  failure: Error | null = null;

  readonly accounts = { get: () => null, put: () => {} };
  readonly shadows = {
    cursor: () => null,
    setCursor() {},
    handled: () => null,
    forEachServed() {},
    saveServed() {},
    unclaimed: () => [],
    saveUnclaimed() {},
    dropUnclaimed() {},
  };
  readonly devices = {
    load: () => [],
    add() {},
    remove() {},
    createdCount: () => 0,
    asked: () => [],
    addAsked() {},
    answered() {},
  };
  readonly events = {
    append: (event: BridgeEvent): void => {
      this.eventsKept.push(event);
    },
    list: (): readonly BridgeEvent[] => this.eventsKept,
    highestId: (): string | null =>
      this.eventsKept
        .map(({ id }) => id)
        .sort()
        .at(-1) ?? null,
  };

  readonly audit = { append() {}, list: () => [] };

  async openConnection(id: string, options: { readonly maxBytes: number }): Promise<ModelConnectionStore> {
    await Promise.resolve();
    if (this.failure !== null) throw this.failure;
    if (this.opened.get(id)?.open === true) throw new Error(`the store of ${id} is open already`);
    const state = this.states.get(id) ?? new Map<string, string>();
    this.states.set(id, state);
    const store = new ModelConnectionStore(id, options.maxBytes, state);
    this.opened.set(id, store);
    return store;
  }

  connectionIds(): readonly string[] {
    return [...this.states.keys()];
  }

  deadLetters(): null {
    return null;
  }

  commands(): null {
    return null;
  }

  async eraseDevice(): Promise<null> {
    return null;
  }

  expired(): readonly never[] {
    return [];
  }

  getState(id: string, key: string): string | null {
    return this.states.get(id)?.get(key) ?? null;
  }

  setState(id: string, key: string, value: string | null): void {
    const open = this.opened.get(id);
    if (open?.open === true) open.setState(key, value);
    else if (value === null) this.states.get(id)?.delete(key);
    else this.states.get(id)?.set(key, value);
  }

  keptLetters(): readonly [] {
    return [];
  }

  async deleteConnection(id: string): Promise<void> {
    if (this.opened.get(id)?.open === true) throw new Error(`the store of ${id} is open`);
    this.states.delete(id);
    this.opened.delete(id);
  }

  async close(): Promise<void> {}

  /** The open store of a connection. */
  of(id: string): ModelConnectionStore {
    const store = this.opened.get(id);
    if (store === undefined) throw new Error(`the store of ${id} was never opened`);
    return store;
  }
}
