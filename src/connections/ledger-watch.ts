// Looks at a connection's ledger once a second: publishes it with what is off, and raises the alarm when it does not balance.
//
// It is verified against the journal, the settlements and the dead letters themselves at the first look, at each one before which
// something was booked, and once a minute. A verification costs 15 µs, most of it one look into the database, and 0.3 µs more for
// each thousand that wait: for one connection that is nothing, but ten thousand idle ones would spend a sixth of a core on
// what cannot have changed. So a ledger without a booking waits for its minute.
import type { EventSink } from '../domain/events.ts';
import { imbalance, type Ledger } from '../domain/ledger.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { StatusSink } from './status-publisher.ts';

/** Looks between two verifications of a ledger in which nothing is booked. */
const VERIFY_EVERY = 60;

export class LedgerWatch {
  readonly #connectionId: string;
  readonly #events: EventSink;
  readonly #status: StatusSink;
  /** The last one that was looked at, and by how much it was off. */
  #seen: Ledger | null = null;
  #seenOff = 0;
  #looksOff = 0;
  #untilVerify = 0;
  /** What the last verification found off. */
  #off = 0;

  constructor(connectionId: string, events: EventSink, status: StatusSink) {
    this.#connectionId = connectionId;
    this.#events = events;
    this.#status = status;
  }

  /** An unchanged ledger is not published again (the sink sees to that). */
  look(store: Pick<ConnectionStore, 'ledger' | 'verify'>): Ledger {
    const ledger = store.ledger();
    // The store gives the same object as long as nothing is booked.
    const isBooked = ledger !== this.#seen;
    if (isBooked) this.#seenOff = imbalance(ledger);
    this.#seen = ledger;
    const off = this.#seenOff;
    // Twice in a row, so that a look between two bookings is no alarm.
    this.#looksOff = off === 0 ? 0 : this.#looksOff + 1;
    if (this.#looksOff === 2) this.#tell('error', `The ledger is off by ${off}: please report this with the log.`);
    if (isBooked || this.#untilVerify === 0) this.#verify(store);
    this.#untilVerify = (this.#untilVerify + VERIFY_EVERY - 1) % VERIFY_EVERY;
    const columnsOff = this.#looksOff < 2 ? 0 : Math.abs(off);
    this.#status.setLedger(this.#connectionId, ledger, Math.max(this.#off, columnsOff));
    return ledger;
  }

  #verify(store: Pick<ConnectionStore, 'verify'>): void {
    let off: number;
    try {
      off = store.verify();
    } catch {
      // The database cannot be read at the moment: that is told elsewhere, and there are more looks.
      return;
    }
    if (off === this.#off) return;
    if (off === 0) this.#tell('info', 'The ledger agrees with the journal again.');
    else {
      const what = `The ledger and what is on the disk differ by ${off} (journal, settlements, dead letters)`;
      this.#tell('error', `${what}: please report this with the log; \`here-bridge ledger\` shows the columns.`);
    }
    this.#off = off;
  }

  #tell(severity: 'info' | 'error', message: string): void {
    const connectionId = this.#connectionId;
    this.#events.emit({ kind: 'ledgerImbalance', severity, connectionId, key: severity, message });
  }
}
