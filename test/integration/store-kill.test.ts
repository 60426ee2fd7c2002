import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { imbalance, sumReasons } from '../../src/domain/ledger.ts';
import { readAll, TestStore, temporaryFolder } from '../store/support.ts';

const KILLS = Number(process.env.STORE_KILLS ?? 20);
const CHILD = path.resolve(import.meta.dirname, '../store/kill-child.ts');

interface Account {
  /** Sequence number → the message that was acknowledged under it. */
  readonly taken: Map<number, string>;
  readonly settled: Set<number>;
  /** Handed to `settle`; without an answer when the kill came between, and then either is right. */
  readonly asked: Set<number>;
  state: number;
  /** Checkpoints that a kill was aimed at. */
  checkpoints: number;
  readonly strange: string[];
}

type Aim = 'before' | 'in' | 'after';

const newAccount = (): Account => ({
  ...{ taken: new Map(), settled: new Set(), asked: new Set(), state: 0, checkpoints: 0, strange: [] },
});

/** `aim`: not after so many answers, but at the next checkpoint, and the child does it by itself. */
async function runAndKill(dataDir: string, seed: number, account: Account, aim: Aim | null = null): Promise<void> {
  const args = [CHILD, dataDir, String(seed), ...(aim === null ? [] : [aim])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const ended = new Promise<string>((resolve) => {
    child.on('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  let lines = 0;
  // By the number of answers, not by time: the kill hits work on slow machines too.
  const killAfter = 5 + ((seed * 7919) % 400);
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, ...rest] = line.split(' ');
    if (word === 'took') {
      const first = Number(rest.shift());
      for (const [i, id] of rest.entries()) account.taken.set(first + i, id);
    } else if (word === 'settling') for (const seq of rest) account.asked.add(Number(seq));
    else if (word === 'settled') for (const seq of rest) account.settled.add(Number(seq));
    else if (word === 'open') {
      if (rest[0] !== '0') account.strange.push(line);
      for (const seq of account.taken.keys())
        if (seq > Number(rest[1])) account.strange.push(`${seq} is gone: ${line}`);
    } else if (word === 'state') {
      if (Number(rest[0]) < account.state) account.strange.push(line);
      account.state = Number(rest[0]);
    } else if (word === 'checkpoint') account.checkpoints += 1;
    else if (word !== 'incident' || !/tornTail|deadLettersDropped|deadLettersNearlyFull/.test(line))
      account.strange.push(line);
    lines += 1;
    if (aim === null && lines === killAfter) child.kill('SIGKILL');
  }
  const end = await ended;
  if (end !== 'SIGKILL') throw new Error(`the child ended by itself (${end}): ${errors}`);
}

test(`after ${KILLS} kills under load all that was acknowledged is there or settled, and the ledger balances`, async () => {
  const dataDir = path.join(temporaryFolder(), 'data');
  const account = newAccount();
  for (let seed = 1; seed <= KILLS; seed++) await runAndKill(dataDir, seed, account);
  await expectAllOfIt(dataDir, account);
  expect(account.taken.size).toBeGreaterThan(KILLS * 50);
}, 180_000);

test('after kills right before, in and right after a checkpoint of the database it is all there too', async () => {
  const dataDir = path.join(temporaryFolder(), 'data');
  const account = newAccount();
  const aims: readonly Aim[] = ['before', 'in', 'after', 'in', 'in', 'in'];
  for (const [i, aim] of aims.entries()) await runAndKill(dataDir, i + 1, account, aim);
  await expectAllOfIt(dataDir, account);
  expect(account.checkpoints).toBe(aims.length);
}, 180_000);

async function expectAllOfIt(dataDir: string, account: Account): Promise<void> {
  expect(account.strange).toEqual([]);
  await using s = await TestStore.open({ dataDir, deadLettersMaxBytes: 1e6 });
  const a = await s.connection('a', 8 * 1024 * 1024);
  expect(a.verify()).toBe(0);
  const ledger = a.ledger();
  expect(imbalance(ledger)).toBe(0);
  expect(ledger.received).toBe(a.lastSeq);
  const present = new Map((await readAll(a)).map((record) => [record.seq, record]));
  expect(present.size).toBe(ledger.pending);
  const missing: number[] = [];
  for (const [seq, id] of account.taken) {
    const record = present.get(seq);
    if (record) {
      const payload = Buffer.alloc(record.payload.length, id);
      if (record.topic !== `t/${id}` || !record.payload.equals(payload)) missing.push(seq);
      if (account.settled.has(seq)) account.strange.push(`${seq} was settled and is back`);
    } else if (!account.asked.has(seq)) missing.push(seq);
  }
  expect(missing).toEqual([]);
  expect(account.strange).toEqual([]);
  const counted = ledger.delivered + sumReasons(ledger.deadLettered);
  expect(counted).toBeGreaterThanOrEqual(account.settled.size);
  expect(counted).toBeLessThanOrEqual(account.asked.size);
  expect(ledger.deadLettered.storeDamaged).toBeUndefined();
}
