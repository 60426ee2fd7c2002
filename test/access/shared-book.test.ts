// The book on the topic: several processes agree, strangers on the broker cannot change it, and a lost topic loses nobody.
import { expect, test } from 'vitest';
import { type Book, EMPTY_BOOK, putUser, type StoredUser } from '../../src/access/book.ts';
import { until } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { box, MemoryFile, openBook, randomKey, startBroker, TOPIC } from './support.ts';

function user(name: string): StoredUser {
  return { name, role: 'admin', password: 'hash', epoch: 'e', createdAt: '', changedAt: '' };
}

function next(book: Book, name: string): Book {
  return { ...putUser(book, user(name)), revision: book.revision + 1, id: name };
}

const names = (book: Book): string[] => book.users.map(({ name }) => name);

test('a change made through one process is in force in the other, and after a restart of both', async () => {
  const broker = await startBroker();
  const [a, b] = [await openBook(broker), await openBook(broker)];
  expect(await a.shared.write(next(a.shared.book, 'anna'))).toEqual({ kind: 'ok' });
  await until('the other has heard', () => b.shared.book.revision === 1);
  expect(await b.shared.write(next(b.shared.book, 'bert'))).toEqual({ kind: 'ok' });
  await until('the first has heard', () => a.shared.book.revision === 2);
  expect(names(a.shared.book)).toEqual(['anna', 'bert']);
  const later = await openBook(broker);
  expect(names(later.shared.book)).toEqual(['anna', 'bert']);
});

test('of two changes made of one book one holds everywhere, and the other is told to do it again', async () => {
  const broker = await startBroker();
  const [a, b] = [await openBook(broker), await openBook(broker)];
  const written = await Promise.all([
    a.shared.write(next(EMPTY_BOOK, 'anna')),
    b.shared.write(next(EMPTY_BOOK, 'bert')),
  ]);
  expect(written.map(({ kind }) => kind).sort()).toEqual(['conflict', 'ok']);
  const winner = written[0]?.kind === 'ok' ? 'anna' : 'bert';
  expect([names(a.shared.book), names(b.shared.book)]).toEqual([[winner], [winner]]);
  await until('the topic holds the winner', async () => names((await openBook(broker)).shared.book)[0] === winner);
});

test('what strangers publish changes nothing: no plain book, no old book, no deletion', async () => {
  const broker = await startBroker();
  const a = await openBook(broker);
  await a.shared.write(next(a.shared.book, 'anna'));
  const old = a.file.text as string;
  await a.shared.write(next(a.shared.book, 'bert'));
  const stranger = await BrokerClient.connect(broker.url);
  const plain = JSON.stringify({ form: 1, ...next(a.shared.book, 'mallory') });
  for (const [n, attack] of [plain, old.trim(), '', 'x'.repeat(10_000)].entries()) {
    await stranger.publish(TOPIC, attack, { retain: true });
    await until(`attack ${n} was answered`, () => a.troubles.filter(({ kind }) => kind === 'putBack').length > n);
    expect(names(a.shared.book)).toEqual(['anna', 'bert']);
  }
  await stranger.publish(TOPIC, '', { retain: true });
  await until('it is on the topic again', async () => names((await openBook(broker)).shared.book).length === 2);
});

test('a broker that has lost everything is given the book again, and an older topic is not believed at a start', async () => {
  const first = await startBroker();
  const file = new MemoryFile();
  const a = await openBook(first, { file });
  await a.shared.write(next(a.shared.book, 'anna'));
  const old = file.text as string;
  await a.shared.write(next(a.shared.book, 'bert'));
  const second = await startBroker();
  const publisher = await BrokerClient.connect(second.url);
  await publisher.publish(TOPIC, old.trim(), { retain: true });
  const again = await openBook(second, { file });
  expect(names(again.shared.book)).toEqual(['anna', 'bert']);
  await until('the topic has it', async () => names((await openBook(second)).shared.book).length === 2);
});

test('with another key the book is locked, which is told with both key ids, and nothing is written over it', async () => {
  const broker = await startBroker();
  const a = await openBook(broker);
  await a.shared.write(next(a.shared.book, 'anna'));
  const key = randomKey();
  const other = await openBook(broker, { box: box(key) });
  expect(other.shared.isLocked).toBe(true);
  expect(other.shared.book.users).toEqual([]);
  const [trouble] = other.troubles;
  expect(trouble?.message).toMatch(
    /was encrypted with key [0-9a-f]{8}, this bridge has [0-9a-f]{8}.*secrets\.formerKeys/,
  );
  expect(await other.shared.write(next(EMPTY_BOOK, 'mallory'))).toMatchObject({ kind: 'unavailable' });
  // Given the key it can read, it goes on by itself at the next start.
  const mended = await openBook(broker, { box: box(key, ['11'.repeat(32)]) });
  expect(names(mended.shared.book)).toEqual(['anna']);
});

test('without the broker a change is refused and nothing is half-done', async () => {
  const broker = await startBroker();
  const a = await openBook(broker);
  await a.shared.write(next(a.shared.book, 'anna'));
  await a.publisher.stop();
  expect(await a.shared.write(next(a.shared.book, 'bert'))).toMatchObject({ kind: 'unavailable' });
  expect(names(a.shared.book)).toEqual(['anna']);
});

test('a sealed record that cannot be opened locks nobody out of a bridge that has read the topic, with users or without', async () => {
  const broker = await startBroker();
  const a = await openBook(broker);
  const stranger = await BrokerClient.connect(broker.url);
  const foreign = box(randomKey()).encrypt('{}', 'access book');
  for (const [n, garbage] of ['enc:v1:garbage', foreign, box().encrypt('{}', 'another place')].entries()) {
    await stranger.publish(TOPIC, garbage, { retain: true });
    await until('it was told', () => a.troubles.filter(({ kind }) => kind === 'unreadable').length > n);
    expect(a.shared.isLocked).toBe(false);
  }
  expect(await a.shared.write(next(a.shared.book, 'anna'))).toEqual({ kind: 'ok' });
  await stranger.publish(TOPIC, 'enc:v1:garbage', { retain: true });
  await until('it was told again', () => a.troubles.filter(({ kind }) => kind === 'unreadable').length > 3);
  expect([a.shared.isLocked, names(a.shared.book)]).toEqual([false, ['anna']]);
  // One that starts with nothing of its own cannot know that there are no users: it lets nobody in.
  expect((await openBook(broker)).shared.isLocked).toBe(true);
});
