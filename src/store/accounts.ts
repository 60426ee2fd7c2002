// Small encrypted records by account: token pairs, log-in attempts, refusals. Durable when `put` returns.
import type { StatementSync } from 'node:sqlite';
import { describeError } from '../domain/errors.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { AccountVault } from '../domain/ports/store.ts';
import type { Database } from './database.ts';
import type { ReportIncident } from './incidents.ts';

export class AccountTable implements AccountVault {
  readonly #database: Database;
  readonly #box: SecretBox;
  readonly #report: ReportIncident;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #drop: StatementSync;

  constructor(database: Database, box: SecretBox, report: ReportIncident) {
    const { sql } = database;
    this.#database = database;
    this.#box = box;
    this.#report = report;
    this.#get = sql.prepare('SELECT value FROM accounts WHERE name = ?');
    this.#put = sql.prepare(
      'INSERT INTO accounts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    );
    this.#drop = sql.prepare('DELETE FROM accounts WHERE name = ?');
  }

  /** A value under a key that this bridge has no more counts as absent, and is told. */
  get(key: string): string | null {
    const value = this.#get.get(key)?.value;
    if (typeof value !== 'string') return null;
    try {
      return this.#box.decrypt(value, context(key));
    } catch (error) {
      this.#report({
        kind: 'secretUnreadable',
        connectionId: null,
        message: `What is stored of a HERE account cannot be read, so it logs in anew: ${describeError(error)}`,
      });
      return null;
    }
  }

  put(key: string, value: string | null): void {
    this.#database.durably(() => {
      if (value === null) this.#drop.run(key);
      else this.#put.run(key, this.#box.encrypt(value, context(key)));
    });
  }
}

function context(key: string): string {
  return `account ${key}`;
}
