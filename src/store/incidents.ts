// What the store has to tell loudly: the composition root makes log lines and events of it.
import { describeError } from '../domain/errors.ts';

export type StoreIncident =
  /** The end of a journal was not a whole record: it was never committed, so it was cut off. Usual after a power loss. */
  | { readonly kind: 'tornTail'; readonly connectionId: string; readonly bytes: number; readonly message: string }
  /** Records were lost or changed on the disk; `lost` of them are dead letters with the reason `storeDamaged`. */
  | { readonly kind: 'journalDamaged'; readonly connectionId: string; readonly lost: number; readonly message: string }
  /** The database was damaged; journals are read again as if nothing were settled: duplicates, no loss. */
  | { readonly kind: 'databaseSetAside'; readonly connectionId: null; readonly message: string }
  /** The database showed damage while in use: a restart repairs it, or sets it aside. */
  | { readonly kind: 'databaseDamaged'; readonly connectionId: string | null; readonly message: string }
  /** A ledger starts anew behind messages whose outcome was in a database that was set aside. */
  | { readonly kind: 'ledgerRestarted'; readonly connectionId: string; readonly message: string }
  | {
      readonly kind: 'deadLettersDropped';
      readonly connectionId: string;
      readonly dropped: number;
      readonly message: string;
    }
  /** What would be dropped before long, for want of room or by age. */
  | {
      readonly kind: 'deadLettersNearlyFull' | 'deadLettersAgeing';
      readonly connectionId: string;
      readonly message: string;
    }
  | { readonly kind: 'secretUnreadable'; readonly connectionId: null; readonly message: string }
  /** A file could not be removed, a checkpoint could not be made …: tried again at the next tick. */
  | { readonly kind: 'upkeepFailed'; readonly connectionId: string | null; readonly message: string };

export function journalDamaged(connectionId: string, lost: number): StoreIncident {
  const message =
    `The journal of ${connectionId} was damaged on the disk: ${lost} message(s) are not what was received and are kept as ` +
    'dead letters (storeDamaged). Check the disk.';
  return { kind: 'journalDamaged', connectionId, lost, message };
}

/** Of one connection's, the oldest; `why`: what they are or do. */
export function deadLettersDropped(connectionId: string, dropped: number, why: string): StoreIncident {
  const message = `${dropped} of the oldest dead letters of ${connectionId} were dropped: they ${why}. The ledger still counts them.`;
  return { kind: 'deadLettersDropped', connectionId, dropped, message };
}

export function databaseSetAside(movedTo: string, why: string): StoreIncident {
  const message =
    `The store's database is damaged (${why}); it was set aside as ${movedTo}. Messages in the journals are sent again; ` +
    'ledgers, dead letters, tokens and events start anew. The dead letters that it held are in that file only: ' +
    '`sqlite3 FILE ".dump dead_letters"`, or `.recover`, shows what of them can still be read.';
  return { kind: 'databaseSetAside', connectionId: null, message };
}

export function databaseDamaged(connectionId: string, error: unknown): StoreIncident {
  const message =
    `The store's database is damaged (${describeError(error)}). ` +
    'A restart checks and repairs it; if it cannot be repaired, it is set aside and the journals are read again.';
  return { kind: 'databaseDamaged', connectionId, message };
}

/** Must not throw. */
export type ReportIncident = (incident: StoreIncident) => void;
