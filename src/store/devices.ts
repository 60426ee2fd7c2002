// Devices that HERE knows, by project: 8 bytes each where they are DevEUIs.
import type { StatementSync } from 'node:sqlite';
import type { DeviceStore } from '../domain/ports/store.ts';
import type { Database } from './database.ts';

export class DeviceTable implements DeviceStore {
  readonly #database: Database;
  readonly #find: StatementSync;
  readonly #insertProject: StatementSync;
  readonly #load: StatementSync;
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #addCreated: StatementSync;

  constructor(database: Database) {
    const { sql } = database;
    this.#database = database;
    this.#find = sql.prepare('SELECT key, created FROM projects WHERE name = ?');
    this.#insertProject = sql.prepare('INSERT INTO projects (name) VALUES (?)');
    this.#load = sql.prepare('SELECT device FROM devices WHERE project = ?');
    this.#add = sql.prepare('INSERT OR IGNORE INTO devices (project, device) VALUES (?, ?)');
    this.#remove = sql.prepare('DELETE FROM devices WHERE project = ? AND device = ?');
    this.#addCreated = sql.prepare('UPDATE projects SET created = created + ? WHERE key = ?');
  }

  load(project: string): readonly string[] {
    const key = this.#find.get(project)?.key;
    if (key === undefined) return [];
    const devices: string[] = [];
    for (const { device } of this.#load.iterate(key)) devices.push(decodeDevice(device));
    return devices;
  }

  add(project: string, devices: readonly string[]): void {
    if (devices.length === 0) return;
    this.#database.transaction(() => this.#addAll(project, devices));
  }

  remove(project: string, devices: readonly string[]): void {
    if (devices.length === 0) return;
    this.#database.transaction(() => this.#removeAll(project, devices));
  }

  createdCount(project: string): number {
    return Number(this.#find.get(project)?.created ?? 0);
  }

  asked(project: string): readonly string[] {
    return this.load(askedOf(project));
  }

  addAsked(project: string, devices: readonly string[]): void {
    this.#database.durably(() => this.#addAll(askedOf(project), devices));
  }

  answered(project: string, devices: readonly string[], created: number): void {
    this.#database.transaction(() => {
      this.#removeAll(askedOf(project), devices);
      if (created > 0) this.#addCreated.run(created, this.#keyOf(project));
    });
  }

  #addAll(project: string, devices: readonly string[]): void {
    const key = this.#keyOf(project);
    for (const device of devices) this.#add.run(key, encodeDevice(device));
  }

  #removeAll(project: string, devices: readonly string[]): void {
    const key = this.#keyOf(project);
    for (const device of devices) this.#remove.run(key, encodeDevice(device));
  }

  #keyOf(project: string): number {
    const key = this.#find.get(project)?.key ?? this.#insertProject.run(project).lastInsertRowid;
    return Number(key);
  }
}

/** Kept as a project of its own beside the project: `host|appId` has no second bar. */
function askedOf(project: string): string {
  return `${project}|asked`;
}

/** Eight bytes where it is a DevEUI. */
export function encodeDevice(device: string): string | Uint8Array {
  return /^[0-9A-F]{16}$/.test(device) ? Buffer.from(device, 'hex') : device;
}

export function decodeDevice(device: unknown): string {
  return device instanceof Uint8Array ? Buffer.from(device).toString('hex').toUpperCase() : String(device);
}
