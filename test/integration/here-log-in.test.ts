// Which log-ins the HERE client makes, and which count against an account that five lock, against the sandbox.
import { expect, test } from 'vitest';
import { accountOf, logIns, MemoryVault, never, sum, useGateway } from '../here/support.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { useSandbox } from '../support/sandbox.ts';

test('a wrong password is sent exactly once, also after restarts; the right one works after that', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  const first = useGateway({ url: sandbox.url, vault });
  const wrong = accountOf(first, sandbox, 'not-the-password');
  expect(await wrong.authenticate(never())).toMatchObject({ kind: 'refused', attempted: true });
  for (let index = 0; index < 5; index++) {
    expect(await wrong.authenticate(never())).toMatchObject({ kind: 'refused', attempted: false });
  }
  await first.stop();
  const second = useGateway({ url: sandbox.url, vault });
  const again = await accountOf(second, sandbox, 'not-the-password').authenticate(never());
  expect(again).toMatchObject({ kind: 'refused', attempted: false });
  expect(JSON.stringify(again)).not.toContain('not-the-password');
  expect(logIns(sandbox)).toEqual({ '401': 1 });
  expect(second.accountFacts()).toMatchObject([{ refused: true }]);
  expect(await accountOf(second, sandbox).authenticate(never())).toEqual({ kind: 'ok', reused: false });
  expect(logIns(sandbox)).toEqual({ '401': 1, '200': 1 });
  expect(second.accountFacts(), 'an alert on it ends, though the wrong one stays refused').toMatchObject([
    { refused: false },
  ]);
});

test('a person may have a refused pair tried once more', async () => {
  const sandbox = await useSandbox();
  const gateway = useGateway({ url: sandbox.url });
  const account = accountOf(gateway, sandbox, 'set-later');
  expect(await account.authenticate(never())).toMatchObject({ kind: 'refused', attempted: true });
  account.forgetRefusal();
  expect(await account.authenticate(never())).toMatchObject({ kind: 'refused', attempted: true });
  expect(await account.authenticate(never())).toMatchObject({ kind: 'refused', attempted: false });
  sandbox.setPassword(sandbox.email, 'set-later');
  account.forgetRefusal();
  expect(await account.authenticate(never())).toEqual({ kind: 'ok', reused: false });
});

test('after four failures nothing more is tried, so that the account is never locked', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  for (let index = 0; index < 10; index++) {
    const gateway = useGateway({ url: sandbox.url, vault });
    const outcome = await accountOf(gateway, sandbox, `wrong-${index}`).authenticate(never());
    expect(outcome).toMatchObject({ kind: 'refused', attempted: index < 4, lockedOut: index >= 3 });
  }
  expect(sandbox.account(sandbox.email)).toMatchObject({ failedLogIns: 4, locked: false });
  const right = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
  expect(await right.authenticate(never())).toMatchObject({ kind: 'refused', attempted: false });
  right.forgetRefusal();
  expect(await right.authenticate(never())).toEqual({ kind: 'ok', reused: false });
});

test('a wrong second definition leaves an attempt for the pair that is known to work, and does not use its token', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  const gateway = useGateway({ url: sandbox.url, vault });
  const right = accountOf(gateway, sandbox);
  await right.authenticate(never());
  for (let index = 0; index < 6; index++) {
    const outcome = await accountOf(gateway, sandbox, `wrong-${index}`).authenticate(never());
    expect(outcome).toMatchObject({ kind: 'refused', attempted: index < 3 });
  }
  expect(await right.authenticate(never())).toEqual({ kind: 'ok', reused: true });
  sandbox.revokeTokens(sandbox.email);
  const later = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
  expect(await later.openProject(null, null, never())).toMatchObject({ kind: 'ok' });
  expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 2, failedLogIns: 3, locked: false });
});

test('an attempt is stored before it is sent, and not sent when it cannot be stored', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  const requestsAtPut: number[] = [];
  vault.beforePut = () => void requestsAtPut.push(sandbox.stats().totalRequests);
  await accountOf(useGateway({ url: sandbox.url, vault }), sandbox).authenticate(never());
  expect(requestsAtPut[0]).toBe(0);

  const full = new MemoryVault();
  full.beforePut = () => {
    throw new Error('disk full');
  };
  const before = sandbox.stats().totalRequests;
  const account = accountOf(useGateway({ url: sandbox.url, vault: full }), sandbox);
  expect(await account.authenticate(never())).toMatchObject({ kind: 'retry' });
  expect(sandbox.stats().totalRequests).toBe(before);
});

test('log-ins that HERE did not judge use up no attempt', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  for (let index = 0; index < 6; index++) {
    sandbox.addFault({ name: '429', count: 1, path: '/users/v2/login', retryAfterS: 3 });
    const outcome = await accountOf(useGateway({ url: sandbox.url, vault }), sandbox).authenticate(never());
    expect(outcome).toMatchObject({ kind: 'retry' });
  }
  await sandbox.unplug();
  for (let index = 0; index < 6; index++) {
    const outcome = await accountOf(useGateway({ url: sandbox.url, vault }), sandbox).authenticate(never());
    expect(outcome).toMatchObject({ kind: 'retry' });
  }
  await sandbox.plug();
  const account = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
  expect(await account.authenticate(never())).toEqual({ kind: 'ok', reused: false });
});

test.each(['reset', '500', '503'] as const)(
  'log-ins without a word of HERE (%s) count against a pair that never worked, not against one that did',
  async (name) => {
    const sandbox = await useSandbox();
    for (const isProven of [false, true]) {
      const vault = new MemoryVault();
      if (isProven) await accountOf(useGateway({ url: sandbox.url, vault }), sandbox).authenticate(never());
      sandbox.revokeTokens(sandbox.email);
      const fault = sandbox.addFault({ name, path: '/users/v2/login' });
      const kinds: string[] = [];
      for (let index = 0; index < 6; index++) {
        const account = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
        kinds.push((await account.openProject(null, null, never())).kind);
      }
      sandbox.removeFault(fault);
      const four = ['retry', 'retry', 'retry', 'retry'];
      expect(kinds).toEqual(isProven ? [...four, 'retry', 'retry'] : [...four, 'refused', 'refused']);
    }
  },
);

test('while HERE is not well, a pair that never worked is tried once and then only when HERE is well again', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  const fault = sandbox.addFault({ name: '500', path: '*' });
  for (let index = 0; index < 6; index++) {
    // As after restarts: nothing but what is kept tells of the attempt before.
    const account = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
    expect(await account.authenticate(never())).toMatchObject({ kind: 'retry' });
  }
  expect(sum(logIns(sandbox))).toBe(1);
  sandbox.removeFault(fault);
  const account = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
  expect(await account.authenticate(never())).toEqual({ kind: 'ok', reused: false });
});

test('a pair that never worked waits ever longer where HERE is well and gives its log-ins no word', async () => {
  const sandbox = await useSandbox();
  const clock = new ManualClock();
  sandbox.addFault({ name: '503', path: '/users/v2/login' });
  const account = accountOf(useGateway({ url: sandbox.url, clock }), sandbox);
  const sent: number[] = [];
  for (const seconds of [0, 4.9, 0.2, 9.7, 0.4, 19.5, 0.6]) {
    await clock.advance(seconds * 1000);
    await account.authenticate(never());
    sent.push(sum(logIns(sandbox)));
  }
  expect(sent).toEqual([1, 1, 2, 2, 3, 3, 4]);
});

test('a pair that has worked is tried a fourth time only where HERE is well in all of its parts', async () => {
  const sandbox = await useSandbox();
  const clock = new ManualClock();
  const account = accountOf(useGateway({ url: sandbox.url, clock }), sandbox);
  await account.authenticate(never());
  sandbox.revokeTokens(sandbox.email);
  sandbox.addFault({ name: '503', path: '/users/v2/login' });
  const before = sum(logIns(sandbox));
  const sent: number[] = [];
  const wait = async (seconds: number): Promise<void> => {
    await clock.advance(seconds * 1000);
    await account.openProject(null, null, never());
    sent.push(sum(logIns(sandbox)) - before);
  };
  for (const seconds of [0, 5.1, 10.1]) await wait(seconds);
  expect(sent).toEqual([1, 2, 3]);
  // One of five answers says that it is not well.
  const faulty = sandbox.addFault({ name: '503', path: '/v3/health', count: 1 });
  await wait(10.1);
  sandbox.removeFault(faulty);
  expect(sent.at(-1)).toBe(3);
  await wait(10.1);
  expect(sent.at(-1)).toBe(4);
});

test('a Retry-After of the log-in is told and kept to', async () => {
  const sandbox = await useSandbox();
  sandbox.addFault({ name: '429', count: 1, path: '/users/v2/login', retryAfterS: 30 });
  const account = accountOf(useGateway({ url: sandbox.url }), sandbox);
  expect(await account.authenticate(never())).toMatchObject({ kind: 'retry', afterMs: 30_000 });
  expect(await account.authenticate(never())).toMatchObject({ kind: 'retry' });
  expect(sum(logIns(sandbox))).toBe(1);
});
