// Commands on disk: rows, their ledger and the state versions that ride, of each connection. What has ended is bounded.
import type { StatementSync } from 'node:sqlite';
import {
  bookChange,
  bookIgnored,
  bookNew,
  type Command,
  type CommandColumn,
  type CommandFate,
  type CommandLedger,
  copyCommandLedger,
  emptyCommandLedger,
  type IgnoreReason,
  isOpen,
  type NewCommand,
} from '../domain/command.ts';
import type { CommandQuery, CommandStore, CommandWork, RidingVersion } from '../domain/ports/downlink.ts';
import type { Database } from './database.ts';

/** Commands that have ended are kept up to so many a connection; the ledger counts them for good. */
const MAX_ENDED = 10_000;
/** Looked at once in so many commits. */
const TRIM_EVERY = 200;

type Row = Readonly<Record<string, unknown>>;

export class CommandTables {
  readonly database: Database;
  readonly saveHandled: StatementSync;
  readonly #open = new Map<number, ConnectionCommands>();

  constructor(database: Database) {
    this.database = database;
    this.saveHandled = database.sql.prepare(
      'INSERT INTO handled_shadows (project, device, version, era, desired_at, command, whole) VALUES (?, ?, ?, ?, ?, ?, ?) ' +
        'ON CONFLICT (project, device) DO UPDATE SET version = excluded.version, era = excluded.era, ' +
        'desired_at = excluded.desired_at, command = excluded.command, whole = excluded.whole',
    );
  }

  /** `connection`: the key of its row. */
  of(connection: number): ConnectionCommands {
    let commands = this.#open.get(connection);
    if (commands === undefined) {
      commands = new ConnectionCommands(connection, this);
      this.#open.set(connection, commands);
    }
    return commands;
  }

  /** The connection is deleted. */
  forget(connection: number): void {
    this.#open.delete(connection);
  }

  projectKey(name: string): number {
    const { sql } = this.database;
    const found = sql.prepare('SELECT key FROM projects WHERE name = ?').get(name)?.key;
    return Number(found ?? sql.prepare('INSERT INTO projects (name) VALUES (?)').run(name).lastInsertRowid);
  }
}

class ConnectionCommands implements CommandStore {
  readonly #connection: number;
  readonly #tables: CommandTables;
  #ledger: CommandLedger;
  #untilTrim = 1;

  constructor(connection: number, tables: CommandTables) {
    this.#connection = connection;
    this.#tables = tables;
    this.#ledger = this.#load();
  }

  open(): readonly Command[] {
    const rows = this.#sql('SELECT * FROM commands WHERE connection = ? AND open = 1 ORDER BY id');
    return rows.all(this.#connection).map(commandOf);
  }

  riding(): readonly RidingVersion[] {
    const rows = this.#sql('SELECT device, version, since, told_at FROM riding_versions WHERE connection = ?');
    return rows.all(this.#connection).map((row) => ({
      device: String(row.device),
      version: Number(row.version),
      since: Number(row.since),
      toldAt: row.told_at === null ? null : Number(row.told_at),
    }));
  }

  commit(work: CommandWork): readonly Command[] {
    const ledger = copyCommandLedger(this.#ledger);
    const added = this.#tables.database.transaction(() => {
      const commands = (work.added ?? []).map((command) => this.#insert(command));
      for (const command of commands) bookNew(ledger, command);
      for (const { before, after } of work.changed ?? []) {
        this.#update(after);
        bookChange(ledger, before, after);
      }
      for (const reason of work.ignored ?? []) bookIgnored(ledger, reason);
      this.#saveHandled(work);
      this.#saveRiding(work);
      this.#saveLedger(ledger);
      this.#trim();
      return commands;
    });
    this.#ledger = ledger;
    return added;
  }

  ledger(): CommandLedger {
    return copyCommandLedger(this.#ledger);
  }

  verify(): number {
    const rows = this.#sql(
      "SELECT count(*) AS count FROM commands WHERE connection = ? AND state = 'waiting' AND published_at IS NULL",
    );
    return Number(rows.get(this.#connection)?.count) - this.#ledger.waiting;
  }

  list({ device, states, before, limit }: CommandQuery): readonly Command[] {
    const wanted = states === undefined ? '' : ` AND state IN (${states.map(() => '?').join(', ')})`;
    const ofDevice = device === undefined ? '' : ' AND device = ?';
    const sql = `SELECT * FROM commands WHERE connection = ?${ofDevice} AND id < ?${wanted} ORDER BY id DESC LIMIT ?`;
    const parameters = [
      this.#connection,
      ...(device === undefined ? [] : [device]),
      before ?? Number.MAX_SAFE_INTEGER,
      ...(states ?? []),
      limit,
    ];
    return this.#sql(sql)
      .all(...parameters)
      .map(commandOf);
  }

  get(id: number): Command | null {
    const row = this.#sql('SELECT * FROM commands WHERE connection = ? AND id = ?').get(this.#connection, id);
    return row === undefined ? null : commandOf(row);
  }

  #sql(text: string): StatementSync {
    return this.#tables.database.sql.prepare(text);
  }

  #insert(command: NewCommand): Command {
    const { device, origin, version, era, desiredAt, seenAt, document } = command;
    const { lastInsertRowid } = this.#sql(
      'INSERT INTO commands (connection, device, origin, version, era, desired_at, seen_at, document, state, open, cause, ' +
        'attempt, correlation_id, port, confirmed, published_at, changed_at) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(
      ...[this.#connection, device, origin, version, era, desiredAt, seenAt, document],
      ...changing({ ...command, id: 0 }),
    );
    return { ...command, id: Number(lastInsertRowid) };
  }

  #update(command: Command): void {
    this.#sql(
      'UPDATE commands SET state = ?, open = ?, cause = ?, attempt = ?, correlation_id = ?, port = ?, confirmed = ?, ' +
        'published_at = ?, changed_at = ? WHERE id = ? AND connection = ?',
    ).run(...changing(command), command.id, this.#connection);
  }

  #saveHandled({ handled }: CommandWork): void {
    if (handled === undefined || handled.shadows.length === 0) return;
    const project = this.#tables.projectKey(handled.project);
    for (const { device, version, era, desiredAt, command, whole } of handled.shadows) {
      this.#tables.saveHandled.run(project, device, version, era, desiredAt, command, whole);
    }
  }

  #saveRiding({ riding }: CommandWork): void {
    for (const each of riding ?? []) {
      if (each.version === null) {
        this.#sql('DELETE FROM riding_versions WHERE connection = ? AND device = ?').run(this.#connection, each.device);
        continue;
      }
      this.#sql(
        'INSERT INTO riding_versions (connection, device, version, since, told_at) VALUES (?, ?, ?, ?, ?) ' +
          'ON CONFLICT (connection, device) DO UPDATE SET version = excluded.version, since = excluded.since, told_at = excluded.told_at',
      ).run(this.#connection, each.device, each.version, each.since, each.toldAt);
    }
  }

  #saveLedger(ledger: CommandLedger): void {
    const before = flat(this.#ledger);
    const save = this.#sql(
      'INSERT INTO command_ledger (connection, name, count) VALUES (?, ?, ?) ' +
        'ON CONFLICT (connection, name) DO UPDATE SET count = excluded.count',
    );
    for (const [name, count] of flat(ledger)) {
      if (before.get(name) !== count) save.run(this.#connection, name, count);
    }
  }

  #load(): CommandLedger {
    const ledger = emptyCommandLedger();
    for (const row of this.#sql('SELECT name, count FROM command_ledger WHERE connection = ?').all(this.#connection)) {
      const [kind, name = ''] = String(row.name).split('.');
      const count = Number(row.count);
      if (kind === 'ignored') ledger.ignored[name as IgnoreReason] = count;
      else if (kind === 'fate') ledger.fates[name as CommandFate] = count;
      else ledger[kind as CommandColumn | 'seen'] = count;
    }
    return ledger;
  }

  #trim(): void {
    this.#untilTrim -= 1;
    if (this.#untilTrim > 0) return;
    this.#untilTrim = TRIM_EVERY;
    this.#sql(
      'DELETE FROM commands WHERE connection = ?1 AND open = 0 AND id <= ' +
        '(SELECT id FROM commands WHERE connection = ?1 AND open = 0 ORDER BY id DESC LIMIT 1 OFFSET ?2)',
    ).run(this.#connection, MAX_ENDED);
  }
}

/** The columns that change, in the order in which both statements have them. */
function changing(command: Command) {
  const { state, cause, attempt, correlationId, port, confirmed, publishedAt, changedAt } = command;
  const open = isOpen(command) ? 1 : 0;
  return [state, open, cause, attempt, correlationId, port, confirmed ? 1 : 0, publishedAt, changedAt] as const;
}

function flat(ledger: CommandLedger): Map<string, number> {
  const { ignored, fates, ...columns } = ledger;
  const counts = new Map<string, number>(Object.entries(columns));
  for (const [reason, count] of Object.entries(ignored)) counts.set(`ignored.${reason}`, count ?? 0);
  for (const [fate, count] of Object.entries(fates)) counts.set(`fate.${fate}`, count);
  return counts;
}

function commandOf(row: Row): Command {
  const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value));
  const textOrNull = (value: unknown): string | null => (value === null ? null : String(value));
  return {
    id: Number(row.id),
    device: String(row.device),
    origin: row.origin as Command['origin'],
    version: numberOrNull(row.version),
    era: Number(row.era),
    document: String(row.document),
    desiredAt: Number(row.desired_at),
    seenAt: Number(row.seen_at),
    state: row.state as Command['state'],
    cause: textOrNull(row.cause),
    attempt: Number(row.attempt),
    correlationId: textOrNull(row.correlation_id),
    port: numberOrNull(row.port),
    confirmed: row.confirmed === 1,
    publishedAt: numberOrNull(row.published_at),
    changedAt: Number(row.changed_at),
  };
}
