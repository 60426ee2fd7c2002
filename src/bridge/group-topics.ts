// What is wrong with the topics by which workers know of each other, told as events.
import type { EventSink } from '../domain/events.ts';

export class GroupTopics {
  readonly #events: EventSink;

  constructor(events: EventSink) {
    this.#events = events;
  }

  /** What workers tell each other of accounts cannot be read before a person has mended something. */
  accountsRefused(reason: string): void {
    const message = `What workers tell each other of HERE accounts cannot be read: ${reason}. It is tried again every one to two minutes; mend the cause.`;
    this.#tell('accounts', message);
  }

  /** A record that travels with a connection or an account was refused for what it is. */
  writeRefused(key: string, reason: string): void {
    const message = `What the next worker must know was refused: ${reason}. Until the cause is mended it has what was written before, or cannot begin.`;
    this.#tell(`write ${key}`, message);
  }

  #tell(key: string, message: string): void {
    this.#events.emit({ kind: 'groupUnreachable', severity: 'error', connectionId: null, key, message });
  }
}
