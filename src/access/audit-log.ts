// The audit: each change with who, what and when, kept bounded in the store and told in the log, which outlives the worker's disk
// where logs are collected.
import type { AuditEntry } from '../domain/access.ts';
import type { Audit, AuditQuery, AuditStore } from '../domain/ports/access.ts';
import type { Clock } from '../domain/ports/clock.ts';

export interface AuditLogOptions {
  readonly clock: Clock;
  readonly store: AuditStore;
  /** For the log; must not throw. */
  readonly onEntry: (entry: AuditEntry) => void;
  readonly onStoreError: (error: unknown) => void;
}

const MAX_TEXT = 500;
const MAX_TARGET = 128;

export class AuditLog implements Audit {
  readonly #options: AuditLogOptions;
  #lastMs = 0;
  #inMs = 0;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  note(entry: Omit<AuditEntry, 'id' | 'time'>): void {
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
