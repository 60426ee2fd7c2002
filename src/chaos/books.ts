// The judge's own books, independent of the bridge's: what publishers got a PUBACK for against what HERE holds.
import type { ProjectArrivals } from './arrivals.ts';

export interface Acknowledged {
  /** See `uplinkKey`. */
  readonly key: string;
  /** False: it carries no telemetry, and the bridge is to skip it. */
  readonly isTelemetry: boolean;
  /** Wall clock of the PUBACK, ms. */
  readonly at: number;
}

/** A time in which the broker may lose what it has acknowledged, ms, both ends included. */
export interface LossWindow {
  readonly from: number;
  readonly to: number;
}

/** What the bridge's ledger of the connection says, added up over reasons. */
export interface LedgerSums {
  readonly received: number;
  readonly delivered: number;
  readonly pending: number;
  readonly expired: number;
  readonly filtered: number;
  readonly skipped: number;
  readonly deadLettered: number;
}

export interface ConnectionJudgement {
  readonly acknowledged: number;
  readonly delivered: number;
  readonly elsewhere: number;
  /** Of `delivered`, what HERE had refused before: from a dead letter, or because its first answer was lost. */
  readonly replayed: number;
  readonly missing: readonly string[];
  readonly brokerLost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** In plain words; empty: the ledger agrees with the books. */
  readonly imbalances: readonly string[];
  readonly ledger: LedgerSums;
}

export function judge(
  acknowledged: readonly Acknowledged[],
  arrivals: ProjectArrivals,
  losses: readonly LossWindow[],
  ledger: LedgerSums,
  /** All dead letters went their way again: what HERE refused must have come back. */
  isReplayed = false,
  /** As often as a message was handed over to the bridge, each copy counted; null: nobody could count. */
  mostReceived: number | null = null,
): ConnectionJudgement {
  let delivered = 0;
  let both = 0;
  let refused = 0;
  let replayed = 0;
  let skipped = 0;
  let brokerLost = 0;
  const missing: string[] = [];
  // Telemetry that the bridge counted as expired or filtered would be missing: no connection of a run has such a rule.
  let lostSkippable = 0;
  for (const { key, isTelemetry, at } of acknowledged) {
    const excused = losses.some(({ from, to }) => at >= from && at <= to);
    if (arrivals.accepted.has(key)) {
      delivered += 1;
      if (!arrivals.refused.has(key)) continue;
      replayed += 1;
      if (!isReplayed) both += 1;
    } else if (!isTelemetry) {
      skipped += 1;
      if (excused) lostSkippable += 1;
    } else if (arrivals.refused.has(key) && !isReplayed) refused += 1;
    else if (excused) brokerLost += 1;
    else missing.push(key);
  }
  const taken = acknowledged.length - missing.length - brokerLost;
  return {
    acknowledged: acknowledged.length,
    delivered,
    elsewhere: refused + skipped,
    replayed,
    missing,
    brokerLost,
    duplicates: arrivals.duplicates,
    outOfOrder: arrivals.outOfOrder,
    imbalances: compare(ledger, { taken, delivered, both, refused, skipped, lostSkippable, mostReceived }),
    ledger,
  };
}

/**
 * At least once: an uplink that a publisher or the broker sent twice is in the ledger twice. So each column may be above the
 * books by what was received above them, and never below. And no more was received than was handed over.
 */
function compare(
  ledger: LedgerSums,
  books: {
    readonly taken: number;
    readonly delivered: number;
    /** Of `delivered`, what was also refused: accepted while the answer was lost, perhaps refused when it was sent again. */
    readonly both: number;
    readonly refused: number;
    readonly skipped: number;
    /** Of `skipped`, what the broker may have lost: nobody can tell. */
    readonly lostSkippable: number;
    readonly mostReceived: number | null;
  },
): string[] {
  const wrong: string[] = [];
  const { received, delivered, pending, expired, filtered, skipped, deadLettered } = ledger;
  const sum = delivered + pending + expired + filtered + skipped + deadLettered;
  if (sum !== received) wrong.push(`received ${received}, but the columns add up to ${sum}`);
  if (pending !== 0) wrong.push(`${pending} still pending`);
  if (expired + filtered !== 0) wrong.push(`${expired} expired and ${filtered} filtered, without a rule for it`);
  const least = books.taken - books.lostSkippable;
  if (received < least) wrong.push(`received ${received}, but ${least} were acknowledged and arrived somewhere`);
  if (books.mostReceived !== null && received > books.mostReceived) {
    wrong.push(`received ${received}, but the broker has handed over ${books.mostReceived}, copies and all`);
  }
  const again = Math.max(0, received - least);
  const within = (name: string, ledgerSays: number, low: number, high: number): void => {
    if (ledgerSays < low || ledgerSays > high + again) {
      wrong.push(
        `${name} ${ledgerSays}, but ${low}${high === low ? '' : ` to ${high}`} by the books (${again} sent again)`,
      );
    }
  };
  within('delivered', delivered, books.delivered - books.both, books.delivered);
  within('deadLettered', deadLettered, books.refused, books.refused + books.both);
  within('skipped', skipped, books.skipped - books.lostSkippable, books.skipped);
  return wrong;
}
