// What is handed over of a directory, when it is held again and again, and when its ledgers cannot be said at once.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Adoption } from '../../src/bridge/adoption.ts';
import { HandOver, type HandOverOptions } from '../../src/connections/hand-over.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { Whereabouts } from '../../src/domain/ports/cluster.ts';
import type { BridgeStore } from '../../src/domain/ports/store.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { openStore } from '../../src/store/store.ts';
import { append, entries, passTime, temporaryFolder } from '../store/support.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MAX = { maxBytes: 1e9 };
const ELSEWHERE: Whereabouts = { kind: 'elsewhere', worker: 'w-other', address: 'http://other' };

/** True once so much of its time has passed. */
function after(clock: ManualClock, ms: number): () => boolean {
  const end = clock.monotonic() + ms;
  return () => clock.monotonic() >= end;
}

/** A worker with a directory of its own beside that of another, `w-0`. */
class Survivor {
  readonly clock = new ManualClock();
  readonly root = temporaryFolder();
  readonly gone = path.join(this.root, 'w-0');
  readonly told: NewEvent[] = [];
  readonly #box = openSecretBox({ dataDir: temporaryFolder(), key: null });

  async open(dataDir: string): Promise<BridgeStore> {
    const { clock } = this;
    const store = await openStore({
      ...{ dataDir, clock, box: this.#box, report: () => {}, deadLettersMaxBytes: 1e6, deadLettersMaxAgeMs: 1e9 },
    });
    onTestFinished(() => store.close());
    return store;
  }

  /** The other worker starts, journals `count` uplinks of a connection, and is killed. */
  async otherLives(start: number, count: number): Promise<void> {
    mkdirSync(this.gone, { recursive: true });
    writeFileSync(path.join(this.gone, 'used-by.json'), JSON.stringify({ start }));
    const store = await this.open(this.gone);
    await append(await store.openConnection('a', MAX), entries(1, count));
    await store.close();
  }

  handOver(options: Partial<HandOverOptions> & Pick<HandOverOptions, 'directories'>): HandOver {
    const handOver = new HandOver({
      whereIs: () => ELSEWHERE,
      takeHere: async () => {},
      sendTo: async () => {},
      takeLettersHere: () => null,
      sendLettersTo: async () => null,
      onLedger: async () => {},
      journalMaxBytes: 1e9,
      events: { emit: () => {} },
      clock: this.clock,
      ...options,
    });
    onTestFinished(() => handOver.stop());
    return handOver;
  }

  async adoption(): Promise<Adoption> {
    const directory = path.join(this.root, 'w-9');
    const own = { directory, id: 'w-me', store: await this.open(directory), isOwn: true };
    const open = (each: string): Promise<BridgeStore> => this.open(each);
    const events = { emit: (event: NewEvent) => void this.told.push(event) };
    const adoption = new Adoption({ dataDir: this.root, own, open, events });
    onTestFinished(() => adoption.stop());
    return adoption;
  }
}

test('a worker that comes back and is killed again is handed over again by the one that did so before', async () => {
  const survivor = new Survivor();
  const adoption = await survivor.adoption();
  let sent = 0;
  const handOver = survivor.handOver({
    directories: () => adoption.held(),
    sendTo: async (_address, _id, uplinks) => {
      sent += uplinks.length;
    },
  });
  handOver.start();
  for (const [start, count] of [10, 7].entries()) {
    sent = 0;
    await survivor.otherLives(start, count);
    await adoption.look(handOver);
    expect(adoption.held()).toHaveLength(2);
    expect(survivor.told.map(({ kind }) => kind)).toEqual(Array(start + 1).fill('journalAdopted'));
    // Seen to before anything was looked through, it must not be let go of.
    await adoption.look(handOver);
    await passTime(survivor.clock, () => sent === count);
    for (let look = 0; look < 5 && adoption.held().length > 1; look++) {
      await passTime(survivor.clock, after(survivor.clock, 2000));
      await adoption.look(handOver);
    }
    expect(adoption.held()).toHaveLength(1);
  }
});

test('a ledger that could not be said is said again, and its directory is held until then', async () => {
  const survivor = new Survivor();
  await survivor.otherLives(1, 10);
  const adoption = await survivor.adoption();
  const said: (number | undefined)[] = [];
  let isAway = true;
  let tries = 0;
  const handOver = survivor.handOver({
    directories: () => adoption.held(),
    onLedger: async (_directory, _id, ledger) => {
      tries += 1;
      if (isAway) throw new Error('Kafka did not acknowledge the record');
      said.push(ledger?.pending);
    },
  });
  await adoption.look(handOver);
  handOver.start();
  await passTime(survivor.clock, () => tries >= 4);
  await adoption.look(handOver);
  expect(adoption.held()).toHaveLength(2);
  isAway = false;
  await passTime(survivor.clock, () => said.length > 0);
  expect(said.at(-1)).toBe(0);
  await adoption.look(handOver);
  expect(adoption.held()).toHaveLength(1);
});

test('the latest ledger is said when an earlier one is still on its way', async () => {
  const survivor = new Survivor();
  await survivor.otherLives(1, 10);
  const adoption = await survivor.adoption();
  const first = Promise.withResolvers<void>();
  const said: Ledger['pending'][] = [];
  let isTaken = false;
  const handOver = survivor.handOver({
    directories: () => adoption.held(),
    sendTo: async () => {
      if (!isTaken) throw new Error('503');
    },
    onLedger: (_directory, _id, ledger) => {
      said.push(ledger?.pending ?? -1);
      return said.length === 1 ? first.promise : Promise.resolve();
    },
  });
  await adoption.look(handOver);
  handOver.start();
  await passTime(survivor.clock, () => said.length === 1);
  isTaken = true;
  await passTime(survivor.clock, after(survivor.clock, 5000));
  expect(said).toEqual([10]);
  first.resolve();
  await passTime(survivor.clock, () => said.length === 2);
  expect(said).toEqual([10, 0]);
});

test('what a connection journalled while it was served here for a moment is handed over too', async () => {
  const survivor = new Survivor();
  const store = await survivor.open(path.join(survivor.root, 'w-9'));
  const journal = async (count: number): Promise<void> => {
    const connection = await store.openConnection('a', MAX);
    await append(connection, entries(1, count));
    await connection.close();
  };
  await journal(3);
  let sent = 0;
  const handOver = survivor.handOver({
    directories: () => [{ id: 'w-me', store, isOwn: true }],
    sendTo: async (_address, _id, uplinks) => {
      sent += uplinks.length;
    },
  });
  handOver.start();
  await passTime(survivor.clock, () => sent === 3);
  await passTime(survivor.clock, () => handOver.isDrained({ id: 'w-me', store, isOwn: true }));
  // Between two looks it comes and goes.
  await handOver.letGo(['a']);
  await journal(4);
  await passTime(survivor.clock, () => sent === 7);
});

test('a directory that cannot be read is told of once, and looked through again', async () => {
  const survivor = new Survivor();
  const store = await survivor.open(path.join(survivor.root, 'w-9'));
  const connection = await store.openConnection('a', MAX);
  await append(connection, entries(1, 3));
  await connection.close();
  const closed = await survivor.open(path.join(survivor.root, 'w-8'));
  await closed.close();
  const told: string[] = [];
  let sent = 0;
  let isReadable = false;
  let looks = 0;
  const handOver = survivor.handOver({
    directories: () => {
      looks += 1;
      return [{ id: 'w-me', store: isReadable ? store : closed, isOwn: true }];
    },
    sendTo: async (_address, _id, uplinks) => {
      sent += uplinks.length;
    },
    events: { emit: ({ kind }) => told.push(kind) },
  });
  handOver.start();
  await passTime(survivor.clock, () => looks > 10);
  expect(told).toEqual(['diskFailed']);
  isReadable = true;
  await passTime(survivor.clock, () => sent === 3);
});

test('a damaged uplink is not handed over: it is a dead letter here, and the others go', async () => {
  const survivor = new Survivor();
  const folder = path.join(survivor.root, 'w-9');
  const store = await survivor.open(folder);
  const connection = await store.openConnection('a', MAX);
  for (const each of entries(1, 3)) await append(connection, [each]);
  await connection.close();
  const journal = path.join(folder, 'journals', 'a');
  const file = path.join(journal, readdirSync(journal)[0] as string);
  const bytes = readFileSync(file);
  const at = bytes.indexOf('payload 2');
  bytes[at] = (bytes[at] as number) ^ 0xff;
  writeFileSync(file, bytes);
  const sent: number[] = [];
  const letters: string[] = [];
  const handOver = survivor.handOver({
    directories: () => [{ id: 'w-me', store, isOwn: true }],
    sendTo: async (_address, _id, uplinks) => void sent.push(...uplinks.map(({ arrivedAt }) => arrivedAt % 10)),
    sendLettersTo: async (_address, _id, given) => {
      letters.push(...given.map(({ reason }) => reason));
      return null;
    },
  });
  handOver.start();
  await passTime(survivor.clock, () => letters.length > 0);
  expect(sent).toEqual([1, 3]);
  expect(letters).toEqual(['storeDamaged']);
});

test.each([
  ['its own directory', true, ['a']],
  ['that of a worker that is gone', false, []],
])(
  'what a deletion has left behind in %s does not go to the next connection of that name',
  async (_where, isOwn, left) => {
    const survivor = new Survivor();
    await survivor.otherLives(1, 10);
    const store = await survivor.open(survivor.gone);
    store.setState('a', 'deleting', '1');
    let sent = 0;
    const handOver = survivor.handOver({
      directories: () => [{ id: 'w-0', store, isOwn }],
      sendTo: async (_address, _id, uplinks) => {
        sent += uplinks.length;
      },
    });
    handOver.start();
    await passTime(survivor.clock, after(survivor.clock, 5000));
    await handOver.stop();
    expect(sent).toBe(0);
    expect(store.connectionIds()).toEqual(left);
  },
);
