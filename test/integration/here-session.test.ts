// Log-in, kept tokens and renewal of the HERE client against the sandbox.
import { expect, test } from 'vitest';
import { accountOf, logIns, MemoryVault, never, openProject, record, sum, until, useGateway } from '../here/support.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { useSandbox } from '../support/sandbox.ts';

test('many connections of one account make one log-in', async () => {
  const sandbox = await useSandbox();
  const gateway = useGateway({ url: sandbox.url });
  const accounts = Array.from({ length: 50 }, (_, index) =>
    accountOf(gateway, sandbox, sandbox.password, index % 2 ? sandbox.email : sandbox.email.toUpperCase()),
  );
  const outcomes = await Promise.all(accounts.map((account) => account.authenticate(never())));
  expect(outcomes.every((outcome) => outcome.kind === 'ok')).toBe(true);
  expect(outcomes.filter((outcome) => outcome.kind === 'ok' && !outcome.reused)).toHaveLength(1);
  expect(logIns(sandbox)).toEqual({ '200': 1 });
});

test('a second gateway on the same vault, as after a restart, uses the kept token; nothing is kept in the clear', async () => {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  const first = useGateway({ url: sandbox.url, vault });
  await openProject(first, sandbox);
  await first.stop();
  const second = useGateway({ url: sandbox.url, vault });
  expect(await accountOf(second, sandbox).authenticate(never())).toEqual({ kind: 'ok', reused: true });
  await openProject(second, sandbox);
  expect(logIns(sandbox)).toEqual({ '200': 1 });
  const stored = JSON.stringify([...vault.records]);
  expect(stored).not.toContain(sandbox.password);
  expect(stored).not.toContain('accessToken');
});

test('an account that moves in the midst of a log-in: its token goes along, and the next worker makes no other', async () => {
  const sandbox = await useSandbox();
  sandbox.addFault({ name: 'slow', delayMs: 300, path: '/users/v2/login' });
  const vault = Object.assign(new MemoryVault(), { everywhere: async () => {} });
  const account = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
  const leaving = new AbortController();
  const entering = account.authenticate(leaving.signal);
  await until(() => vault.records.size === 1, 'the attempt is kept');
  leaving.abort();
  expect(await entering).toMatchObject({ kind: 'retry' });
  await account.settled?.(never());
  account.release();
  const next = accountOf(useGateway({ url: sandbox.url, vault }), sandbox);
  expect(await next.authenticate(never())).toEqual({ kind: 'ok', reused: true });
  expect(logIns(sandbox)).toEqual({ '200': 1 });
});

test('gateways without a common vault share nothing', async () => {
  const sandbox = await useSandbox();
  await openProject(useGateway({ url: sandbox.url }), sandbox);
  await openProject(useGateway({ url: sandbox.url }), sandbox);
  expect(logIns(sandbox)).toEqual({ '200': 2 });
});

test('the token is renewed before it ends, by its refresh token and without a log-in', async () => {
  const sandbox = await useSandbox({ tokenLifetimeS: 1 });
  const vault = new MemoryVault();
  const gateway = useGateway({ url: sandbox.url, vault });
  const project = await openProject(gateway, sandbox, sandbox.appIds[0]);
  sandbox.changeDevices(sandbox.appIds[0]!, 'claim', ['D1']);
  await until(() => sandbox.account(sandbox.email).refreshes >= 2, 'two renewals');
  expect(await project.send([record('D1')], never())).toMatchObject({ kind: 'accepted' });
  expect(logIns(sandbox)).toEqual({ '200': 1 });
  expect(sandbox.stats().requests['POST /v3/batch']).toEqual({ '204': 1 });
});

test('a renewal that is refused or answered 429 leaves the token in use until its end; then one log-in follows', async () => {
  const sandbox = await useSandbox({ tokenLifetimeS: 2 });
  sandbox.changeDevices(sandbox.appIds[0]!, 'claim', ['D1']);
  for (const name of ['429', '403'] as const) {
    const fault = sandbox.addFault({ name, path: '/users/v2/refresh', retryAfterS: 1 });
    const logInsBefore = sum(logIns(sandbox));
    const gateway = useGateway({ url: sandbox.url });
    const project = await openProject(gateway, sandbox, sandbox.appIds[0]);
    const struck = () => sandbox.faults().find(({ id }) => id === fault)?.struck ?? 0;
    await until(() => struck() > 0, 'a renewal');
    expect(await project.send([record('D1')], never())).toMatchObject({ kind: 'accepted' });
    sandbox.removeFault(fault);
    await until(() => sandbox.account(sandbox.email).liveTokens === 0, 'the end of the token');
    let last = '';
    for (let index = 0; index < 100 && last !== 'accepted'; index++) {
      last = (await project.send([record('D1')], never())).kind;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(last).toBe('accepted');
    expect(sum(logIns(sandbox)) - logInsBefore).toBe(name === '403' ? 2 : 1);
    await gateway.stop();
  }
});

test('concurrent requests whose token was ended lead to one renewal and are all accepted', async () => {
  const sandbox = await useSandbox();
  sandbox.changeDevices(sandbox.appIds[0]!, 'claim', ['D1']);
  const project = await openProject(useGateway({ url: sandbox.url }), sandbox, sandbox.appIds[0]);
  sandbox.revokeTokens(sandbox.email);
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, index) => project.send([record('D1', 1_700_000_000_000 + index)], never())),
  );
  expect(sent.every((outcome) => outcome.kind === 'accepted')).toBe(true);
  expect(logIns(sandbox)).toEqual({ '200': 2 });
  expect(sum(sandbox.stats().requests['POST /users/v2/refresh'] ?? {})).toBe(1);
});

test('a 401 that comes back after the renewal asks for a log-in, which is not repeated at once', async () => {
  const sandbox = await useSandbox();
  const gateway = useGateway({ url: sandbox.url });
  const account = accountOf(gateway, sandbox);
  const project = await openProject(gateway, sandbox, sandbox.appIds[0]);
  sandbox.addFault({ name: '401', path: '/v3/batch' });
  expect(await project.send([record('D1')], never())).toMatchObject({
    kind: 'reauthenticate',
    answer: { status: 401 },
  });
  expect(sum(sandbox.stats().requests['POST /v3/batch'] ?? {})).toBe(2);
  // The token is known to be bad: it is not handed out as "reused", nor are log-ins repeated in a loop.
  const outcomes = [];
  for (let index = 0; index < 5; index++) outcomes.push(await account.authenticate(never()));
  expect(outcomes.filter((outcome) => outcome.kind === 'retry').length).toBeGreaterThanOrEqual(3);
  expect(sum(logIns(sandbox))).toBeLessThanOrEqual(3);
});

/** An account whose token was ended by HERE, and what comes of using it, every ten seconds. */
async function ended() {
  const sandbox = await useSandbox();
  const vault = new MemoryVault();
  await accountOf(useGateway({ url: sandbox.url, vault }), sandbox).authenticate(never());
  sandbox.revokeTokens(sandbox.email);
  const clock = new ManualClock();
  // As after a restart: the pair is kept.
  const account = accountOf(useGateway({ url: sandbox.url, vault, clock }), sandbox);
  const kinds: string[] = [];
  const use = async (): Promise<void> => {
    kinds.push((await account.openProject(null, null, never())).kind);
    await clock.advance(10_000);
  };
  return { sandbox, account, use, kinds };
}

test('a pair that HERE fails to renew for good is given up for a log-in, after a while or at once when a person asks', async () => {
  for (const isAsked of [false, true]) {
    const { sandbox, account, use, kinds } = await ended();
    sandbox.addFault({ name: '500', path: '/users/v2/refresh' });
    await use();
    if (isAsked) account.forgetRefusal();
    for (let turn = 0; turn < 4; turn += 1) await use();
    expect(kinds).toEqual(isAsked ? ['retry', 'ok', 'ok', 'ok', 'ok'] : ['retry', 'retry', 'retry', 'ok', 'ok']);
    expect(logIns(sandbox)).toEqual({ '200': 2 });
  }
});

test('while HERE fails all that is about users, few log-ins take the place of renewals, and none where it is not well', async () => {
  for (const [path, most] of [
    ['/users/v2', 6],
    ['*', 0],
  ] as const) {
    const { sandbox, use, kinds } = await ended();
    const fault = sandbox.addFault({ name: '500', path });
    for (let turn = 0; turn < 60; turn += 1) await use();
    expect(new Set(kinds)).toEqual(new Set(['retry']));
    expect(logIns(sandbox)['500'] ?? 0).toBeLessThanOrEqual(most);
    sandbox.removeFault(fault);
    await use();
    expect(kinds.at(-1)).toBe('ok');
  }
});
