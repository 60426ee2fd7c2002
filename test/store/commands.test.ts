// Commands in the store: rows, ledger and riding versions commit together, survive a restart, and go with their connection.
import path from 'node:path';
import { expect, test } from 'vitest';
import { afterFact, type Command, commandImbalance, type NewCommand } from '../../src/domain/command.ts';
import type { CommandStore, ShadowChange } from '../../src/domain/ports/downlink.ts';
import { realDisk } from '../../src/store/disk.ts';
import { append, entries, REFUSED, TestStore, temporaryFolder } from './support.ts';

const PROJECT = 'here|app1';
const device = (n: number): string => `70B3D500${n.toString(16).padStart(8, '0').toUpperCase()}`;

function newCommand(n: number): NewCommand {
  return {
    ...{ device: device(n), origin: 'shadow', version: n, era: 0, document: '{"payload":{}}' },
    ...{ desiredAt: 100, seenAt: 200, state: 'waiting', cause: null, attempt: 0, correlationId: null },
    ...{ port: null, confirmed: false, publishedAt: null, changedAt: 200 },
  };
}

const publish = (before: Command) => ({
  before,
  after: afterFact(
    before,
    { kind: 'published', attempt: 1, correlationId: '00112233445566AA', port: 2, confirmed: true },
    300,
  ) as Command,
});

function commandsOf(s: TestStore, id = 'a'): CommandStore {
  const commands = s.store.commands(id);
  if (commands === null) throw new Error(`nothing is stored of ${id}`);
  return commands;
}

test('what was seen, published and is to ride is there after a restart, and the ledger balances', async () => {
  const dataDir = path.join(temporaryFolder(), 'data');
  {
    await using s = await TestStore.openAt(dataDir);
    expect(s.store.commands('a')).toBeNull();
    await s.connection();
    const commands = commandsOf(s);
    const shadow = { device: device(1), version: 1, era: 0, desiredAt: 100, command: 'c', whole: 'w' };
    const added = commands.commit({
      added: [newCommand(1), newCommand(2)],
      ignored: ['settings', 'settings', 'before'],
      handled: { project: PROJECT, shadows: [shadow] },
      riding: [{ device: device(3), version: 9, since: 5, toldAt: null }],
    });
    expect(added.map(({ id }) => id)).toEqual([1, 2]);
    commands.commit({ changed: [publish(added[0] as Command)] });
  }
  await using s = await TestStore.openAt(dataDir);
  const commands = commandsOf(s);
  expect(commands.ledger()).toMatchObject({ seen: 5, waiting: 1, published: 1, ignored: { settings: 2, before: 1 } });
  expect(commandImbalance(commands.ledger())).toBe(0);
  expect(commands.verify()).toBe(0);
  expect(commands.open().map(({ id, state }) => [id, state])).toEqual([
    [1, 'published'],
    [2, 'waiting'],
  ]);
  expect(commands.get(1)).toMatchObject({ correlationId: '00112233445566AA', port: 2, confirmed: true, attempt: 1 });
  expect(commands.riding()).toEqual([{ device: device(3), version: 9, since: 5, toldAt: null }]);
  expect(s.store.shadows.handled(PROJECT, device(1))).toMatchObject({ version: 1, command: 'c', whole: 'w' });
  expect(s.store.shadows.handled(PROJECT, device(2))).toBeNull();
});

test('a page of commands by device and state; what has ended is bounded, what is open is not', async () => {
  await using s = await TestStore.open();
  await s.connection();
  const commands = commandsOf(s);
  const [first] = commands.commit({ added: [newCommand(1)] });
  for (let i = 0; i < 401; i++) {
    const added = commands.commit({ added: Array.from({ length: 50 }, () => newCommand(2)) });
    commands.commit({
      changed: added.map((before) => ({ before, after: afterFact(before, { kind: 'cancelled' }, 300) as Command })),
    });
  }
  expect(commands.open().map(({ id }) => id)).toEqual([first?.id]);
  const all = commands.list({ limit: 100_000 });
  expect(all.length).toBeLessThan(20_001);
  expect(all.length).toBeGreaterThan(10_000);
  expect(commands.ledger()).toMatchObject({ seen: 20_051, waiting: 1, cancelled: 20_050 });
  expect(commands.list({ device: device(1), limit: 10 })).toHaveLength(1);
  expect(commands.list({ states: ['waiting'], limit: 10 })).toHaveLength(1);
  const page = commands.list({ states: ['cancelled'], limit: 2 });
  expect(commands.list({ before: page[1]?.id as number, limit: 1 })[0]?.id).toBe((page[1]?.id as number) - 1);
});

test('which connection serves a device, and with which driver, goes with the connection', async () => {
  await using s = await TestStore.open();
  const a = await s.connection('a');
  await s.connection('b');
  const { shadows } = s.store;
  shadows.saveServed(PROJECT, [
    { device: device(1), connectionId: 'a', driver: '{"mod":1}' },
    { device: device(2), connectionId: 'b', driver: null },
    { device: device(3), connectionId: 'gone', driver: null },
  ]);
  shadows.saveServed(PROJECT, [{ device: device(2), connectionId: 'b', driver: '{"mod":1}' }]);
  const served = (): unknown[] => {
    const found: unknown[] = [];
    shadows.forEachServed(PROJECT, (each) => found.push([each.device, each.connectionId, each.driver]));
    return found;
  };
  expect(served()).toEqual([
    [device(1), 'a', '{"mod":1}'],
    [device(2), 'b', '{"mod":1}'],
  ]);
  commandsOf(s).commit({ added: [newCommand(1)], ignored: ['empty'] });
  await a.close();
  await s.store.deleteConnection('a');
  expect(served()).toHaveLength(1);
  await s.connection('a');
  expect(commandsOf(s).ledger()).toMatchObject({ seen: 0, waiting: 0 });
  expect(commandsOf(s).open()).toEqual([]);
});

test.for([
  { what: 'nothing of it is kept', keepAfterDeleteMs: 0 },
  { what: 'its dead letters are kept', keepAfterDeleteMs: 3_600_000 },
])('who asks for a ledger during a deletion gives it to no connection that is made anew: $what', async (how) => {
  let seen: number | undefined;
  const removeDirectory = async (directory: string): Promise<void> => {
    seen = s.store.commands('a')?.ledger().seen;
    await realDisk.removeDirectory(directory);
  };
  const { keepAfterDeleteMs } = how;
  await using s = await TestStore.open({ disk: { ...realDisk, removeDirectory }, keepAfterDeleteMs });
  const a = await s.connection('a');
  await append(a, entries(1, 1));
  a.settle([{ seq: 1, outcome: REFUSED }]);
  commandsOf(s).commit({ added: [newCommand(1)], ignored: ['empty'] });
  await a.close();
  await s.store.deleteConnection('a');
  expect(seen).toBe(2);
  await s.connection('a');
  expect(commandsOf(s).ledger()).toMatchObject({ seen: 0, waiting: 0, ignored: {} });
  expect(commandsOf(s).verify()).toBe(0);
});

test('cursors and changes that nobody serves are kept', async () => {
  await using s = await TestStore.open();
  const { shadows } = s.store;
  expect(shadows.cursor('k')).toBeNull();
  shadows.setCursor('k', '1');
  shadows.setCursor('k', '2');
  expect(shadows.cursor('k')).toBe('2');
  const change: ShadowChange = { device: device(1), version: 4, desiredAt: 10, document: '{}', reported: null };
  shadows.saveUnclaimed(PROJECT, [change, { ...change, device: device(2) }]);
  shadows.saveUnclaimed(PROJECT, [{ ...change, version: 5 }]);
  expect(shadows.unclaimed(PROJECT)).toMatchObject([{ version: 5 }, { device: device(2), version: 4 }]);
  shadows.dropUnclaimed(PROJECT, [device(1)]);
  expect(shadows.unclaimed(PROJECT)).toHaveLength(1);
});
