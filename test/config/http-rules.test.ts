// Beyond the loopback interface there is no API without TLS and log-in, unless the configuration says so loudly.
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

const readable = path.resolve(import.meta.dirname, '../../package.json');

function faults(values: Record<string, string>): string[] {
  const flags = Object.entries(values).map(([key, text]) => ({ flag: '-', key, text }));
  try {
    loadConfig({ env: {}, cwd: '/', flags });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key, message }) => `${key}: ${message}`);
  }
}

const ANYWHERE = { 'http.host': '0.0.0.0' };
const OIDC = { 'http.oidc.issuer': 'https://sso.example.com/realms/x', 'http.oidc.audience': 'bridge' };

test.each<[string, Record<string, string>, string]>([
  ['plain HTTP for all the world', ANYWHERE, 'http.host: beyond the loopback interface log-ins must be encrypted'],
  ['half a certificate', { 'http.tls.certFile': readable }, 'http.tls.certFile: needs http.tls.keyFile too'],
  [
    'a certificate that is not there',
    { 'http.tls.certFile': '/no.pem', 'http.tls.keyFile': readable },
    'http.tls.certFile: the file cannot be read',
  ],
  ['everybody believed as a proxy', { 'http.trustProxy': '0.0.0.0/0' }, 'http.trustProxy: allowed: a list of'],
  ['any origin', { 'http.corsOrigins': '*' }, 'http.corsOrigins: allowed: a list of'],
  ['an origin with a path', { 'http.corsOrigins': 'https://a.example/x' }, 'http.corsOrigins: allowed: a list of'],
  [
    'an issuer without audience',
    { 'http.oidc.issuer': 'https://sso.example.com' },
    'http.oidc.issuer: needs http.oidc.audience too',
  ],
  [
    'an issuer in plain HTTP',
    { ...OIDC, 'http.oidc.issuer': 'http://sso.example.com' },
    'http.oidc.issuer: must be https:// unless it is on the loopback interface',
  ],
  [
    'one value for two roles',
    { 'http.oidc.roles.viewer': 'x', 'http.oidc.roles.admin': 'x' },
    'http.oidc.roles.viewer: each role needs',
  ],
  [
    'an open API with users',
    { ...ANYWHERE, 'http.open': 'true', ...OIDC },
    'http.open: lets everybody in without a log-in',
  ],
  [
    'a session that is idle longer than it lasts',
    { 'http.session.maxMs': '60000' },
    'http.session.idleMs: must not be more than http.session.maxMs (60000)',
  ],
  ['a short former key', { 'secrets.formerKeys': 'abc' }, 'secrets.formerKeys: allowed: a list of'],
])('refuses %s', (_, values, line) => {
  expect(faults(values)).toEqual([expect.stringContaining(line)]);
});

test.each<[string, Record<string, string>]>([
  ['TLS', { ...ANYWHERE, 'http.tls.certFile': readable, 'http.tls.keyFile': readable }],
  ['a trusted proxy', { ...ANYWHERE, 'http.trustProxy': '10.1.0.0/16,::1' }],
  ['the loud setting', { ...ANYWHERE, 'http.open': 'true' }],
  ['another loopback address in plain', { 'http.host': '127.0.0.2' }],
  ['an issuer on this machine', { ...OIDC, 'http.oidc.issuer': 'http://127.0.0.1:8089' }],
  ['former keys', { 'secrets.formerKeys': `${'ab'.repeat(32)}, ${'cd'.repeat(32)}` }],
])('takes %s', (_, values) => {
  expect(faults(values)).toEqual([]);
});
