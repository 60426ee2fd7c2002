// The judge's own books of commands: what applications desired and HERE took, against the downlinks that the network got.
import type { CommandLedger } from '../domain/command.ts';
import type { LossWindow } from './books.ts';

export interface Desired {
  readonly connectionId: string;
  readonly device: string;
  /** Its bytes: no two have the same. */
  readonly hex: string;
  /** Wall clock, ms, before HERE was asked. */
  readonly at: number;
  /** HERE has answered that it has it. Else it may, or not. */
  taken: boolean;
}

export interface GotDownlink {
  readonly hex: string;
  readonly correlationId: string;
  /** Wall clock, ms. */
  readonly at: number;
}

export interface CommandTroubles {
  /** Of the bridge, its disk and the broker: what was under way then may be published once more. */
  readonly disturbed: readonly LossWindow[];
  /** When HERE was killed: it forgets what was desired. */
  readonly hereKills: readonly number[];
  /** When HERE took a device away: what was desired of it goes too. */
  readonly removals: readonly { readonly device: string; readonly at: number }[];
  /** When Mosquitto was killed: what it has acknowledged may be gone. */
  readonly brokerKills: readonly LossWindow[];
}

export interface CommandJudgement {
  readonly desired: number;
  readonly received: number;
  /** A newer one of the device took its place before it was published. */
  readonly superseded: number;
  readonly missing: readonly string[];
  readonly hereLost: number;
  readonly brokerLost: number;
  /** Downlinks that came once more under their CorrelationID, after trouble in which the design allows it. */
  readonly duplicates: number;
  /** In plain words: what came once more without trouble, under another CorrelationID, or was never desired. */
  readonly unexplained: readonly string[];
}

/** From the poll to the commit, and until the broker gives its word up. */
const UNDERWAY_MS = 20_000;

/** `desires`: in the order in which they were asked for; of one device each after HERE's answer to the one before. */
export function judgeCommands(
  desires: readonly Desired[],
  downlinks: readonly GotDownlink[],
  { disturbed, hereKills, removals, brokerKills }: CommandTroubles,
): CommandJudgement {
  const copies = Map.groupBy(downlinks, ({ hex }) => hex);
  const known = new Set(desires.map(({ hex }) => hex));
  const unexplained: string[] = [];
  let duplicates = 0;
  for (const [hex, [first, ...others]] of copies) {
    if (!known.has(hex)) unexplained.push(`${hex} was never desired`);
    for (const { at, correlationId } of others) {
      const since = (first?.at ?? at) - UNDERWAY_MS;
      if (correlationId !== first?.correlationId) unexplained.push(`${hex} came under two CorrelationIDs`);
      else if (disturbed.some(({ from, to }) => from <= at && to >= since)) duplicates += 1;
      else unexplained.push(`${hex} came again at ${new Date(at).toISOString()}`);
    }
  }
  const counts = { received: 0, superseded: 0, hereLost: 0, brokerLost: 0 };
  const missing: string[] = [];
  const taken = desires.filter((each) => each.taken);
  // By their order: two may be within one millisecond.
  const lastOf = new Map(desires.map(({ device, hex }) => [device, hex]));
  for (const { device, hex, at } of taken) {
    if (copies.has(hex)) counts.received += 1;
    else if (lastOf.get(device) !== hex) counts.superseded += 1;
    else if (hereKills.some((kill) => kill >= at)) counts.hereLost += 1;
    else if (removals.some((removal) => removal.device === device && removal.at >= at)) counts.hereLost += 1;
    else if (brokerKills.some(({ from, to }) => at >= from - UNDERWAY_MS && at <= to)) counts.brokerLost += 1;
    else missing.push(`${device} ${hex}`);
  }
  return { desired: taken.length, ...counts, missing, duplicates, unexplained };
}

/** What is wrong with a connection's ledger of commands, in plain words; null: nothing. */
export function ledgerFault(ledger: CommandLedger, imbalance: number, off: number, received: number): string | null {
  const words = JSON.stringify(ledger);
  if (imbalance !== 0) return `it is off by ${imbalance}: ${words}`;
  if (off !== 0) return `what waits is off by ${off}: ${words}`;
  if (ledger.waiting !== 0) return `${ledger.waiting} still wait: ${words}`;
  // What a kill has kept from its commit may be superseded before it is published again.
  if (ledger.published + ledger.superseded < received) return `the network got ${received}: ${words}`;
  return null;
}
