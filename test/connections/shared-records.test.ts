// Records that travel from worker to worker, on the embedded broker: read up to now, and safe from a worker thought dead.
import { expect, onTestFinished, test } from 'vitest';
import { SharedAccounts } from '../../src/connections/shared-accounts.ts';
import { KeptAccount, type KeptState } from '../../src/here/kept-account.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { useBroker, useRecords } from './records-support.ts';

const forever = new AbortController().signal;

test('the next worker reads all that was written before it asked', async () => {
  const broker = await useBroker();
  const { records: first } = await useRecords(broker, 'w-1');
  expect(await first.caughtUp(forever)).toBe(true);
  for (let n = 0; n < 200; n++) void first.put(`key-${n % 50}`, `value ${n}`);
  await first.put('last', 'one');
  const { records: next } = await useRecords(broker, 'w-2');
  expect(await next.caughtUp(forever)).toBe(true);
  expect(next.get('last')).toBe('one');
  for (let n = 150; n < 200; n++) expect(next.get(`key-${n % 50}`)).toBe(`value ${n}`);
});

test('what a worker thought dead still writes does not count, and its successor’s stays on the topic', async () => {
  const broker = await useBroker();
  const { records: old, publisher } = await useRecords(broker, 'w-old');
  await old.caughtUp(forever);
  await old.put('account', 'of the old one');
  const { records: next } = await useRecords(broker, 'w-next');
  await next.caughtUp(forever);
  await next.put('account', 'of the next one');
  // As it knew the key: of its own epoch.
  const stale = JSON.stringify({ epoch: 1, worker: 'w-old', value: 'too late' });
  await publisher.publish('t/accounts/account', stale, { retain: true });
  const { records: third } = await useRecords(broker, 'w-third');
  await expect.poll(async () => (await third.caughtUp(forever)) && third.get('account')).toBe('of the next one');
  expect(next.get('account')).toBe('of the next one');
  await expect.poll(() => old.get('account')).toBe('of the next one');
});

test('an attempt counts as stored only when the topic has it', async () => {
  const kept = new Map<string, string>();
  const local = {
    get: (key: string) => kept.get(key) ?? null,
    put: (key: string, value: string | null) => void kept.set(key, value ?? ''),
  };
  let isAway = true;
  const written: string[] = [];
  const put = async (_key: string, value: string | null): Promise<void> => {
    if (isAway) throw new Error('away');
    written.push(value ?? '');
  };
  let last: Promise<void> = Promise.resolve();
  const records = {
    get: () => null,
    put: (key: string, value: string | null) => {
      last = put(key, value);
      return last;
    },
    everywhere: () => last,
  };
  const accounts = new SharedAccounts(local, records, openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) }));
  accounts.put('me', 'attempt 1');
  await expect(accounts.everywhere('me')).rejects.toThrow('away');
  isAway = false;
  accounts.put('me', 'attempt 2');
  await accounts.everywhere('me');
  expect(written).toEqual(['attempt 2']);
  expect(kept.get('me')).toBe('attempt 2');
});

test('two that take a key over at the same moment come to one value, and leave it at that', async () => {
  const broker = await useBroker();
  const { records: one } = await useRecords(broker, 'w-1');
  const { records: two } = await useRecords(broker, 'w-2');
  await Promise.all([one.caughtUp(forever), two.caughtUp(forever)]);
  let writes = 0;
  const reader = broker.openTable(
    { prefix: 't/accounts', settleMs: 10 },
    { onRecord: (key) => void (key === 'account' && writes++), onSnapshot: () => {}, onStatus: () => {} },
  );
  reader.start();
  onTestFinished(() => reader.stop());
  await Promise.all([one.put('account', 'of one'), two.put('account', 'of two')]);
  for (let n = 0; n < 5; n++) await Promise.all([one.caughtUp(forever), two.caughtUp(forever)]);
  expect(one.get('account')).toBe(two.get('account'));
  expect(writes).toBeLessThanOrEqual(3);
  // Who writes it next is above both.
  await two.put('account', 'later');
  await expect.poll(() => one.get('account')).toBe('later');
});

test('what is larger than anybody reads is refused with its name, its size and the limit, told once, and stops nothing else', async () => {
  const broker = await useBroker();
  const { records, refused } = await useRecords(broker, 'w-1');
  await records.put('connection.a', 'as it was');
  for (const letter of ['x', 'y']) {
    const put = records.put('connection.a', letter.repeat(70_000));
    await expect(put).rejects.toThrow(/"connection\.a" .*70\d{3} bytes.* 65536/);
    await expect(records.everywhere('connection.a')).rejects.toThrow('connection.a');
  }
  expect(refused).toEqual([expect.stringMatching(/^connection\.a: .*65536/)]);
  // Here it counts all the same.
  expect(records.get('connection.a')).toBe('y'.repeat(70_000));
  await records.put('connection.b', 'small');
  const { records: next } = await useRecords(broker, 'w-2');
  expect(await next.caughtUp(forever)).toBe(true);
  expect([next.get('connection.a'), next.get('connection.b')]).toEqual(['as it was', 'small']);
  await records.put('connection.a', 'small again');
  await expect.poll(() => next.get('connection.a')).toBe('small again');
  await expect(records.put('connection.a', 'z'.repeat(70_000))).rejects.toThrow();
  expect(refused).toHaveLength(2);
});

test('an account with tokens of many projects fits: the newest of them travel with its attempts', async () => {
  const broker = await useBroker();
  const box = openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) });
  const none = { get: () => null, put: () => {} };
  const { records, refused } = await useRecords(broker, 'w-1');
  const account = new KeptAccount('me', new SharedAccounts(none, records, box), box);
  const token = (name: string) => ({ accessToken: `${name} ${'t'.repeat(2_000)}`, expiresAt: 9e15 });
  const names = Array.from({ length: 50 }, (_, at) => `project-${at}`);
  const scoped = Object.fromEntries(names.map((name) => [name, token(name)]));
  const pair = { ...token('pair'), refreshToken: 'r'.repeat(2_000), renewAt: 9e15 };
  account.save({ pair, scoped, proven: null, failed: 3, refused: [], refusal: null });
  await account.everywhere();
  expect(refused).toEqual([]);
  const { records: next } = await useRecords(broker, 'w-2');
  expect(await next.caughtUp(forever)).toBe(true);
  const found = new KeptAccount('me', new SharedAccounts(none, next, box), box).load();
  expect(found).toMatchObject({ pair, failed: 3 });
  expect(Object.keys(found.scoped).length).toBeGreaterThan(10);
  expect(found.scoped['project-49']).toEqual(token('project-49'));
});

test('an account’s state that nobody has sealed does not count, and the one that was known is put in its place', async () => {
  const broker = await useBroker();
  const { records, publisher } = await useRecords(broker, 'w-1');
  await records.caughtUp(forever);
  const kept = new Map<string, string>();
  const local = {
    get: (key: string) => kept.get(key) ?? null,
    put: (key: string, value: string | null) => void kept.set(key, value ?? ''),
  };
  const box = openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) });
  const account = new KeptAccount('host\0realm\0me', new SharedAccounts(local, records, box), box);
  const pair = (accessToken: string) => ({ accessToken, expiresAt: 9e15, refreshToken: 'r', renewAt: 9e15 });
  const state = { pair: pair('ours'), scoped: {}, proven: null, failed: 3, refused: [], refusal: null };
  account.save(state satisfies KeptState);
  await account.everywhere();
  // Who reads the topic sees its name.
  const name = `account.${box.hmac('account on the topic host\0realm\0me').slice(0, 40)}`;
  const put = (epoch: number, value: string | null): Promise<void> => {
    const record = JSON.stringify({ epoch, worker: 'w-evil', value });
    return publisher.publish(`t/accounts/${name}`, record, { retain: true });
  };
  for (const [epoch, value] of [JSON.stringify({ pair: pair('theirs'), failed: 0 }), null].entries()) {
    await put(100 * (epoch + 1), value);
    await expect.poll(() => records.get(name)).toBe(value);
    expect(account.load()).toEqual(state);
    const next = await useRecords(broker, `w-next-${epoch}`);
    await expect.poll(async () => (await next.records.caughtUp(forever)) && next.records.get(name)).toMatch(/^enc:v1:/);
  }
  // A worker that has nothing of its own takes none of it either.
  const bare = { get: () => JSON.stringify({ pair: pair('theirs') }), put: () => {} };
  expect(new KeptAccount('host\0realm\0me', bare, box).load().pair).toBeNull();
});
