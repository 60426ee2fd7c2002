// Looks at a connection's ledger once a second: publishes it, and tells when it does not balance.
import type { EventSink } from '../domain/events.ts';
import { imbalance, type Ledger } from '../domain/ledger.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { StatusSink } from './status-publisher.ts';

export class LedgerWatch {
  readonly #connectionId: string;
  readonly #events: EventSink;
  readonly #status: StatusSink;
  #looksOff = 0;

  constructor(connectionId: string, events: EventSink, status: StatusSink) {
    this.#connectionId = connectionId;
    this.#events = events;
    this.#status = status;
  }

  /** An unchanged ledger is not published again (the sink sees to that). */
  look(store: Pick<ConnectionStore, 'ledger'>): Ledger {
    const ledger = store.ledger();
    this.#status.setLedger(this.#connectionId, ledger);
    const off = imbalance(ledger);
    // Twice in a row, so that a look between two bookings is no alarm.
    this.#looksOff = off === 0 ? 0 : this.#looksOff + 1;
    if (this.#looksOff === 2) this.#tell(off);
    return ledger;
  }

  #tell(off: number): void {
    this.#events.emit({
      kind: 'ledgerImbalance',
      severity: 'error',
      connectionId: this.#connectionId,
      message: `The ledger is off by ${off}: please report this with the log.`,
    });
  }
}
