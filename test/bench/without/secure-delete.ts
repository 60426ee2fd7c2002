// Loaded before a bridge of the benchmark: SQLite does not overwrite what is deleted. Nothing of this is an option of the bridge.
import { DatabaseSync } from 'node:sqlite';

const ON = 'PRAGMA secure_delete = ON';
const { exec } = DatabaseSync.prototype;

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  exec.call(this, sql === ON ? 'PRAGMA secure_delete = OFF' : sql);
};
