// The headers that a message came with: in the journal beside its topic, and in its dead letter.
import { expect, test } from 'vitest';
import type { DeadLetter, ReplayLetter } from '../../src/domain/ports/store.ts';
import type { JournalledConnection } from '../../src/store/connection-store.ts';
import { append, entry, REFUSED, readAll, TestStore } from './support.ts';

function replay(connection: JournalledConnection, letters: readonly ReplayLetter[]): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.replay(letters, (error, first) => (error ? reject(error) : resolve(first)));
  });
}

test('the headers that a message came with are in its dead letter, and in the one after a replay and an import', async () => {
  await using s = await TestStore.open();
  let a = await s.connection();
  const kept = {
    headers: [
      { name: 'traceparent', value: '00-ab-cd-01' },
      { name: 'bytes', valueBase64: '/wA=' },
      { name: 'none', value: null },
    ],
  };
  const headers = JSON.stringify(kept);
  // With a place, as Kafka's have; without; and without any headers.
  await append(a, [{ ...entry(1), partition: 3, offset: 17, headers }, { ...entry(2), headers }, entry(3)]);
  a = await s.kill();
  expect(
    (await readAll(a)).map(({ topic, partition, offset, headers: text }) => [topic, partition, offset, text]),
  ).toEqual([
    [entry(1).topic, 3, 17, headers],
    [entry(2).topic, undefined, undefined, headers],
    [entry(3).topic, undefined, undefined, undefined],
  ]);
  a.settle([1, 2, 3].map((seq) => ({ seq, outcome: REFUSED })));
  const letters = s.store.deadLetters('a')?.page({ filter: {}, order: 'oldest', limit: 3, maxBytes: 1e6 })
    .letters as readonly DeadLetter[];
  expect(letters.map(({ topic, detail }) => [topic, detail.headers])).toEqual([
    [entry(1).topic, kept.headers],
    [entry(2).topic, kept.headers],
    [entry(3).topic, undefined],
  ]);
  await replay(a, letters.slice(0, 1));
  a = await s.kill();
  a.settle([{ seq: 4, outcome: REFUSED }]);
  const [again] = a.deadLetters(1);
  expect(again).toMatchObject({ seq: 4, topic: entry(1).topic, detail: kept });
  const b = await s.connection('b');
  const { id: _id, editedAt: _editedAt, original: _original, ...letter } = again as DeadLetter;
  expect(b.importDeadLetters([letter])).toMatchObject({ kind: 'ok', imported: 1 });
  expect(b.deadLetters(1)[0]?.detail).toMatchObject(kept);
});
