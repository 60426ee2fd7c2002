// The audit: each change with who, what and when, kept bounded in the store and told in the log, which outlives the worker's disk
// where logs are collected.
import type { AuditEntry } from '../domain/access.ts';
import type { Audit, AuditQuery, AuditStore } from '../domain/ports/access.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { Throttle } from '../domain/throttle.ts';

export interface AuditLogOptions {
  readonly clock: Clock;
  readonly store: AuditStore;
  /** For the log; must not throw. */
  readonly onEntry: (entry: AuditEntry) => void;
  readonly onStoreError: (error: unknown) => void;
}

const MAX_TEXT = 500;
const MAX_TARGET = 128;
/** Refusals of one client and kind, then of all: whoever is refused must not be able to push out what was changed. */
const REFUSED_OF_ONE = { burst: 10, everyMs: 60_000, maxKeys: 1000 };
const REFUSED_OF_ALL = { burst: 200, everyMs: 10_000 };

export class AuditLog implements Audit {
  readonly #options: AuditLogOptions;
  readonly #ofOne: Throttle;
  readonly #ofAll: Throttle;
  /** Refusals that were not kept since the last one that was. */
  #leftOut = 0;
  #lastMs = 0;
  #inMs = 0;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#ofOne = new Throttle(options.clock, REFUSED_OF_ONE);
    this.#ofAll = new Throttle(options.clock, REFUSED_OF_ALL);
  }

  note(entry: Omit<AuditEntry, 'id' | 'time'>): void {
    if (entry.outcome === 'done') this.#keep(entry);
    else if (this.#ofOne.take(`${entry.from} ${entry.who} ${entry.action}`) > 0 || this.#ofAll.take('') > 0) {
      this.#leftOut += 1;
    } else {
      const more = this.#leftOut === 0 ? [] : [`${this.#leftOut} other refusals since the last one are not kept`];
      this.#leftOut = 0;
      this.#keep({ ...entry, detail: [entry.detail ?? [], more].flat().join('; ') || null });
    }
  }

  #keep(entry: Omit<AuditEntry, 'id' | 'time'>): void {
    const noted: AuditEntry = {
      ...entry,
      who: oneLine(entry.who, MAX_TARGET),
      target: entry.target === null ? null : oneLine(entry.target, MAX_TARGET),
      detail: entry.detail === null ? null : oneLine(entry.detail, MAX_TEXT),
      id: this.#nextId(),
      time: new Date(this.#options.clock.now()).toISOString(),
    };
    try {
      this.#options.store.append(noted);
    } catch (error) {
      this.#options.onStoreError(error);
    }
    this.#options.onEntry(noted);
  }

  list(query: AuditQuery): readonly AuditEntry[] {
    return this.#options.store.list(query);
  }

  /** Ids sort by time, also when the clock steps back. */
  #nextId(): string {
    const ms = Math.max(this.#options.clock.now(), this.#lastMs);
    this.#inMs = ms === this.#lastMs ? this.#inMs + 1 : 0;
    this.#lastMs = ms;
    return `${Math.trunc(ms).toString(36).padStart(9, '0')}-${this.#inMs.toString(36).padStart(4, '0')}`;
  }
}

/** Names come from outside: no line breaks or control characters in log and audit. */
function oneLine(text: string, max: number): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  return line.length > max ? `${line.slice(0, max)}…` : line;
}
