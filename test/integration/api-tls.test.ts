// Beyond the loopback interface: TLS with a certificate that is renewed while the bridge runs, an issuer's tokens, and no way in by accident.
import { copyFileSync, writeFileSync } from 'node:fs';
import { createServer, request as plainRequest } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CertificateFiles } from '../../src/api/certificate-files.ts';
import { startHttp } from '../../src/api/http.ts';
import { portsOf } from '../support/api.ts';
import { LocalBridge, type Settings, temporaryFolder, useBroker } from '../support/bridge.ts';
import { Certificates } from '../support/certificates.ts';
import { ManualClock } from '../support/manual-clock.ts';

const PASSWORD = 'correct horse battery staple';
let certificates: Certificates;

beforeAll(() => {
  certificates = new Certificates();
});
afterAll(() => certificates.remove());

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
  /** The fingerprint of the certificate that was shown. */
  readonly shown: string;
}

function ask(url: string, options: RequestOptions = {}, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { ...json, ...(options.headers as Record<string, string>) };
    const call = request(url, { ca: certificates.read('ca.crt'), agent: false, ...options, headers }, (response) => {
      const shown = (
        response.socket as unknown as { getPeerCertificate(): { fingerprint256: string } }
      ).getPeerCertificate();
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text,
          shown: shown.fingerprint256,
        }),
      );
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function start(http: Settings, dataDir = temporaryFolder()): Promise<LocalBridge> {
  const broker = await useBroker('embedded');
  const services = { sandbox: { url: 'http://127.0.0.1:9' } };
  return LocalBridge.start({ dataDir, broker, services, settings: { http: { port: 0, host: '0.0.0.0', ...http } } });
}

const tls = () => ({ tls: { certFile: certificates.file('server.crt'), keyFile: certificates.file('server.key') } });

/** 0.0.0.0 is no address to call. */
function urlOf(bridge: LocalBridge): string {
  return bridge.bridge.health.url.replace('0.0.0.0', '127.0.0.1');
}

describe('Beyond the loopback interface', () => {
  test('a start without users is refused, and says what to do', async () => {
    await expect(start(tls())).rejects.toMatchObject({
      code: 'noUsers',
      exitCode: 78,
      message: expect.stringContaining('http.firstAdminPasswordFile'),
    });
  });

  test('the first administrator of the configuration gets in, over TLS only, with a cookie for TLS only', async () => {
    const bridge = await start({ ...tls(), firstAdminPassword: PASSWORD });
    const url = urlOf(bridge);
    expect((await ask(`${url}/connections`)).status).toBe(401);
    const logIn = await ask(`${url}/session`, { method: 'POST' }, { name: 'admin', password: PASSWORD });
    expect(logIn.status).toBe(200);
    expect(logIn.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    const [cookie = ''] = logIn.headers['set-cookie'] as string[];
    expect(cookie).toMatch(/^__Host-here-bridge=\S+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
    const headers = { cookie: cookie.split(';')[0] as string };
    expect((await ask(`${url}/connections`, { headers })).status).toBe(200);
    // A cookie of that name without its prefix is somebody's invention.
    expect(
      (await ask(`${url}/connections`, { headers: { cookie: headers.cookie.slice('__Host-'.length) } })).status,
    ).toBe(401);
    await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow();
    await expect(ask(`${url}/health/live`, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
    expect(bridge.log.join('')).not.toContain(PASSWORD);
  });

  test('a first password that is too easy is a wrong configuration', async () => {
    await expect(start({ ...tls(), firstAdminPassword: 'admin' })).rejects.toMatchObject({
      code: 'firstAdmin',
      exitCode: 78,
      message: expect.stringContaining('at least 15 characters'),
    });
  });

  test('http.open lets everybody in and says so loudly; a rebound name does not get in; users cannot be added', async () => {
    const bridge = await start({ open: true });
    const url = urlOf(bridge);
    expect((await fetch(`${url}/connections`)).status).toBe(200);
    expect(bridge.log.join('')).toContain('is administrator of this bridge, without a log-in and unencrypted');
    const rebound = await new Promise<number>((resolve, reject) => {
      const call = plainRequest(
        `${url}/connections`,
        { headers: { host: 'evil.example' }, setHost: false },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      call.on('error', reject);
      call.end();
    });
    expect(rebound).toBe(421);
    const body = JSON.stringify({ name: 'anna', role: 'admin', password: PASSWORD });
    const added = await fetch(`${url}/users`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect([added.status, await added.text()]).toEqual([403, expect.stringContaining('travel in plain')]);
  });

  test('bearer tokens of an issuer get in with the role that they hold, without any user here', async () => {
    const keys = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' };
    let issuer = '';
    const server = createServer((incoming, response) => {
      const isDiscovery = incoming.url === '/.well-known/openid-configuration';
      response.end(JSON.stringify(isDiscovery ? { issuer, jwks_uri: `${issuer}/keys` } : { keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bridge = await start({ ...tls(), oidc: { issuer, audience: 'here-bridge', roleClaim: 'groups' } });
    const url = urlOf(bridge);
    const sign = (groups: string[], audience = 'here-bridge') =>
      new SignJWT({ groups, preferred_username: 'anna' })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject('1')
        .setExpirationTime('5m')
        .sign(keys.privateKey);
    const as = async (token: Promise<string>, route: string, method = 'GET', body?: unknown) =>
      ask(`${url}${route}`, { method, headers: { authorization: `Bearer ${await token}` } }, body);
    expect((await ask(`${url}/connections`)).status).toBe(401);
    expect((await as(sign(['here-bridge-viewer']), '/connections')).status).toBe(200);
    expect((await as(sign(['here-bridge-viewer']), '/connections/x', 'DELETE')).status).toBe(403);
    expect((await as(sign(['here-bridge-operator']), '/users')).status).toBe(403);
    expect(JSON.parse((await as(sign(['x', 'here-bridge-admin']), '/session')).body)).toMatchObject({
      name: 'oidc:anna',
      role: 'admin',
    });
    const user = { name: 'bert', role: 'admin', password: PASSWORD };
    expect((await as(sign(['here-bridge-admin']), '/users', 'POST', user)).status).toBe(201);
    expect((await as(sign(['others']), '/connections')).status).toBe(401);
    expect((await as(sign(['here-bridge-admin'], 'other'), '/connections')).status).toBe(401);
  });
});

describe('A certificate', () => {
  async function serve(dir: string) {
    const clock = new ManualClock();
    const [certFile, keyFile] = [path.join(dir, 'tls.crt'), path.join(dir, 'tls.key')];
    const files = new CertificateFiles(certFile, keyFile);
    const server = await startHttp({
      ports: portsOf({}),
      host: '127.0.0.1',
      port: 0,
      authenticate: () => ({ kind: 'refused', status: 401, message: 'no' }),
      tls: files.read(),
    });
    const faults: string[] = [];
    const cancel = files.watch(
      clock,
      (certificate) => server.setCertificate(certificate),
      (fault) => faults.push(fault),
    );
    onTestFinished(async () => {
      cancel();
      await server.stop();
    });
    return { clock, server, faults, certFile, keyFile };
  }

  test('is replaced while the server runs; one that is half-written is told and left', async () => {
    const dir = temporaryFolder();
    copyFileSync(certificates.file('server.crt'), path.join(dir, 'tls.crt'));
    copyFileSync(certificates.file('server.key'), path.join(dir, 'tls.key'));
    const { clock, server, faults, certFile, keyFile } = await serve(dir);
    const live = () => ask(`${server.url}/health/live`, { rejectUnauthorized: false });
    const { shown: before } = await live();
    writeFileSync(certFile, 'half of a');
    await clock.advance(10_000);
    expect((await live()).shown).toBe(before);
    expect(faults).toEqual([expect.stringContaining('The one in use stays.')]);
    await clock.advance(30_000);
    copyFileSync(certificates.file('client.crt'), certFile);
    copyFileSync(certificates.file('client.key'), keyFile);
    await clock.advance(10_000);
    expect((await live()).shown).not.toBe(before);
  });

  test('that does not fit its key is a wrong configuration', () => {
    const files = new CertificateFiles(certificates.file('server.crt'), certificates.file('client.key'));
    expect(() => files.read()).toThrow(expect.objectContaining({ code: 'certificateInvalid', exitCode: 78 }));
  });
});
