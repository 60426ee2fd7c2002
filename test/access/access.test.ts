// People and programs are recognised, or not; and what each may change.
import { expect, test } from 'vitest';
import type { BridgeAccess } from '../../src/access/access.ts';
import type { Credentials, Recognition } from '../../src/domain/ports/access.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { addUsers, as, LOCAL, openAccess, PASSWORD, startBroker } from './support.ts';

const bearer = (token: string): Credentials => ({ authorization: `Bearer ${token}`, session: undefined });
const cookie = (session: string): Credentials => ({ authorization: undefined, session });
const nothing: Credentials = { authorization: undefined, session: undefined };

function principalOf(recognition: Recognition): object | string {
  return recognition.kind === 'known' ? recognition.principal : recognition.kind;
}

async function logIn(access: BridgeAccess, name: string): Promise<string> {
  const answer = await access.logIn(name, PASSWORD, '192.0.2.1');
  if (answer.kind !== 'ok') throw new Error(`not logged in: ${answer.kind}`);
  return answer.session;
}

async function issue(access: BridgeAccess, ...[asker, token]: Parameters<BridgeAccess['issueToken']>): Promise<string> {
  const made = await access.issueToken(asker, token);
  if (made.kind !== 'ok') throw new Error(`not issued: ${JSON.stringify(made)}`);
  return made.value.secret;
}

test('without users everybody is administrator, where that may be; the first user ends it', async () => {
  const broker = await startBroker();
  const { access } = await openAccess(broker);
  expect(access.isOpen).toBe(true);
  expect(principalOf(await access.recognize(nothing))).toMatchObject({ kind: 'open', role: 'admin' });
  expect(await access.addUser(LOCAL, { name: 'v', role: 'viewer', password: PASSWORD })).toMatchObject({
    kind: 'invalid',
    pointer: '/role',
  });
  await addUsers(access, { anna: 'admin' });
  expect(access.isOpen).toBe(false);
  expect(principalOf(await access.recognize(nothing))).toBe('none');
  const elsewhere = await openAccess(broker, { mayBeOpen: false });
  expect(elsewhere.access.isOpen).toBe(false);
});

test('a log-in gives a session, which a log-out ends in this and in other processes', async () => {
  const broker = await startBroker();
  const [one, two] = [await openAccess(broker), await openAccess(broker)];
  await addUsers(one.access, { anna: 'admin', bert: 'operator' });
  await expect.poll(() => two.access.users().length).toBe(2);
  const session = await logIn(two.access, 'bert');
  const bert = { kind: 'session', name: 'bert', role: 'operator', user: 'bert' };
  expect(principalOf(await one.access.recognize(cookie(session)))).toEqual(bert);
  expect(await one.access.logIn('bert', `${PASSWORD}r`, null)).toEqual({ kind: 'refused' });
  expect(await one.access.logIn('nobody', PASSWORD, null)).toEqual({ kind: 'refused' });
  await two.access.logOut(session, as('bert', 'operator'));
  expect(principalOf(await two.access.recognize(cookie(session)))).toBe('refused');
  await expect.poll(async () => principalOf(await one.access.recognize(cookie(session)))).toBe('refused');
});

test('another password, role or the end of a user ends the sessions', async () => {
  const { access } = await openAccess(await startBroker());
  await addUsers(access, { anna: 'admin', bert: 'operator' });
  let session = await logIn(access, 'bert');
  expect(await access.changeUser(LOCAL, 'bert', { role: 'viewer' })).toMatchObject({ kind: 'ok' });
  expect(principalOf(await access.recognize(cookie(session)))).toBe('refused');
  session = await logIn(access, 'bert');
  const next = 'another battery of horses';
  expect(await access.changeOwnPassword(as('bert', 'viewer'), 'wrong one of course', next)).toMatchObject({
    kind: 'invalid',
  });
  expect(await access.changeOwnPassword(as('bert', 'viewer'), PASSWORD, 'short')).toMatchObject({
    pointer: '/password',
  });
  expect(await access.changeOwnPassword(as('bert', 'viewer'), PASSWORD, next)).toMatchObject({ kind: 'ok' });
  expect(principalOf(await access.recognize(cookie(session)))).toBe('refused');
  expect(await access.logIn('bert', PASSWORD, null)).toEqual({ kind: 'refused' });
  expect((await access.logIn('bert', next, null)).kind).toBe('ok');
  await access.removeUser(LOCAL, 'bert');
  expect(await access.logIn('bert', next, null)).toEqual({ kind: 'refused' });
});

test('a sixth wrong password must wait, and the right one too, but not from elsewhere', async () => {
  const clock = new ManualClock(Date.now());
  const { access } = await openAccess(await startBroker(), { clock });
  await addUsers(access, { anna: 'admin' });
  for (let n = 0; n < 5; n++)
    expect(await access.logIn('anna', `guess number ${n}`, '192.0.2.9')).toEqual({ kind: 'refused' });
  expect(await access.logIn('anna', PASSWORD, '192.0.2.9')).toEqual({ kind: 'limited', retryAfterMs: 60_000 });
  expect((await access.logIn('anna', PASSWORD, '192.0.2.8')).kind).toBe('ok');
  await clock.advance(60_000);
  expect((await access.logIn('anna', PASSWORD, '192.0.2.9')).kind).toBe('ok');
});

test('a stranger with a whole network locks nobody out, and a right password in a flood of wrong ones is none', async () => {
  const { access } = await openAccess(await startBroker(), { clock: new ManualClock(Date.now()) });
  await addUsers(access, { anna: 'admin' });
  for (let n = 0; n < 60; n++) {
    const answer = await access.logIn('anna', 'some wrong password', `2001:db8::${n.toString(16)}`);
    expect(answer.kind).toBe(n < 5 ? 'refused' : 'limited');
  }
  expect((await access.logIn('anna', PASSWORD, '192.0.2.7')).kind).toBe('ok');
  // As many as may wait: what comes now is not looked at.
  const flood = Array.from({ length: 16 }, (_, n) => access.logIn(`nobody${n}`, 'x', '2001:db8:1::1'));
  for (let n = 0; n < 10; n++) {
    expect(await access.logIn('anna', PASSWORD, '192.0.2.8')).toEqual({ kind: 'limited', retryAfterMs: 1000 });
    const changed = await access.changeOwnPassword(as('anna', 'admin'), PASSWORD, 'another battery of horses');
    expect(changed).toMatchObject({ kind: 'unavailable' });
  }
  await Promise.all(flood);
  expect((await access.logIn('anna', PASSWORD, '192.0.2.8')).kind).toBe('ok');
  expect((await access.changeOwnPassword(as('anna', 'admin'), 'a wrong one of course', 'x')).kind).toBe('invalid');
});

test('a token is its owner’s, with a role of its own that is never more than the owner’s', async () => {
  const { access, shared } = await openAccess(await startBroker());
  await addUsers(access, { anna: 'admin', bert: 'operator' });
  const token = await issue(access, as('bert', 'operator'), { name: 'ci', role: 'operator', expiresInMs: null });
  expect(token).toMatch(/^hbt_[\w-]{12}_[\w-]{43}$/);
  expect(JSON.stringify(shared.book)).not.toContain(token.slice(17));
  const known = { kind: 'token', name: 'token ci of bert', role: 'operator', user: 'bert' };
  expect(principalOf(await access.recognize(bearer(token)))).toEqual(known);
  await access.changeUser(LOCAL, 'bert', { role: 'viewer' });
  expect(principalOf(await access.recognize(bearer(token)))).toMatchObject({ role: 'viewer' });
  await access.removeUser(LOCAL, 'bert');
  expect(principalOf(await access.recognize(bearer(token)))).toBe('refused');
  expect(access.tokens(LOCAL)).toEqual([]);
});

test('a revoked, expired, changed or made-up token lets nobody in', async () => {
  const clock = new ManualClock(Date.now());
  const { access } = await openAccess(await startBroker(), { clock });
  await addUsers(access, { anna: 'admin' });
  const anna = as('anna', 'admin');
  const revoked = await issue(access, anna, { name: 'a', role: 'viewer', expiresInMs: null });
  const short = await issue(access, anna, { name: 'b', role: 'viewer', expiresInMs: 60_000 });
  expect(principalOf(await access.recognize(bearer(short)))).toMatchObject({ name: 'token b of anna' });
  expect(await access.revokeToken(anna, revoked.slice(4, 16))).toMatchObject({ kind: 'ok' });
  await clock.advance(60_000);
  const bad = [
    revoked,
    short,
    `${short.slice(0, -1)}_`,
    `hbt_${'A'.repeat(12)}_${'A'.repeat(43)}`,
    'hbt_',
    'x',
    'a.b.c',
  ];
  for (const token of bad) expect(principalOf(await access.recognize(bearer(token))), token).toBe('refused');
  expect(principalOf(await access.recognize({ authorization: 'Basic YW5uYTp4', session: undefined }))).toBe('refused');
});

test('nobody gives more than they have, and tokens make no tokens', async () => {
  const { access } = await openAccess(await startBroker());
  await addUsers(access, { anna: 'admin', bert: 'operator', cleo: 'viewer' });
  const wanted = { name: 'x', role: 'admin', expiresInMs: null } as const;
  expect(await access.issueToken(as('bert', 'operator'), wanted)).toMatchObject({ kind: 'forbidden' });
  const byToken = { principal: { kind: 'token', name: 't', role: 'admin', user: 'anna' }, from: null } as const;
  expect(await access.issueToken(byToken, wanted)).toMatchObject({ kind: 'forbidden' });
  const byOpen = { principal: { kind: 'open', name: 'anybody', role: 'admin', user: null }, from: null } as const;
  expect(await access.issueToken(byOpen, wanted)).toMatchObject({ kind: 'forbidden' });
  const ofBert = await issue(access, as('bert', 'operator'), { name: 'x', role: 'viewer', expiresInMs: null });
  const cleo = as('cleo', 'viewer');
  expect(access.tokens(cleo)).toEqual([]);
  expect(await access.revokeToken(cleo, ofBert.slice(4, 16))).toEqual({ kind: 'notFound' });
  expect(access.tokens(as('bert', 'operator'))).toHaveLength(1);
  expect(access.tokens(as('anna', 'admin'))).toHaveLength(1);
  expect(await access.issueToken(as('bert', 'operator'), { name: 'x', role: 'viewer', expiresInMs: null })).toEqual({
    kind: 'exists',
  });
});

test('the last administrator stays, unless there need be none', async () => {
  const strict = await openAccess(await startBroker(), { mayBeOpen: false });
  await addUsers(strict.access, { anna: 'admin', bert: 'viewer' });
  const last = { kind: 'forbidden', message: expect.stringContaining('last administrator') };
  expect(await strict.access.removeUser(LOCAL, 'anna')).toEqual(last);
  expect(await strict.access.changeUser(LOCAL, 'anna', { role: 'viewer' })).toEqual(last);
  await strict.access.removeUser(LOCAL, 'bert');
  expect(await strict.access.removeUser(LOCAL, 'anna')).toEqual(last);
  const loopback = await openAccess(await startBroker());
  await addUsers(loopback.access, { anna: 'admin' });
  expect(await loopback.access.removeUser(LOCAL, 'anna')).toMatchObject({ kind: 'ok' });
  expect(loopback.access.isOpen).toBe(true);
});

test('two administrators who remove each other at the same moment leave one', async () => {
  const { access } = await openAccess(await startBroker());
  await addUsers(access, { anna: 'admin', bert: 'admin', cleo: 'admin' });
  const [anna, bert, cleo] = [as('anna', 'admin'), as('bert', 'admin'), as('cleo', 'admin')];
  const removals = [
    access.removeUser(anna, 'bert'),
    access.removeUser(bert, 'anna'),
    access.removeUser(bert, 'cleo'),
    access.removeUser(cleo, 'anna'),
    access.issueToken(bert, { name: 'x', role: 'viewer', expiresInMs: null }),
    access.addUser(bert, { name: 'mallory', role: 'admin', password: PASSWORD }),
  ];
  const kinds = (await Promise.all(removals)).map(({ kind }) => kind);
  expect(kinds).toEqual(['ok', 'forbidden', 'forbidden', 'ok', 'forbidden', 'forbidden']);
  expect(access.users().map(({ name }) => name)).toEqual(['cleo']);
  // Nor does the last one open the door to everybody from afar.
  expect(await access.removeUser(cleo, 'cleo')).toMatchObject({ kind: 'forbidden' });
  expect(access.isOpen).toBe(false);
});

test.each(['', 'a b', 'über', '../x', 'a'.repeat(65), '__proto__', 'x\ny'])('%j is no user name', async (name) => {
  const { access } = await openAccess(await startBroker());
  expect(await access.addUser(LOCAL, { name, role: 'admin', password: PASSWORD })).toMatchObject({ pointer: '/name' });
});

test('names that differ in case only are one name', async () => {
  const { access } = await openAccess(await startBroker());
  await addUsers(access, { Anna: 'admin' });
  expect(await access.addUser(LOCAL, { name: 'anna', role: 'admin', password: PASSWORD })).toEqual({ kind: 'exists' });
  expect((await access.logIn('ANNA', PASSWORD, null)).kind).toBe('ok');
});

test('where passwords would travel in plain there are no users', async () => {
  const { access } = await openAccess(await startBroker(), { noUsers: 'no TLS' });
  expect(await access.addUser(LOCAL, { name: 'anna', role: 'admin', password: PASSWORD })).toEqual({
    kind: 'forbidden',
    message: 'no TLS',
  });
});

test('the audit says who changed what, also what was refused, and holds no password, hash or token', async () => {
  const { access, audit, shared } = await openAccess(await startBroker());
  await addUsers(access, { anna: 'admin', bert: 'viewer' });
  const secret = await issue(access, as('anna', 'admin'), { name: 'ci', role: 'viewer', expiresInMs: null });
  await access.changeUser(as('anna', 'admin'), 'bert', { role: 'operator', password: `${PASSWORD} two` });
  await access.logIn('bert', 'wrong password here', '192.0.2.7');
  await access.logIn(PASSWORD, PASSWORD, '192.0.2.7');
  await access.removeUser(as('bert', 'operator'), 'nobody');
  const lines = audit.map(({ who, action, target, outcome, from, detail }) => [
    who,
    action,
    target,
    outcome,
    from,
    detail,
  ]);
  expect(lines).toEqual([
    ['local', 'user.add', 'anna', 'done', null, 'role admin'],
    ['local', 'user.add', 'bert', 'done', null, 'role viewer'],
    ['anna', 'token.issue', secret.slice(4, 16), 'done', '192.0.2.1', '"ci", role viewer, does not expire'],
    ['anna', 'user.change', 'bert', 'done', '192.0.2.1', 'role operator, password'],
    ['bert', 'session.logIn', 'bert', 'refused', '192.0.2.7', 'wrong name or password'],
    ['unknown', 'session.logIn', null, 'refused', '192.0.2.7', 'wrong name or password'],
    ['bert', 'user.remove', 'nobody', 'refused', '192.0.2.1', 'forbidden'],
  ]);
  const text = JSON.stringify(audit);
  for (const hidden of [PASSWORD, secret.slice(17), 'scrypt', ...shared.book.users.map(({ password }) => password)]) {
    expect(text).not.toContain(hidden);
  }
});
