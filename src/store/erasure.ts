// Erases a device from the tables, on a data-protection request. What is deleted is overwritten (`secure_delete`), and the log is
// copied back and emptied, so that the files hold nothing of it either.
import type { Database } from './database.ts';
import { encodeDevice } from './devices.ts';

export interface ErasedRows {
  /** Commands that were over. */
  readonly commands: number;
  /** Commands that are still open: they stay until they are over. */
  readonly openCommands: number;
  readonly events: number;
}

/** By connection, then by project: whatever is kept of a device there is known anew at its next uplink. */
const OF_CONNECTION = ['riding_versions', 'served_devices'] as const;
const OF_PROJECT = ['handled_shadows', 'unclaimed_shadows', 'devices'] as const;

/** `pseudonym` takes the device's place in the audit, which has to stay. Throws what SQLite throws. */
export function eraseDevice(
  database: Database,
  connection: number,
  connectionId: string,
  device: string,
  pseudonym: string,
): ErasedRows {
  const { sql } = database;
  const rows = database.transaction(() => {
    const run = (text: string, ...values: (string | number | Uint8Array)[]): number =>
      Number(sql.prepare(text).run(...values).changes);
    const commands = run('DELETE FROM commands WHERE connection = ? AND device = ? AND open = 0', connection, device);
    const open = sql.prepare('SELECT COUNT(*) AS count FROM commands WHERE connection = ? AND device = ?');
    const openCommands = Number(open.get(connection, device)?.count ?? 0);
    const forms = [device, encodeDevice(device)];
    for (const table of OF_CONNECTION) {
      for (const form of forms) run(`DELETE FROM ${table} WHERE connection = ? AND device = ?`, connection, form);
    }
    for (const table of OF_PROJECT) for (const form of forms) run(`DELETE FROM ${table} WHERE device = ?`, form);
    // Plain words, in whichever case.
    const events = run('DELETE FROM events WHERE connection = ? AND event LIKE ?', connectionId, `%${device}%`);
    run(
      'UPDATE audit SET entry = replace(replace(entry, ?, ?), ?, ?) WHERE entry LIKE ?',
      ...[device, pseudonym, device.toLowerCase(), pseudonym, `%${device}%`],
    );
    return { commands, openCommands, events };
  });
  return rows;
}
