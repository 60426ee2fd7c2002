// Dead letters as people work with them: looked up, edited, put on their way again, dropped, carried elsewhere.
import type { Ledger } from '../ledger.ts';
import type { DeadLetterReason, UplinkOutcome } from '../uplink.ts';
import type { DeadLetter } from './store.ts';

/** All conditions that are given must hold; none: every dead letter. */
export interface DeadLetterFilter {
  readonly ids?: readonly number[];
  readonly reasons?: readonly DeadLetterReason[];
  /** DevEUI, 16 upper-case hex digits. */
  readonly device?: string;
  /** Wall-clock ms of the settlement, from (with it) and until (without it). */
  readonly since?: number;
  readonly until?: number;
}

export interface DeadLetterQuery {
  readonly filter: DeadLetterFilter;
  readonly order: 'newest' | 'oldest';
  /** `next` of the page before; absent: from the beginning. */
  readonly after?: number;
  /** A page ends at so many letters or (after the first) bytes. */
  readonly limit: number;
  readonly maxBytes: number;
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[];
  /** Null: there are no more. A page may be empty and not the last: one turn looks at so many rows at most. */
  readonly next: number | null;
}

export interface DeadLetterTotals {
  readonly count: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Wall-clock ms at which those of a deleted connection go; null: it is not deleted. */
  readonly keptUntil: number | null;
  /** Wall-clock ms of the oldest; null: there is none. */
  readonly oldestAt: number | null;
  /** The highest id; 0: none. */
  readonly lastId: number;
  /** Dropped since the connection exists; the ledger still counts them. `person`: by the `drop` verb. */
  readonly dropped: { readonly room: number; readonly age: number; readonly person: number };
}

/** Dead letters of a connection that is deleted. Times are wall-clock ms. */
export interface KeptLetters {
  readonly id: string;
  readonly deletedAt: number;
  readonly keptUntil: number;
  readonly count: number;
  readonly bytes: number;
}

/** What is not given stays. */
export interface DeadLetterChange {
  readonly topic?: string;
  readonly payload?: Buffer;
}

/** The dead letters of one connection, whether it runs or not. Each call is a few ms at most; changes are committed on return. */
export interface DeadLetterBox {
  totals(): DeadLetterTotals;
  page(query: DeadLetterQuery): DeadLetterPage;
  get(id: number): DeadLetter | null;
  /** The original is kept beside the first change. `busy`: it is being replayed. */
  edit(id: number, change: DeadLetterChange): 'ok' | 'notFound' | 'busy';
  /** Back to the original. */
  revert(id: number): 'ok' | 'notFound' | 'busy';
  /** Its message is on its way into the journal, or there and not booked yet. */
  isReplaying(id: number): boolean;
  /** Returns how many were there and not just being replayed. */
  drop(ids: readonly number[]): number;
}

/** One dead letter in an export: a line of NDJSON. */
export interface DeadLetterRecord {
  /** Names the letter for good, wherever it is carried: importing it twice brings it once. */
  readonly key: string;
  readonly connection: string;
  readonly id: number;
  readonly seq: number;
  /** ISO 8601: settlement and arrival. */
  readonly time: string;
  readonly arrivedAt: string;
  readonly device: string | null;
  readonly reason: DeadLetterReason;
  readonly topic: string;
  /** Text, or base64 where the payload is no UTF-8 or shorter so. */
  readonly payload?: string;
  readonly payloadBase64?: string;
  readonly detail: DeadLetter['detail'];
  readonly editedAt?: string;
}

/** A dead letter to be taken in: kept from now on. */
export type ImportedLetter = Omit<DeadLetter, 'id' | 'seq' | 'time' | 'editedAt' | 'original'>;

export type ImportOutcome =
  /** `present`: a letter of that key is here already; `replayed`: it was here and went its way. */
  | { readonly kind: 'ok'; readonly imported: number; readonly present: number; readonly replayed: number }
  /** They would push others out of the budget: nothing was taken. */
  | { readonly kind: 'full'; readonly bytes: number; readonly maxBytes: number };

/** Why a dead letter was left where it is: it would only come back, or its uplink is too old for the connection by now. */
export type KeptReason = DeadLetterReason | 'tooOld';

export interface ReplayProgress {
  /** On their way again: received stays, deadLettered becomes pending. */
  readonly replayed: number;
  readonly kept: Readonly<Partial<Record<KeptReason, number>>>;
  /** What became of them so far. */
  readonly outcomes: Readonly<Partial<Record<UplinkOutcome['kind'], number>>>;
  /** Replayed without a final word yet. */
  readonly waiting: number;
}

export type ReplayEnd = ReplayProgress & {
  /** `stopped`: by the one who asked; `failed`: see `message`. What was not replayed is still a dead letter. */
  readonly end: 'done' | 'stopped' | 'failed';
  readonly message?: string;
};

/** An uplink that was too old, or had no room. */
export interface ExpiredUplink {
  /** Wall-clock ms at which it expired. */
  readonly time: number;
  /** null: it was never journalled. */
  readonly seq: number | null;
  readonly device: string | null;
  readonly reason: Extract<UplinkOutcome, { kind: 'expired' }>['reason'];
  /** Since its network received it, or else since it arrived here. */
  readonly ageMs: number;
}

export interface LedgerView {
  readonly id: string;
  readonly ledger: Ledger;
  /** `received` less all columns; 0: it balances. */
  readonly imbalance: number;
  /** Recounted from the journal, the settlements and the dead letters just now: what is off. Null: the connection does not run. */
  readonly off: number | null;
  readonly deadLetters: DeadLetterTotals | null;
}

export interface ReplayRequest {
  readonly filter: DeadLetterFilter;
  readonly perSecond: number;
  /** Ends it between two steps; what was replayed is. */
  readonly signal: AbortSignal;
  /** About once a second. */
  readonly onProgress: (progress: ReplayProgress) => void;
}

/** `gone`: there is no definition of it; `stopped`: it does not run; `busy`: a replay is under way. All letters are kept. */
export interface LetterRefusal {
  readonly kind: 'gone' | 'stopped' | 'busy';
  readonly message: string;
}

/** What the admin interface asks about dead letters, expired uplinks and ledgers. */
export interface LetterControl {
  /** Null: there is no such connection, and nothing is stored of it. */
  box(connectionId: string): DeadLetterBox | null;
  /** Runs until all that match were replayed. */
  replay(
    connectionId: string,
    request: ReplayRequest,
  ): LetterRefusal | { readonly kind: 'ok'; readonly end: Promise<ReplayEnd> };
  import(connectionId: string, letters: readonly ImportedLetter[]): LetterRefusal | ImportOutcome;
  /** Of deleted connections, the first deleted first. */
  kept(): readonly KeptLetters[];
  /** How long a connection's are kept when it is deleted; 0: not at all. */
  readonly keepAfterDeleteMs: number;
  expired(connectionId: string, limit: number): readonly ExpiredUplink[];
  /** Of connections with a ledger that this worker knows. */
  ledgers(): readonly LedgerView[];
  ledger(connectionId: string): LedgerView | null;
}
