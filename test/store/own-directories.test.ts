// Which data directory a worker among several takes, and what becomes of what waits in those of workers that are gone.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Adoption } from '../../src/bridge/adoption.ts';
import { openOwnDirectory } from '../../src/bridge/directories.ts';
import { HandOver } from '../../src/connections/hand-over.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { imbalance } from '../../src/domain/ledger.ts';
import type { HandedUplink, Whereabouts } from '../../src/domain/ports/cluster.ts';
import type { BridgeStore, DeadLetter } from '../../src/domain/ports/store.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { openStore } from '../../src/store/store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { append, entries, passTime, REFUSED, temporaryFolder } from './support.ts';

const MAX = { maxBytes: 1e9 };
const NO_LETTERS = { takeLettersHere: () => null, sendLettersTo: async () => null };

function opener(clock = new ManualClock()): (directory: string) => Promise<BridgeStore> {
  const box = openSecretBox({ dataDir: temporaryFolder(), key: null });
  return async (dataDir) => {
    const store = await openStore({
      ...{ dataDir, clock, box, report: () => {}, deadLettersMaxBytes: 1e6, deadLettersMaxAgeMs: 1e9 },
    });
    onTestFinished(() => store.close());
    return store;
  };
}

test('each worker takes the first directory that nobody has', async () => {
  const root = temporaryFolder();
  const open = opener();
  const first = await openOwnDirectory(root, open);
  const second = await openOwnDirectory(root, open);
  expect([first, second].map(({ directory }) => path.relative(root, directory))).toEqual(['w-0', 'w-1']);
  await first.store.close();
  expect(path.relative(root, (await openOwnDirectory(root, open)).directory)).toBe('w-0');
  expect(path.relative(root, (await openOwnDirectory(root, open)).directory)).toBe('w-2');
});

test('the first of several goes on with the directory of the time when it was alone, as it is', async () => {
  const root = path.join(temporaryFolder(), 'data');
  mkdirSync(root);
  const open = opener();
  const alone = await open(root);
  const connection = await alone.openConnection('a', MAX);
  await append(connection, entries(1, 3));
  await alone.close();
  const first = await openOwnDirectory(root, open);
  expect(first.directory).toBe(root);
  expect((await first.store.openConnection('a', MAX)).ledger()).toMatchObject({ received: 3, pending: 3 });
  expect(path.relative(root, (await openOwnDirectory(root, open)).directory)).toBe('w-0');
});

for (const [how, isThere, harm] of [
  [
    'is gone',
    true,
    (root: string) => {
      for (const name of readdirSync(root)) if (name.startsWith('bridge.db')) rmSync(path.join(root, name));
    },
  ],
  [
    'was set aside when a kill came, with no journal beside it',
    true,
    (root: string) => {
      renameSync(path.join(root, 'bridge.db'), path.join(root, 'bridge.db.corrupt-now'));
      rmSync(path.join(root, 'journals'), { recursive: true });
    },
  ],
  [
    'is not in place yet, as a restore that was interrupted leaves it',
    false,
    (root: string) => {
      mkdirSync(path.join(root, 'restoring'));
      renameSync(path.join(root, 'bridge.db'), path.join(root, 'restoring', 'bridge.db'));
    },
  ],
] as const) {
  test(`a directory of the time when a worker was alone whose database ${how} is ${isThere ? 'one' : 'none'}`, async () => {
    const root = path.join(temporaryFolder(), 'data');
    mkdirSync(root);
    const open = opener();
    const alone = await open(root);
    await append(await alone.openConnection('a', MAX), entries(1, 3));
    await alone.close();
    const hasJournals = (): boolean => readdirSync(root).includes('journals');
    harm(root);
    const expected = hasJournals() ? 3 : 0;
    const first = await openOwnDirectory(root, open);
    expect(path.relative(root, first.directory)).toBe(isThere ? '' : 'w-0');
    if (!isThere) return;
    expect((await first.store.openConnection('a', MAX)).ledger()).toMatchObject({
      received: expected,
      pending: expected,
    });
  });
}

test('what waits in the directory of a worker that is gone goes to those who serve it; the sum of the ledgers stays', async () => {
  const root = temporaryFolder();
  const clock = new ManualClock();
  const open = opener(clock);
  const gone = await openOwnDirectory(root, open);
  for (const id of ['elsewhere', 'here', 'undefined', 'unserved']) {
    await append(await gone.store.openConnection(id, MAX), entries(1, 1200));
  }
  await gone.store.close();
  const own = { directory: path.join(root, 'w-9'), id: 'w-me', store: await open(path.join(root, 'w-9')), isOwn: true };
  const events: NewEvent[] = [];
  const sink = { emit: (event: NewEvent) => void events.push(event) };
  const adoption = new Adoption({ dataDir: root, own, open, events: sink });
  const sent: Record<string, HandedUplink[]> = { elsewhere: [], here: [] };
  let refusals = 1;
  const ledgers = new Map<string, number>();
  const whereIs = (id: string): Whereabouts | null => {
    if (id === 'elsewhere') return { kind: 'elsewhere', worker: 'w-other', address: 'http://other' };
    return id === 'here' ? { kind: 'here' } : id === 'unserved' ? { kind: 'missing', worker: null } : null;
  };
  const handOver = new HandOver({
    directories: () => adoption.held(),
    whereIs,
    takeHere: async (id, uplinks) => void sent[id]?.push(...uplinks),
    sendTo: async (_address, id, uplinks) => {
      if (refusals-- > 0) throw new Error('503');
      sent[id]?.push(...uplinks);
    },
    ...NO_LETTERS,
    onLedger: async (_directory, id, ledger) =>
      void ledgers.set(id, ledger === null ? -1 : ledger.received * 10_000 + ledger.pending),
    journalMaxBytes: 1e9,
    events: sink,
    clock,
  });
  await adoption.look(handOver);
  onTestFinished(async () => {
    await handOver.stop();
    await adoption.stop();
  });
  expect(adoption.held()).toHaveLength(2);
  handOver.start();
  await passTime(clock, () => sent.elsewhere?.length === 1200 && sent.here?.length === 1200);
  expect(sent.elsewhere?.map(({ topic }) => topic)).toEqual(entries(1, 1200).map(({ topic }) => topic));
  await passTime(clock, () => ledgers.get('elsewhere') === 0 && ledgers.get('here') === 0);
  expect(ledgers.has('undefined')).toBe(false);
  // What nobody serves yet stays where it is, and so does the lock.
  await adoption.look(handOver);
  expect(adoption.held()).toHaveLength(2);
  expect(events.map(({ kind }) => kind)).toContain('uplinksHandedOver');
  // One that is deleted is kept nowhere, and its ledger goes.
  await handOver.forget('undefined');
  await passTime(clock, () => ledgers.get('undefined') === -1);
  expect(adoption.held()[1]?.store.connectionIds()).not.toContain('undefined');
});

test('a connection that comes back is let go of at once, also when its worker before does not answer', async () => {
  const clock = new ManualClock();
  const open = opener(clock);
  const store = await open(temporaryFolder());
  const connection = await store.openConnection('a', MAX);
  await append(connection, entries(1, 3));
  await connection.close();
  let asked = 0;
  const handOver = new HandOver({
    directories: () => [{ id: 'w-me', store, isOwn: true }],
    whereIs: () => ({ kind: 'elsewhere', worker: 'w-other', address: 'http://other' }),
    takeHere: async () => {},
    sendTo: (_address, _id, _uplinks, signal) => {
      asked += 1;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    ...NO_LETTERS,
    onLedger: async () => {},
    journalMaxBytes: 1e9,
    events: { emit: () => {} },
    clock,
  });
  onTestFinished(() => handOver.stop());
  handOver.start();
  await passTime(clock, () => asked === 1);
  await expect(store.openConnection('a', MAX)).rejects.toThrow('open already');
  await handOver.letGo(['a']);
  expect((await store.openConnection('a', MAX)).ledger()).toMatchObject({ received: 3, pending: 3 });
});

test('dead letters follow their connection: taken once, counted there, offered again after a minute where they are refused', async () => {
  const root = temporaryFolder();
  const clock = new ManualClock();
  const open = opener(clock);
  const gone = await openOwnDirectory(root, open);
  for (const id of ['elsewhere', 'here']) {
    const connection = await gone.store.openConnection(id, MAX);
    await append(connection, entries(1, 450));
    connection.settle(Array.from({ length: 450 }, (_, at) => ({ seq: at + 1, outcome: REFUSED })));
  }
  await gone.store.close();
  const owner = await open(path.join(temporaryFolder(), 'owner'));
  const there = {
    elsewhere: await owner.openConnection('elsewhere', MAX),
    here: await owner.openConnection('here', MAX),
  };
  const take = (id: string, letters: readonly DeadLetter[]): null => {
    there[id as 'here'].importDeadLetters(letters);
    return null;
  };
  const own = { directory: path.join(root, 'w-9'), id: 'w-me', store: await open(path.join(root, 'w-9')), isOwn: true };
  const events: NewEvent[] = [];
  const adoption = new Adoption({ dataDir: root, own, open, events: { emit: (event) => void events.push(event) } });
  const ledgers = new Map<string, { received: number; deadLettered: number; off: number }>();
  const offeredAt: number[] = [];
  const handOver = new HandOver({
    directories: () => adoption.held(),
    whereIs: (id) =>
      id === 'here' ? { kind: 'here' } : { kind: 'elsewhere', worker: 'w-other', address: 'http://other' },
    takeHere: async () => {},
    sendTo: async () => {},
    takeLettersHere: (id, letters) => take(id, letters),
    sendLettersTo: async (_address, id, letters) => {
      offeredAt.push(clock.monotonic());
      // Refused; taken, but the answer is lost; and so on.
      if (offeredAt.length === 1) return 'it does not run';
      take(id, letters);
      if (offeredAt.length === 2) throw new Error('no answer');
      return null;
    },
    onLedger: async (_directory, id, ledger) => {
      if (ledger === null) return;
      const deadLettered = ledger.deadLettered.refused ?? 0;
      ledgers.set(id, { received: ledger.received, deadLettered, off: imbalance(ledger) });
    },
    ...{ journalMaxBytes: 1e9, events: { emit: (event) => void events.push(event) }, clock },
  });
  await adoption.look(handOver);
  onTestFinished(async () => {
    await handOver.stop();
    await adoption.stop();
  });
  handOver.start();
  await passTime(clock, () => offeredAt.length > 0 && ledgers.get('here')?.deadLettered === 0);
  // The third may follow within the same step of time.
  await passTime(clock, () => offeredAt.length > 1);
  expect(offeredAt[1]! - offeredAt[0]!).toBeGreaterThan(50_000);
  await passTime(clock, () => ledgers.get('elsewhere')?.deadLettered === 0);
  for (const id of ['elsewhere', 'here'] as const) {
    expect(ledgers.get(id)).toEqual({ received: 0, deadLettered: 0, off: 0 });
    expect(there[id].ledger()).toMatchObject({ received: 450, deadLettered: { refused: 450 }, pending: 0 });
    expect([there[id].verify(), there[id].deadLetters(1000).length]).toEqual([0, 450]);
  }
  const told = events.map(({ message }) => message).join('\n');
  expect(told).toContain('cannot be handed over now: it does not run');
  expect(told).toContain('450 dead letters that');
  // Nothing is left: the directory is let go of.
  await adoption.look(handOver);
  expect(adoption.held()).toHaveLength(1);
});
