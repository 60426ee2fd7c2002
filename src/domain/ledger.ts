// The ledger of a connection: where every received message is. The unit is one broker message.
import type { DeadLetterReason, ExpiryReason, FilterReason, SkipReason, UplinkOutcome } from './uplink.ts';

export interface Ledger {
  /**
   * Every message that was ever taken: the journal's last sequence number, less those given to replays of dead letters
   * (their messages are counted already), and the dead letters that were imported (they have none).
   */
  received: number;
  delivered: number;
  /** Counted by its own additions and subtractions, never a remainder. */
  pending: number;
  expired: Partial<Record<ExpiryReason, number>>;
  filtered: Partial<Record<FilterReason, number>>;
  skipped: Partial<Record<SkipReason, number>>;
  deadLettered: Partial<Record<DeadLetterReason, number>>;
}

export function emptyLedger(): Ledger {
  return { received: 0, delivered: 0, pending: 0, expired: {}, filtered: {}, skipped: {}, deadLettered: {} };
}

export function sumReasons(column: Readonly<Record<string, number | undefined>>): number {
  let sum = 0;
  for (const count of Object.values(column)) sum += count ?? 0;
  return sum;
}

/** `received` less all columns: 0 when the ledger balances. */
export function imbalance(ledger: Ledger): number {
  return (
    ledger.received -
    ledger.delivered -
    ledger.pending -
    sumReasons(ledger.expired) -
    sumReasons(ledger.filtered) -
    sumReasons(ledger.skipped) -
    sumReasons(ledger.deadLettered)
  );
}

/** Books one outcome, or `count` of them, into its column (not into `pending`, which its owner keeps). */
export function book(ledger: Ledger, outcome: UplinkOutcome, count = 1): void {
  if (outcome.kind === 'delivered') {
    ledger.delivered += count;
    return;
  }
  const column: Record<string, number | undefined> = ledger[outcome.kind];
  column[outcome.reason] = (column[outcome.reason] ?? 0) + count;
}

/** The sum of several ledgers (connections, or one connection over data directories). */
export function addLedgers(ledgers: Iterable<Ledger>): Ledger {
  const sum = emptyLedger();
  for (const ledger of ledgers) {
    sum.received += ledger.received;
    sum.delivered += ledger.delivered;
    sum.pending += ledger.pending;
    for (const name of ['expired', 'filtered', 'skipped', 'deadLettered'] as const) {
      const into: Record<string, number | undefined> = sum[name];
      for (const [reason, count] of Object.entries(ledger[name])) into[reason] = (into[reason] ?? 0) + (count ?? 0);
    }
  }
  return sum;
}
