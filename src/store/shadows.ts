// What was seen of HERE's shadows, on disk, by project: cursors, handled documents, which connection serves a device, and
// changes of devices that none serves yet.
import type { StatementSync } from 'node:sqlite';
import type { HandledShadow, ServedDevice, ShadowChange, ShadowStore } from '../domain/ports/downlink.ts';
import type { Database } from './database.ts';
import { decodeDevice, encodeDevice } from './devices.ts';

/** Changes of devices that nobody serves: those of a project that is shared with others may never be ours. */
const MAX_UNCLAIMED = 10_000;

export class ShadowTable implements ShadowStore {
  readonly #database: Database;
  readonly #findProject: StatementSync;
  readonly #handled: StatementSync;
  readonly #saveServed: StatementSync;
  readonly #findConnection: StatementSync;
  readonly #addDriver: StatementSync;
  readonly #findDriver: StatementSync;
  readonly #saveUnclaimed: StatementSync;
  readonly #dropUnclaimed: StatementSync;
  readonly #trimUnclaimed: StatementSync;

  constructor(database: Database) {
    const { sql } = database;
    this.#database = database;
    this.#findProject = sql.prepare('SELECT key FROM projects WHERE name = ?');
    this.#handled = sql.prepare('SELECT * FROM handled_shadows WHERE project = ? AND device = ?');
    this.#saveServed = sql.prepare(
      'INSERT INTO served_devices (project, device, connection, driver) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT (project, device) DO UPDATE SET connection = excluded.connection, driver = excluded.driver',
    );
    this.#findConnection = sql.prepare('SELECT key FROM connections WHERE id = ?');
    this.#addDriver = sql.prepare('INSERT OR IGNORE INTO drivers (text) VALUES (?)');
    this.#findDriver = sql.prepare('SELECT key FROM drivers WHERE text = ?');
    this.#saveUnclaimed = sql.prepare(
      'INSERT INTO unclaimed_shadows (project, device, desired_at, change) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT (project, device) DO UPDATE SET desired_at = excluded.desired_at, change = excluded.change',
    );
    this.#dropUnclaimed = sql.prepare('DELETE FROM unclaimed_shadows WHERE project = ? AND device = ?');
    this.#trimUnclaimed = sql.prepare(
      // Many may be of one time: then the device decides.
      'DELETE FROM unclaimed_shadows WHERE project = ?1 AND device IN ' +
        '(SELECT device FROM unclaimed_shadows WHERE project = ?1 ORDER BY desired_at DESC, device LIMIT -1 OFFSET ?2)',
    );
  }

  cursor(key: string): string | null {
    const value = this.#database.sql.prepare('SELECT value FROM shadow_cursors WHERE name = ?').get(key)?.value;
    return typeof value === 'string' ? value : null;
  }

  setCursor(key: string, value: string): void {
    this.#database.transaction(() =>
      this.#database.sql
        .prepare(
          'INSERT INTO shadow_cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
        )
        .run(key, value),
    );
  }

  handled(project: string, device: string): HandledShadow | null {
    const key = this.#find(project);
    const row = key === null ? undefined : this.#handled.get(key, device);
    if (row === undefined) return null;
    return {
      device,
      version: Number(row.version),
      era: Number(row.era),
      desiredAt: Number(row.desired_at),
      command: String(row.command),
      whole: String(row.whole),
    };
  }

  forEachServed(project: string, visit: (served: ServedDevice) => void): void {
    const key = this.#find(project);
    if (key === null) return;
    const rows = this.#database.sql.prepare(
      'SELECT device, connections.id AS connection, drivers.text AS driver FROM served_devices ' +
        'JOIN connections ON connections.key = served_devices.connection ' +
        'LEFT JOIN drivers ON drivers.key = served_devices.driver WHERE project = ?',
    );
    for (const { device, connection, driver } of rows.iterate(key)) {
      const text = typeof driver === 'string' ? driver : null;
      visit({ device: decodeDevice(device), connectionId: String(connection), driver: text });
    }
  }

  saveServed(project: string, served: readonly ServedDevice[]): void {
    if (served.length === 0) return;
    this.#database.transaction(() => {
      const key = this.#keyOf(project);
      for (const { device, connectionId, driver } of served) {
        const connection = this.#findConnection.get(connectionId)?.key;
        // Deleted meanwhile.
        if (connection === undefined) continue;
        this.#saveServed.run(key, encodeDevice(device), connection, driver === null ? null : this.#driverKey(driver));
      }
    });
  }

  unclaimed(project: string): readonly ShadowChange[] {
    const key = this.#find(project);
    if (key === null) return [];
    const rows = this.#database.sql.prepare('SELECT change FROM unclaimed_shadows WHERE project = ?');
    return rows.all(key).map(({ change }) => JSON.parse(String(change)) as ShadowChange);
  }

  saveUnclaimed(project: string, changes: readonly ShadowChange[]): void {
    if (changes.length === 0) return;
    this.#database.transaction(() => {
      const key = this.#keyOf(project);
      for (const change of changes) {
        this.#saveUnclaimed.run(key, change.device, change.desiredAt, JSON.stringify(change));
      }
      this.#trimUnclaimed.run(key, MAX_UNCLAIMED);
    });
  }

  dropUnclaimed(project: string, devices: readonly string[]): void {
    const key = this.#find(project);
    if (key === null || devices.length === 0) return;
    this.#database.transaction(() => {
      for (const device of devices) this.#dropUnclaimed.run(key, device);
    });
  }

  #driverKey(text: string): number {
    this.#addDriver.run(text);
    return Number(this.#findDriver.get(text)?.key);
  }

  /** null: nothing is kept of it. A disk that takes nothing can still be read. */
  #find(project: string): number | null {
    const found = this.#findProject.get(project)?.key;
    return found === undefined ? null : Number(found);
  }

  /** Within a transaction that writes. */
  #keyOf(project: string): number {
    const found = this.#find(project);
    if (found !== null) return found;
    return Number(this.#database.sql.prepare('INSERT INTO projects (name) VALUES (?)').run(project).lastInsertRowid);
  }
}
