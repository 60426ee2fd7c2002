// What values of the HTTP server must not be combined, and what follows from them.
import { accessSync, constants } from 'node:fs';
import { isIPv4 } from 'node:net';
import path from 'node:path';
import type { Conflict, RuleContext } from './broker-rules.ts';
import type { HttpConfig } from './config.ts';

/** Whether there are users is known at the start only (they are on the config topic): `startAccess` refuses then. */
export function* httpConflicts(http: HttpConfig, { cwd }: RuleContext): Generator<Conflict> {
  const { certFile, keyFile } = http.tls;
  for (const part of ['certFile', 'keyFile'] as const) {
    const file = http.tls[part];
    if (file !== null && !isReadable(path.resolve(cwd, file))) {
      yield { keys: [`http.tls.${part}`], message: 'the file cannot be read' };
    }
  }
  if ((certFile === null) !== (keyFile === null)) {
    const [given, missing] = certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
    yield { keys: [`http.tls.${given}`, `http.tls.${missing}`], message: `needs http.tls.${missing} too` };
  }
  if (!isLoopback(http.host) && !http.open && certFile === null && http.trustProxy.length === 0) {
    const message =
      'beyond the loopback interface log-ins must be encrypted: give http.tls.certFile and http.tls.keyFile, or http.trustProxy with ' +
      'the address of the proxy that ends TLS, or, where something else guards the address, http.open=true (no log-in, no TLS)';
    yield { keys: ['http.host', 'http.tls.certFile', 'http.trustProxy', 'http.open'], message };
  }
  if (http.open && (http.firstAdminPassword !== null || http.oidc.issuer !== null)) {
    const message = 'lets everybody in without a log-in: take it out, or the users';
    yield { keys: ['http.open', 'http.firstAdminPassword', 'http.oidc.issuer'], message };
  }
  if (http.session.idleMs > http.session.maxMs) {
    const message = `must not be more than http.session.maxMs (${http.session.maxMs})`;
    yield { keys: ['http.session.idleMs', 'http.session.maxMs'], message };
  }
  yield* oidcConflicts(http.oidc);
}

function* oidcConflicts({ issuer, audience, roles }: HttpConfig['oidc']): Generator<Conflict> {
  if ((issuer === null) !== (audience === null)) {
    const [given, missing] = issuer === null ? ['audience', 'issuer'] : ['issuer', 'audience'];
    yield { keys: [`http.oidc.${given}`, `http.oidc.${missing}`], message: `needs http.oidc.${missing} too` };
  }
  if (issuer?.startsWith('http:') && !isLoopback(new URL(issuer).hostname.replace(/^\[|\]$/g, ''))) {
    yield { keys: ['http.oidc.issuer'], message: 'must be https:// unless it is on the loopback interface' };
  }
  if (new Set(Object.values(roles)).size < 3) {
    yield {
      keys: ['http.oidc.roles.viewer', 'http.oidc.roles.operator', 'http.oidc.roles.admin'],
      message: 'each role needs a value of its own',
    };
  }
}

export function completeHttp(http: HttpConfig, cwd: string): HttpConfig {
  const at = (file: string | null): string | null => (file === null ? null : path.resolve(cwd, file));
  return { ...http, tls: { certFile: at(http.tls.certFile), keyFile: at(http.tls.keyFile) } };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

export function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
