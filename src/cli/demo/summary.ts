// The demo's last line: one JSON object from the ledgers and the latencies; its `balanced` decides the exit code.
import { addCommandLedgers, type CommandLedger, commandImbalance } from '../../domain/command.ts';
import { addLedgers, imbalance, type Ledger, sumReasons } from '../../domain/ledger.ts';

export interface SummaryInput {
  /** By connection id; of this run only (see `ledgerSince`). */
  readonly ledgers: Readonly<Record<string, Ledger>>;
  /** Arrival in the bridge → accepted by HERE, over all connections. `quantile(q)` in ms; 0 when nothing was recorded. */
  readonly latency: { quantile(q: number): number };
  /** How long uplinks flowed, draining included. */
  readonly elapsedMs: number;
  /** What the fleet had acknowledged by the broker. Each connection is offered all of it. */
  readonly fleet?: { readonly published: number; readonly acknowledged: number };
  /** The ledgers of commands; absent: none were looked at. */
  readonly commands?: readonly CommandLedger[];
  /** What the sandbox says that it took: different records (device and time), and records in all. */
  readonly arrived?: { readonly different: number; readonly records: number };
}

export interface ReasonCounts {
  readonly [reason: string]: number;
}

export interface DemoSummary {
  readonly received: number;
  readonly delivered: number;
  readonly pending: number;
  readonly expired: number;
  readonly filtered: number;
  readonly skipped: number;
  readonly deadLettered: number;
  /** Every connection's ledger balances, and nothing that the broker acknowledged to the fleet is missing in any of them. */
  readonly balanced: boolean;
  /** Delivered, per second of the run. */
  readonly uplinksPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly seconds: number;
  /** Only columns that have any. */
  readonly reasons: Readonly<Record<string, ReasonCounts>>;
  readonly connections: Readonly<
    Record<string, { readonly received: number; readonly delivered: number; readonly balanced: boolean }>
  >;
  readonly fleet?: { readonly published: number; readonly acknowledged: number };
  readonly arrived?: { readonly different: number; readonly records: number };
  readonly commands?: CommandSummary;
}

/** Of all connections. `pending`: waiting; `confirmed`: HERE's reported state version has reached the command's. */
export interface CommandSummary {
  readonly seen: number;
  readonly published: number;
  readonly sent: number;
  readonly rejected: number;
  readonly confirmed: number;
  readonly superseded: number;
  readonly pending: number;
  readonly balanced: boolean;
}

const COLUMNS = ['expired', 'filtered', 'skipped', 'deadLettered'] as const;
const WORDS = { expired: 'expired', filtered: 'filtered', skipped: 'skipped', deadLettered: 'dead letters' } as const;

export function summarize(input: SummaryInput): DemoSummary {
  const ids = Object.keys(input.ledgers).sort();
  const sum = addLedgers(Object.values(input.ledgers));
  const seconds = input.elapsedMs / 1000;
  const reasons: Record<string, ReasonCounts> = {};
  for (const column of COLUMNS) if (sumReasons(sum[column]) > 0) reasons[column] = sum[column] as ReasonCounts;
  const connections = Object.fromEntries(
    ids.map((id) => {
      const ledger = input.ledgers[id] as Ledger;
      return [id, { received: ledger.received, delivered: ledger.delivered, balanced: imbalance(ledger) === 0 }];
    }),
  );
  const { fleet } = input;
  return {
    received: sum.received,
    delivered: sum.delivered,
    pending: sum.pending,
    expired: sumReasons(sum.expired),
    filtered: sumReasons(sum.filtered),
    skipped: sumReasons(sum.skipped),
    deadLettered: sumReasons(sum.deadLettered),
    balanced:
      Object.values(connections).every((connection) => connection.balanced) &&
      (fleet === undefined || ids.every((id) => (input.ledgers[id] as Ledger).received >= fleet.acknowledged)),
    uplinksPerSecond: seconds > 0 ? tenths(sum.delivered / seconds) : 0,
    latencyMs: { p50: tenths(input.latency.quantile(0.5)), p99: tenths(input.latency.quantile(0.99)) },
    seconds: tenths(seconds),
    reasons,
    connections,
    ...(fleet === undefined ? {} : { fleet: { published: fleet.published, acknowledged: fleet.acknowledged } }),
    ...(input.arrived === undefined ? {} : { arrived: input.arrived }),
    ...(input.commands === undefined ? {} : { commands: summarizeCommands(input.commands) }),
  };
}

function summarizeCommands(ledgers: readonly CommandLedger[]): CommandSummary {
  const { seen, published, superseded, waiting, fates } = addCommandLedgers(ledgers);
  const { sent, rejected, confirmed } = fates;
  const balanced = ledgers.every((ledger) => commandImbalance(ledger) === 0);
  return { seen, published, sent, rejected, confirmed, superseded, pending: waiting, balanced };
}

/** The same for people: where everything is, and whether that is all. */
export function inWords(summary: DemoSummary): string {
  const columns = COLUMNS.filter((column) => summary[column] > 0).map((column) => {
    const reasons = Object.entries(summary.reasons[column] ?? {}).map(([reason, count]) => `${reason} ${count}`);
    return `${summary[column]} ${WORDS[column]} (${reasons.join(', ')})`;
  });
  const parts = [`${summary.delivered} delivered`, `${summary.pending} pending`, ...columns];
  const verdict = summary.balanced ? 'The ledgers balance' : 'The ledgers do NOT balance';
  return `${verdict}: ${summary.received} received = ${parts.join(' + ')}.`;
}

/**
 * What a run added to a ledger that began before it: a demo on a kept data directory goes on from there. What was pending
 * at the start counts as received in this run, because this run settles it.
 */
export function ledgerSince(now: Ledger, before: Ledger): Ledger {
  const less = <T extends Partial<Record<string, number>>>(a: T, b: T): T => {
    const rest: Record<string, number> = {};
    for (const [reason, count] of Object.entries(a)) {
      const grown = (count ?? 0) - (b[reason] ?? 0);
      if (grown !== 0) rest[reason] = grown;
    }
    return rest as T;
  };
  return {
    received: now.received - before.received + before.pending,
    delivered: now.delivered - before.delivered,
    pending: now.pending,
    expired: less(now.expired, before.expired),
    filtered: less(now.filtered, before.filtered),
    skipped: less(now.skipped, before.skipped),
    deadLettered: less(now.deadLettered, before.deadLettered),
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
