// A process that appends, settles and leaves out as fast as it can until it is killed; it tells what was answered, and only then.
//   node kill-child.ts DATA_DIR SEED [before|in|after]
// With the third it kills itself at the first checkpoint of the database.
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import type { JournalEntry, Settlement } from '../../src/domain/ports/store.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { openStore } from '../../src/store/store.ts';
import { SeededChance } from '../support/manual-clock.ts';

const [dataDir = '', seed = '1', atCheckpoint] = process.argv.slice(2);
const chance = new SeededChance(Number(seed));
const say = (line: string): void => {
  const bytes = Buffer.from(`${line}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // The pipe is full: whoever reads it is busy.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
};
const below = (n: number) => Math.floor(chance.random() * n);

const store = await openStore({
  dataDir,
  clock: {
    now: Date.now,
    monotonic: () => performance.now(),
    after(ms, run) {
      // Faster than life, so that checkpoints and removals are hit too.
      const timer = setTimeout(run, ms / 20);
      return () => clearTimeout(timer);
    },
  },
  box: openSecretBox({ dataDir, key: null }),
  report: (incident) => say(`incident ${incident.kind} ${incident.message}`),
  deadLettersMaxBytes: 1e6,
});
const connection = await store.openConnection('a', { maxBytes: 8 * 1024 * 1024 });
say(`open ${connection.verify()} ${connection.lastSeq}`);

const waiting: number[] = [];
connection.forEachUnsettled((seq) => waiting.push(seq));
let _leftOut = connection.ledger().expired.journalFull ?? 0;
let state = Number(connection.getState('n') ?? 0);
say(`state ${state}`);
let next = 0;

/** From now on: the checkpoint of the start is over. */
function killAtCheckpoint(when: string): void {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  // A thread of its own: this one is inside of SQLite then.
  const script = `const { workerData } = require('node:worker_threads');
    Atomics.wait(workerData, 0, 0);
    process.kill(process.pid, 'SIGKILL');`;
  new Worker(script, { eval: true, workerData: flag });
  const kill = () => process.kill(process.pid, 'SIGKILL');
  const exec = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
    const isCheckpoint = sql.startsWith('PRAGMA wal_checkpoint');
    if (isCheckpoint) {
      say(`checkpoint ${when}`);
      if (when === 'before') kill();
      Atomics.store(flag, 0, 1);
      if (when === 'in') Atomics.notify(flag, 0);
    }
    exec.call(this, sql);
    if (isCheckpoint && when === 'after') kill();
    // Should the checkpoint be faster: nothing comes after it.
    if (isCheckpoint) Atomics.wait(flag, 0, 1);
  };
}
if (atCheckpoint !== undefined) killAtCheckpoint(atCheckpoint);

function appendSome(): void {
  const list: JournalEntry[] = Array.from({ length: 1 + below(60) }, () => {
    const id = `${seed}-${next++}`;
    return {
      topic: `t/${id}`,
      payload: Buffer.alloc(1 + below(2000), id),
      arrivedAt: next,
      retain: false,
      device: null,
    };
  });
  const first = connection.append(list, (error) => {
    if (error) return say(`error ${error.message}`);
    say(`took ${first} ${list.map((one) => one.topic.slice(2)).join(' ')}`);
    for (let i = 0; i < list.length; i++) waiting.push(first + i);
  });
}

function settleSome(): void {
  const settlements: Settlement[] = [];
  // Mostly the oldest, sometimes any, and some stay for long.
  for (let n = below(400); n > 0 && waiting.length > 200; n--) {
    const at = below(10) === 0 ? below(waiting.length) : below(3);
    const [seq] = waiting.splice(at, 1);
    const outcome: Settlement['outcome'] =
      below(20) === 0 ? { kind: 'deadLettered', reason: 'refused', detail: { message: 'no' } } : { kind: 'delivered' };
    settlements.push({ seq: seq!, outcome });
  }
  if (settlements.length === 0) return;
  const seqs = settlements.map((one) => one.seq).join(' ');
  say(`settling ${seqs}`);
  connection.settle(settlements);
  say(`settled ${seqs}`);
}

for (;;) {
  for (let n = below(4); n > 0; n--) appendSome();
  settleSome();
  if (below(30) === 0) {
    connection.countLeftOut(2);
    _leftOut += 2;
  }
  if (below(20) === 0) {
    connection.setState('n', String(++state));
    say(`state ${state}`);
  }
  if (below(10) === 0) await connection.read(waiting[0] ?? 1, 50, 100_000);
  await new Promise((resolve) => setImmediate(resolve));
}
