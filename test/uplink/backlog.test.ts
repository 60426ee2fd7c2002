// What waits in the journal alone: read back in the journal's order, per device before anything newer of it.
import { expect, test } from 'vitest';
import type { ConnectionStore, JournalRecord } from '../../src/domain/ports/store.ts';
import { Backlog } from '../../src/uplink/backlog.ts';

/** A journal of unsettled messages; reading answers when `answer` is called, with what there was when it was asked. */
class ModelJournal {
  readonly #records: JournalRecord[] = [];
  readonly #asked: (() => void)[] = [];

  get lastSeq(): number {
    return this.#records.length;
  }

  append(device: string): number {
    const seq = this.#records.length + 1;
    const payload = Buffer.from('{}');
    this.#records.push({ seq, device, topic: 't', payload, arrivedAt: 0, retain: false });
    return seq;
  }

  forEachUnsettled(visit: (seq: number, device: string | null, arrivedAt: number) => void): void {
    for (const { seq, device } of this.#records) visit(seq, device, 0);
  }

  read(fromSeq: number, maxRecords: number): Promise<readonly JournalRecord[]> {
    const found = this.#records.filter(({ seq }) => seq >= fromSeq).slice(0, maxRecords);
    return new Promise((resolve) => this.#asked.push(() => resolve(found)));
  }

  answer(): void {
    this.#asked.shift()?.();
  }
}

test('a hold that ends while newer messages of the device are being read does not let them overtake', async () => {
  const journal = new ModelJournal();
  const backlog = new Backlog(journal as unknown as ConnectionStore, { maxBytes: 1e6, maxItems: 1000 });
  backlog.hold('A');
  // More of it than one turn of reading: the second turn is under way when the hold ends.
  for (let n = 0; n < 501; n++) backlog.leave(journal.append('A'), 'A');
  const read = async (): Promise<readonly number[]> => {
    const reading = backlog.read();
    journal.answer();
    return (await reading).map(({ seq }) => seq);
  };
  expect(await read()).toEqual([]);
  const under = backlog.read();
  backlog.unhold(['A']);
  journal.answer();
  const loaded = [...(await under).map(({ seq }) => seq), ...(await read()), ...(await read())];
  expect(loaded).toEqual(Array.from({ length: 501 }, (_, index) => index + 1));
  expect(backlog.unread).toBe(0);
});

test('what is settled while it is being read is not sent again', async () => {
  const journal = new ModelJournal();
  const backlog = new Backlog(journal as unknown as ConnectionStore, { maxBytes: 1e6, maxItems: 1000 });
  const inMemory = journal.append('A');
  expect(backlog.admit(inMemory, 'A', 0, 0, false)).toBe(true);
  const left = journal.append('B');
  backlog.leave(left, 'B');
  backlog.scan();
  // The hold of an older message made reading go back before what is in memory.
  backlog.leave(inMemory, null);
  const reading = backlog.read();
  backlog.settled(inMemory);
  journal.answer();
  expect((await reading).map(({ seq }) => seq)).toEqual([left]);
});
