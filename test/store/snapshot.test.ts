// Copies of a store that is written to and settled all the while: each is a whole one.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openSecretBox } from '../../src/store/secrets.ts';
import { takeSnapshot } from '../../src/store/snapshot.ts';
import { openStore } from '../../src/store/store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { append, DELIVERED, entries, temporaryFolder } from './support.ts';

const MAX_BYTES = 1024 * 1024;
const ROUNDS = 12;

function optionsOf(dataDir: string, incidents: string[]) {
  const box = openSecretBox({ dataDir, key: 'a'.repeat(64) });
  const report = ({ kind }: { readonly kind: string }) => void incidents.push(kind);
  const budgets = {
    deadLettersMaxBytes: MAX_BYTES,
    deadLettersMaxAgeMs: 1e9,
    allJournalsMaxBytes: 1e12,
    allDeadLettersMaxBytes: 1e12,
  };
  return { dataDir, clock: new ManualClock(), box, report, ...budgets };
}

test('what was durable before is in the copy, settled or waiting, and its ledger balances', async () => {
  const dataDir = temporaryFolder();
  const incidents: string[] = [];
  const clock = new ManualClock();
  const store = await openStore({ ...optionsOf(dataDir, incidents), clock });
  const connection = await store.openConnection('a', { maxBytes: MAX_BYTES });
  let durable = 0;
  let settled = 0;
  let isOver = false;
  const writing = (async () => {
    for (let n = 1; !isOver; n += 50) {
      const first = await append(connection, entries(n, 50, 200));
      durable = first + 49;
      // Of every other two thousand a few stay, so that segments go, or are compacted, beside some that live.
      const done = Array.from({ length: 50 }, (_, i) => first + i).filter(
        (seq) => seq % 97 !== 0 || Math.floor(seq / 2000) % 2 === 1,
      );
      connection.settle(done.map((seq) => ({ seq, outcome: DELIVERED })));
      settled += done.length;
    }
  })();
  for (let round = 0; round < ROUNDS; round++) {
    const enough = durable + 1000;
    while (durable < enough) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(1000);
    const into = temporaryFolder();
    const before = { durable, settled };
    const { files, storeVersion } = await takeSnapshot(dataDir, into);
    expect(storeVersion).toBeGreaterThan(0);
    // Its segments are links to files that are still written to.
    const copy = temporaryFolder();
    for (const { name, bytes } of files) {
      fs.mkdirSync(path.dirname(path.join(copy, name)), { recursive: true });
      fs.writeFileSync(path.join(copy, name), fs.readFileSync(path.join(into, name)).subarray(0, bytes));
    }
    const told: string[] = [];
    const other = await openStore(optionsOf(copy, told));
    const found = await other.openConnection('a', { maxBytes: MAX_BYTES });
    expect(found.lastSeq).toBeGreaterThanOrEqual(before.durable);
    const ledger = found.ledger();
    expect(found.verify()).toBe(0);
    expect(ledger.deadLettered).toEqual({});
    expect(ledger.delivered).toBeGreaterThanOrEqual(before.settled);
    expect(ledger.delivered + ledger.pending).toBe(ledger.received);
    expect(told.filter((kind) => kind !== 'tornTail')).toEqual([]);
    await other.close();
  }
  isOver = true;
  await writing;
  expect(connection.verify()).toBe(0);
  expect(incidents).toEqual([]);
  await store.close();
});
