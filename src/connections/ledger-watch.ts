// Looks at a connection's ledger once a second: publishes it, and raises the alarm when it does not balance; at the first
// look and once a minute it is verified against the journal, the settlements and the dead letters themselves.
import type { EventSink } from '../domain/events.ts';
import { imbalance, type Ledger } from '../domain/ledger.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { StatusSink } from './status-publisher.ts';

/** Looks between two verifications. */
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
    this.#status.setLedger(this.#connectionId, ledger);
    if (ledger !== this.#seen) this.#seenOff = imbalance(ledger);
    this.#seen = ledger;
    const off = this.#seenOff;
    // Twice in a row, so that a look between two bookings is no alarm.
    this.#looksOff = off === 0 ? 0 : this.#looksOff + 1;
    if (this.#looksOff === 2) this.#tell('error', `The ledger is off by ${off}: please report this with the log.`);
    if (this.#untilVerify === 0) this.#verify(store);
    this.#untilVerify = (this.#untilVerify + VERIFY_EVERY - 1) % VERIFY_EVERY;
    return ledger;
  }

  #verify(store: Pick<ConnectionStore, 'verify'>): void {
    let off: number;
    try {
      off = store.verify();
    } catch {
      // The database cannot be read at the moment: that is told elsewhere, and the next verification is in a minute.
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
