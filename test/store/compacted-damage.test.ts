// Damaged bytes in a compacted journal file, whose numbers have gaps, lose no more than what was in them.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { append, DELIVERED, entries, entry, passTime, readAll, TestStore } from './support.ts';

const BUDGET = 1024 * 1024;

/** Compacts the files of small messages, and damages the header of the `nth` record of the first one. */
async function withDamagedHeader(s: TestStore, nth: number, harm: (dataDir: string) => void = () => {}) {
  const before = await s.connection('a', BUDGET);
  const stuck: number[] = [];
  for (let round = 0; round < 30; round++) {
    const first = await append(before, entries(before.lastSeq + 1, 100, 300));
    stuck.push(first);
    before.settle(Array.from({ length: 99 }, (_, i) => ({ seq: first + 1 + i, outcome: DELIVERED })));
  }
  await passTime(s.clock, () => before.bytes < BUDGET / 4);
  const file = s.segments()[0]!;
  const end = Number(s.segments()[1]!.slice(0, 16));
  const inFile = stuck.filter((seq) => seq < end);
  expect(inFile.length).toBeGreaterThan(2);
  const lost = inFile.at(nth)!;
  const a = await s.kill((dataDir) => {
    const name = path.join(dataDir, 'journals', 'a', file);
    const bytes = fs.readFileSync(name);
    bytes[bytes.indexOf(entry(lost).topic) - 48 + 13]! ^= 1;
    fs.writeFileSync(name, bytes);
    harm(dataDir);
  });
  return { a, lost, stuck, inFile };
}

test.for([{ nth: 0 }, { nth: 1 }, { nth: -1 }])(
  'a damaged record header in a compacted file loses that record only (the one at $nth)',
  async ({ nth }) => {
    await using s = await TestStore.open();
    const { a, lost, stuck } = await withDamagedHeader(s, nth);
    expect((await readAll(a)).map(({ seq }) => seq)).toEqual(stuck.filter((seq) => seq !== lost));
    expect(a.ledger()).toMatchObject({
      received: 3000,
      pending: 29,
      delivered: 2970,
      deadLettered: { storeDamaged: 1 },
    });
    expect(a.deadLetters(10).map(({ seq }) => seq)).toEqual([lost]);
    expect(a.verify()).toBe(0);
  },
);

test.for([{ nth: 1 }, { nth: -1 }])(
  'without its database besides, no more of a compacted file counts as lost than the damage had room for (at $nth)',
  async ({ nth }) => {
    await using s = await TestStore.open();
    const { a, lost, inFile } = await withDamagedHeader(s, nth, (dataDir) => {
      for (const name of fs.readdirSync(dataDir)) if (name.startsWith('bridge.db')) fs.rmSync(path.join(dataDir, name));
    });
    const seqs = (await readAll(a)).map(({ seq }) => seq);
    expect(seqs).toEqual(expect.arrayContaining(inFile.filter((seq) => seq !== lost)));
    expect(seqs).not.toContain(lost);
    expect(a.ledger().deadLettered.storeDamaged).toBeGreaterThan(0);
    expect(a.ledger().deadLettered.storeDamaged).toBeLessThan(10);
    expect(a.verify()).toBe(0);
  },
);
