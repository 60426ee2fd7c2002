import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/domain/errors.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { temporaryFolder } from './support.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

test('a secret is read back under its own context only, and never twice the same', () => {
  const box = openSecretBox({ dataDir: temporaryFolder(), key: KEY });
  const first = box.encrypt('pässword', 'tenant-1/password');
  expect(first).toMatch(/^enc:v1:[0-9a-f]{8}:[A-Za-z0-9_-]+$/);
  expect(first).not.toBe(box.encrypt('pässword', 'tenant-1/password'));
  expect(box.isEncrypted(first)).toBe(true);
  expect(box.decrypt(first, 'tenant-1/password')).toBe('pässword');
  expect(() => box.decrypt(first, 'tenant-2/password')).toThrow(/tenant-2\/password.*another connection/);
  expect(box.decrypt(box.encrypt('', 'x'), 'x')).toBe('');
});

test('plain values of other producers are taken as they are', () => {
  const box = openSecretBox({ dataDir: temporaryFolder(), key: KEY });
  expect(box.isEncrypted('hunter2')).toBe(false);
  expect(box.decrypt('hunter2', 'x')).toBe('hunter2');
});

test.each([
  ['cut off', (v: string) => v.slice(0, 30)],
  ['cut off after its mark', () => 'enc:v1:'],
  ['changed', (v: string) => v.slice(0, 24) + (v[24] === 'A' ? 'B' : 'A') + v.slice(25)],
  ['of another form', (v: string) => `${v}!`],
])('a value that is %s is unreadable, and the error does not show it', (_, change) => {
  const box = openSecretBox({ dataDir: temporaryFolder(), key: KEY });
  const bad = change(box.encrypt('secret', 'x'));
  try {
    box.decrypt(bad, 'x');
    throw new Error('was read');
  } catch (error) {
    expect(error).toMatchObject({ code: 'secretUnreadable' });
    expect((error as Error).message).not.toContain(bad.slice(17) || 'enc:v1:;');
    expect((error as Error).message).not.toContain('secret"');
  }
});

test('another key cannot read it and names both ids; as a former key it can', () => {
  const dataDir = temporaryFolder();
  const value = openSecretBox({ dataDir, key: KEY }).encrypt('s', 'x');
  const id = value.split(':')[2]!;
  const other = 'cd'.repeat(32);
  expect(() => openSecretBox({ dataDir, key: other }).decrypt(value, 'x')).toThrow(`key ${id}, this bridge has`);
  const rotated = openSecretBox({ dataDir, key: other, formerKeys: [KEY] });
  expect(rotated.decrypt(value, 'x')).toBe('s');
  expect(rotated.encrypt('s', 'x')).not.toContain(`:${id}:`);
});

test('the generated key is the same at the next start, for this user alone, also when its mode was widened', () => {
  const dataDir = path.join(temporaryFolder(), 'new');
  const value = openSecretBox({ dataDir, key: null }).encrypt('s', 'x');
  const file = path.join(dataDir, 'secret.key');
  fs.chmodSync(file, 0o644);
  const again = openSecretBox({ dataDir, key: null });
  expect(again.decrypt(value, 'x')).toBe('s');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(fs.statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(fs.readdirSync(dataDir)).toEqual(['secret.key']);
});

test('a configured key leaves no file', () => {
  const dataDir = temporaryFolder();
  openSecretBox({ dataDir, key: KEY });
  expect(fs.readdirSync(dataDir)).toEqual([]);
});

test.each(['', 'short', 'g'.repeat(64), `${KEY}AAAA`])(
  'a key that is not 32 bytes (%j) is a configuration error',
  (key) => {
    expect(() => openSecretBox({ dataDir: temporaryFolder(), key })).toThrow(
      expect.objectContaining({ code: 'badSecretKey', exitCode: EXIT.config }),
    );
  },
);

test('the keyed hash depends on the key and the value', () => {
  const a = openSecretBox({ dataDir: temporaryFolder(), key: KEY });
  const b = openSecretBox({ dataDir: temporaryFolder(), key: 'cd'.repeat(32) });
  expect(a.hmac('x')).toMatch(/^[0-9a-f]{64}$/);
  expect(a.hmac('x')).toBe(a.hmac('x'));
  expect(a.hmac('x')).not.toBe(a.hmac('y'));
  expect(a.hmac('x')).not.toBe(b.hmac('x'));
});

test('a rotation seals with a new key, reads what the old one sealed, and changes no keyed hash', () => {
  const dataDir = temporaryFolder();
  const box = openSecretBox({ dataDir, key: null });
  const [old, oldId, hash] = [box.encrypt('s', 'x'), box.keyId, box.hmac('pair')];
  box.rotate();
  expect(box.keyId).not.toBe(oldId);
  expect(box.formerIds).toEqual([oldId]);
  const fresh = box.encrypt('t', 'x');
  expect([box.keyOf(old), box.keyOf(fresh)]).toEqual([oldId, box.keyId]);
  const later = openSecretBox({ dataDir, key: null });
  expect([later.decrypt(old, 'x'), later.decrypt(fresh, 'x'), later.hmac('pair')]).toEqual(['s', 't', hash]);
  expect(fs.statSync(path.join(dataDir, 'secret.key')).mode & 0o777).toBe(0o600);
  expect(later.forget(oldId)).toBe(true);
  expect(later.forget(oldId)).toBe(false);
  expect(() => later.decrypt(old, 'x')).toThrow(`key ${oldId}, this bridge has ${box.keyId}`);
  expect(openSecretBox({ dataDir, key: null }).formerIds).toEqual([]);
});

test('another worker on the data directory reads what was sealed after a rotation, without a restart', () => {
  const dataDir = temporaryFolder();
  const [one, two] = [openSecretBox({ dataDir, key: null }), openSecretBox({ dataDir, key: null })];
  one.rotate();
  expect(two.decrypt(one.encrypt('s', 'x'), 'x')).toBe('s');
  expect(two.keyId).toBe(one.keyId);
});

test('a key that was made is told with its file, once; a configured one cannot be rotated here', () => {
  const dataDir = temporaryFolder();
  const told: string[] = [];
  for (let n = 0; n < 2; n++) openSecretBox({ dataDir, key: null, onNewKey: (file) => told.push(file) });
  expect(told).toEqual([path.join(dataDir, 'secret.key')]);
  const configured = openSecretBox({ dataDir, key: KEY, formerKeys: ['cd'.repeat(32)] });
  expect(configured.formerIds).toHaveLength(1);
  expect(() => configured.rotate()).toThrow(/secrets\.formerKeys/);
});
