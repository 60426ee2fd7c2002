// Adds the rounds up to the verdict.
import type { RoundResult } from './round.ts';
import { FAULT_KINDS, type FaultKind } from './schedule.ts';

export interface Verdict {
  readonly rounds: number;
  readonly seed: number;
  /** Uplinks that their publisher got a PUBACK for. */
  readonly acknowledged: number;
  /** Of these, how many HERE holds. */
  readonly delivered: number;
  /** Of these, how many carry no telemetry, or were refused by HERE and not replayed; checked against the ledgers. */
  readonly elsewhere: number;
  /** Of those delivered, how many HERE had refused before: they came back from dead letters. */
  readonly replayed: number;
  /** Of these, how many are nowhere. */
  readonly missing: number;
  /** Of these, what Mosquitto may have lost itself when it was killed. */
  readonly brokerLost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Connections whose ledger disagrees with itself or with the books. */
  readonly unbalanced: number;
  readonly commands: {
    /** Desires that HERE has taken. */
    readonly desired: number;
    /** Of these, how many the network got. */
    readonly received: number;
    readonly superseded: number;
    readonly missing: number;
    /** What HERE and Mosquitto may have forgotten when they were killed. */
    readonly hereLost: number;
    readonly brokerLost: number;
    /** Published once more under their CorrelationID, where the design allows it. */
    readonly duplicates: number;
    /** Published where the design does not. */
    readonly unexplained: number;
    readonly unbalanced: number;
  };
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly recoveryMs: { readonly p50: number; readonly max: number };
  readonly kills: number;
  /** What only a defect explains: said in words where it was seen. */
  readonly alarms: number;
  readonly ok: boolean;
}

const LONGEST_RECOVERY_MS = 30_000;
/** Stands for "never" in the figures. */
const NEVER_MS = 999_999;

export class Tally {
  readonly #seed: number;
  readonly #wanted: number;
  readonly #results: RoundResult[] = [];

  constructor(rounds: number, seed: number) {
    this.#wanted = rounds;
    this.#seed = seed;
  }

  add(result: RoundResult): void {
    this.#results.push(result);
  }

  isGood(result: RoundResult): boolean {
    const judgements = Object.values(result.judgements);
    const { missing, unexplained, imbalances } = result.commands;
    return (
      missing.length + unexplained.length + imbalances.length + result.alarms.length === 0 &&
      judgements.every((each) => each.missing.length + each.outOfOrder + each.imbalances.length === 0) &&
      result.recoveryMs.every((ms) => ms !== null && ms <= LONGEST_RECOVERY_MS)
    );
  }

  verdict(): Verdict {
    const judgements = this.#results.flatMap((result) => Object.values(result.judgements));
    const sum = (of: (each: (typeof judgements)[number]) => number): number =>
      judgements.reduce((total, each) => total + of(each), 0);
    const commands = this.#results.map((result) => result.commands);
    const count = (of: (each: (typeof commands)[number]) => number): number =>
      commands.reduce((total, each) => total + of(each), 0);
    const recovery = this.#results.flatMap((result) => result.recoveryMs.map((ms) => ms ?? NEVER_MS));
    recovery.sort((a, b) => a - b);
    const faults: Partial<Record<FaultKind, number>> = {};
    for (const kind of FAULT_KINDS) {
      const count = this.#results.flatMap((result) => result.faults).filter((each) => each === kind).length;
      if (count > 0) faults[kind] = count;
    }
    return {
      rounds: this.#results.length,
      seed: this.#seed,
      acknowledged: sum((each) => each.acknowledged),
      delivered: sum((each) => each.delivered),
      elsewhere: sum((each) => each.elsewhere),
      replayed: sum((each) => each.replayed),
      missing: sum((each) => each.missing.length),
      brokerLost: sum((each) => each.brokerLost),
      duplicates: sum((each) => each.duplicates),
      outOfOrder: sum((each) => each.outOfOrder),
      unbalanced: judgements.filter((each) => each.imbalances.length > 0).length,
      commands: {
        desired: count((each) => each.desired),
        received: count((each) => each.received),
        superseded: count((each) => each.superseded),
        missing: count((each) => each.missing.length),
        hereLost: count((each) => each.hereLost),
        brokerLost: count((each) => each.brokerLost),
        duplicates: count((each) => each.duplicates),
        unexplained: count((each) => each.unexplained.length),
        unbalanced: count((each) => each.imbalances.length),
      },
      faults,
      recoveryMs: { p50: recovery[Math.floor((recovery.length - 1) / 2)] ?? 0, max: recovery.at(-1) ?? 0 },
      kills: this.#results.reduce((total, { kills }) => total + kills, 0),
      alarms: this.#results.reduce((total, { alarms }) => total + alarms.length, 0),
      ok: this.#results.length === this.#wanted && this.#results.every((result) => this.isGood(result)),
    };
  }
}
