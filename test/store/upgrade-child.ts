// A process that opens a store's database and is killed right after the n-th statement of it; those of a script count one by one.
// On stdout: the statement that came last.
//   node upgrade-child.ts DATA_DIR N
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Database } from '../../src/store/database.ts';
import { Reserve } from '../../src/store/reserve.ts';

const [dataDir = '', killAfter = '0'] = process.argv.slice(2);
let done = 0;

const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (this: DatabaseSync, script: string): void {
  // No statement of a step has a semicolon or two hyphens within a text.
  const statements = script.replaceAll(/--.*$/gm, '').split(';');
  for (const statement of statements.map((text) => text.trim()).filter((text) => text !== '')) {
    exec.call(this, statement);
    done += 1;
    if (done !== Number(killAfter)) continue;
    fs.writeSync(1, statement);
    process.kill(process.pid, 'SIGKILL');
  }
};

const reserve = new Reserve(path.join(dataDir, 'reserve.bin'));
Database.open(path.join(dataDir, 'bridge.db'), reserve, 'now', (_, why) => {
  throw new Error(why);
}).close();
