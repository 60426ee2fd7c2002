// Tells of uplinks that did not reach HERE: from one look at the ledger to the next, so that a storm is one event with a count.
import type { EventSink } from '../domain/events.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { DeadLetterReason, ExpiryReason } from '../domain/uplink.ts';

const EXPIRED: Readonly<Record<ExpiryReason, string>> = {
  tooOld:
    'Uplinks were older than uplinkTimeValidity and were not sent. If that was no outage, make it longer or look at the clocks of the gateways.',
  journalFull:
    'Uplinks found no room in the journal and were left out. Give it more room (budgets.journalMaxBytes), or find out why HERE takes so little.',
};

const DEAD: Readonly<Record<DeadLetterReason, string>> = {
  notJson: 'Messages were no JSON',
  noDevice: 'Messages named no device: neither the body nor the topic has a DevEUI',
  tooBig: 'Messages were larger than sources.maxMessageBytes',
  tooDeep: 'Messages were nested too deep to be read',
  foreignFraming: 'Messages were in a framing that is not JSON text, such as Avro or a schema registry',
  badTime: 'Uplinks had no usable time',
  refused: 'HERE refused uplinks',
  mappingFailed: 'Uplinks could not be mapped to records of HERE: a defect of the bridge, please report it',
  storeDamaged: 'Messages in the journal were damaged on the disk: check the disk',
};

export class OutcomeNews {
  readonly #connectionId: string;
  readonly #events: EventSink;
  #last: Ledger;

  /** `ledger`: as it was when nothing had been told yet. */
  constructor(connectionId: string, events: EventSink, ledger: Ledger) {
    this.#connectionId = connectionId;
    this.#events = events;
    this.#last = ledger;
  }

  look(ledger: Ledger, store: Pick<ConnectionStore, 'deadLetters'>): void {
    const last = this.#last;
    if (ledger === last) return;
    this.#last = ledger;
    const connectionId = this.#connectionId;
    for (const [reason, count] of grown(last.expired, ledger.expired)) {
      const message = EXPIRED[reason];
      this.#events.emit({ kind: 'uplinksExpired', severity: 'warning', connectionId, key: reason, count, message });
    }
    for (const [reason, count] of grown(last.deadLettered, ledger.deadLettered)) {
      const words = reason === 'refused' ? hereWords(store) : '';
      const message = `${DEAD[reason]}${words}. They are kept as dead letters: here-bridge dead-letters ls ${connectionId}`;
      this.#events.emit({ kind: 'uplinksDeadLettered', severity: 'error', connectionId, key: reason, count, message });
    }
  }
}

/** The reasons whose count has grown, and by how much. A replay makes counts smaller: that is no news. */
function grown<R extends string>(before: Partial<Record<R, number>>, after: Partial<Record<R, number>>): [R, number][] {
  const found: [R, number][] = [];
  for (const reason of Object.keys(after) as R[]) {
    const more = (after[reason] ?? 0) - (before[reason] ?? 0);
    if (more > 0) found.push([reason, more]);
  }
  return found;
}

/** What HERE said to the latest one. */
function hereWords(store: Pick<ConnectionStore, 'deadLetters'>): string {
  try {
    const latest = store.deadLetters(1)[0];
    if (latest?.reason !== 'refused') return '';
    return `, lately: ${latest.detail.message.slice(0, 300).replace(/[\s.]+$/, '')}`;
  } catch {
    return '';
  }
}
