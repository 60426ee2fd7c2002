// The commands of one connection of which something may still become, in memory and in the store at once: by device and by
// CorrelationID. Every change commits before it shows here.
import { afterFact, type Command, type CommandFact, isOpen } from '../domain/command.ts';
import type { CommandStore, CommandWork } from '../domain/ports/downlink.ts';
import { correlationIdOf } from './correlation.ts';

export class CommandBook {
  /** `host|appId`: part of the CorrelationIDs. */
  readonly #project: string;
  readonly #store: CommandStore;
  readonly #now: () => number;
  readonly #byId = new Map<number, Command>();
  readonly #byDevice = new Map<string, Set<number>>();
  /** Of every attempt so far. */
  readonly #byCorrelation = new Map<string, number>();

  constructor(project: string, store: CommandStore, now: () => number) {
    this.#project = project;
    this.#store = store;
    this.#now = now;
    for (const command of store.open()) this.#put(command);
  }

  get size(): number {
    return this.#byId.size;
  }

  hasDevice(device: string): boolean {
    return this.#byDevice.has(device);
  }

  /** The oldest first. */
  ofDevice(device: string): readonly Command[] {
    const ids = this.#byDevice.get(device);
    return ids === undefined ? [] : [...ids].map((id) => this.#byId.get(id) as Command);
  }

  /** The oldest first. */
  *inState(state: Command['state']): Generator<Command> {
    for (const command of this.#byId.values()) if (command.state === state) yield command;
  }

  get(id: number): Command | null {
    return this.#byId.get(id) ?? null;
  }

  byCorrelation(correlationId: string): Command | null {
    const id = this.#byCorrelation.get(correlationId);
    return id === undefined ? null : this.get(id);
  }

  correlationId(command: Command, attempt: number): string {
    return correlationIdOf(this.#project, command, attempt);
  }

  /** New commands and whatever goes with them. Throws when the disk refuses: then nothing has changed. */
  add(work: CommandWork): readonly Command[] {
    const added = this.#store.commit(work);
    for (const command of added) this.#put(command);
    return added;
  }

  /**
   * The command after the fact; null: the fact changes nothing. What counts is how the command is now, not how whoever tells
   * the fact has known it: a report may come before the broker's word. Throws when the disk refuses.
   */
  tell({ id }: Command, fact: CommandFact, more: Pick<CommandWork, 'riding'> = {}): Command | null {
    const before = this.#byId.get(id);
    const after = before === undefined ? null : afterFact(before, fact, this.#now());
    if (before === undefined || after === null) return null;
    this.#store.commit({ ...more, changed: [{ before, after }] });
    this.#put(after);
    return after;
  }

  /** A report may be underway of an attempt whose commit a kill has undone: its CorrelationID is known as well. */
  #put(command: Command): void {
    const { id, device, attempt } = command;
    const attempts = [...Array(attempt + 1).keys()].map((n) => correlationIdOf(this.#project, command, n + 1));
    if (isOpen(command)) {
      this.#byId.set(id, command);
      const ofDevice = this.#byDevice.get(device) ?? new Set();
      this.#byDevice.set(device, ofDevice.add(id));
      for (const each of attempts) this.#byCorrelation.set(each, id);
      return;
    }
    this.#byId.delete(id);
    for (const each of attempts) if (this.#byCorrelation.get(each) === id) this.#byCorrelation.delete(each);
    const ofDevice = this.#byDevice.get(device);
    ofDevice?.delete(id);
    if (ofDevice?.size === 0) this.#byDevice.delete(device);
  }
}
