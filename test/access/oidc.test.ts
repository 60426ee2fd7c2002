// Bearer tokens of an issuer that runs in the test: only what it signed, for us, now, with a role of ours, is taken.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type OidcOptions, OidcVerifier } from '../../src/access/oidc.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

let server: Server;
let issuer: string;
let keys: Keys;
let strangers: Keys;
let served: object[] = [];
let asked = 0;
let status = 200;
let claimed: string;

beforeAll(async () => {
  keys = await generateKeyPair('ES256');
  strangers = await generateKeyPair('ES256');
  served = [{ ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }];
  server = createServer((request, response) => {
    asked += 1;
    const body =
      request.url === '/realm/.well-known/openid-configuration'
        ? { issuer: claimed, jwks_uri: `${issuer}/keys` }
        : { keys: served };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realm`;
  claimed = issuer;
});

afterAll(() => server.close());

function verifier(more: Partial<OidcOptions> = {}): OidcVerifier {
  const roles = { viewer: 'bridge-viewer', operator: 'bridge-operator', admin: 'bridge-admin' };
  return new OidcVerifier({
    issuer,
    audience: 'bridge',
    nameClaim: 'preferred_username',
    roleClaim: 'realm_access.roles',
    roles,
    clock: systemClock,
    ...more,
  });
}

const PAYLOAD = { preferred_username: 'anna', realm_access: { roles: ['other', 'bridge-viewer', 'bridge-operator'] } };

function sign(
  payload: JWTPayload = PAYLOAD,
  more: { key?: Keys; iss?: string; aud?: string; exp?: string; kid?: string } = {},
) {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', kid: more.kid ?? 'one' })
    .setIssuer(more.iss ?? issuer)
    .setAudience(more.aud ?? 'bridge')
    .setSubject('user-1')
    .setIssuedAt()
    .setExpirationTime(more.exp ?? '5m')
    .sign((more.key ?? keys).privateKey);
}

test('a token of the issuer is known by name, with the highest role that its claim holds', async () => {
  expect(await verifier().verify(await sign())).toEqual({ kind: 'known', name: 'oidc:anna', role: 'operator' });
});

test('a role claim may be one text, or have a name with dots or slashes of its own', async () => {
  const token = await sign({ 'https://x.example/roles': 'bridge-admin' });
  const known = { kind: 'known', name: 'oidc:user-1', role: 'admin' };
  expect(await verifier({ roleClaim: 'https://x.example/roles' }).verify(token)).toEqual(known);
});

test.each<[string, () => Promise<string> | string]>([
  ['signed with another key', () => sign(PAYLOAD, { key: strangers })],
  ['for another audience', () => sign(PAYLOAD, { aud: 'other' })],
  ['of another issuer', () => sign(PAYLOAD, { iss: 'https://elsewhere.example' })],
  ['expired', () => sign(PAYLOAD, { exp: '-1m' })],
  [
    'without an end',
    async () =>
      new SignJWT(PAYLOAD)
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience('bridge')
        .setSubject('u')
        .sign(keys.privateKey),
  ],
  [
    'not signed',
    () =>
      new UnsecuredJWT(PAYLOAD)
        .setIssuer(issuer)
        .setAudience('bridge')
        .setSubject('u')
        .setExpirationTime('5m')
        .encode(),
  ],
  [
    'signed with the public key as a shared one',
    async () =>
      new SignJWT(PAYLOAD)
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience('bridge')
        .setSubject('u')
        .setExpirationTime('5m')
        .sign(new TextEncoder().encode(JSON.stringify(served[0]))),
  ],
  ['of a key that the issuer does not name', () => sign(PAYLOAD, { kid: 'two' })],
  ['not yet valid', () => sign({ ...PAYLOAD, nbf: Math.floor(Date.now() / 1000) + 600 })],
  ['no token at all', () => 'a.b.c'],
  ['endless', () => `${'a'.repeat(20_000)}.b.c`],
])('a token that is %s is refused', async (_, make) => {
  expect(await verifier().verify(await make())).toEqual({ kind: 'refused' });
});

test.each([
  {},
  { realm_access: 'bridge-admin' },
  { realm_access: { roles: ['admin'] } },
  { realm_access: { roles: { 0: 'bridge-admin' } } },
])('a valid token with the claims %j holds no role', async (payload) => {
  expect(await verifier().verify(await sign(payload))).toEqual({ kind: 'noRole' });
});

test('an issuer that does not answer is asked once in ten seconds, not for each token', async () => {
  status = 500;
  onTestFinished(() => {
    status = 200;
  });
  const clock = new ManualClock(Date.now());
  const one = verifier({ clock });
  const token = await sign();
  asked = 0;
  for (let n = 0; n < 20; n++) expect((await one.verify(token)).kind).toBe('unavailable');
  expect(asked).toBe(1);
  status = 200;
  await clock.advance(10_001);
  expect((await one.verify(token)).kind).toBe('known');
});

test('a discovery document of another issuer is not believed', async () => {
  claimed = 'https://elsewhere.example';
  onTestFinished(() => {
    claimed = issuer;
  });
  const verdict = await verifier().verify(await sign());
  expect(verdict).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('is of another issuer') });
});
