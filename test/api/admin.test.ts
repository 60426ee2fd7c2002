// The admin interface of a worker whose disk does not take the file by which commands find it.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startAdmin } from '../../src/api/admin.ts';
import { EXIT } from '../../src/domain/errors.ts';
import { portsOf } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';

test('does not stay: it names the file and why, is no defect, and leaves neither a port nor a draft behind', async () => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'bridge-admin-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  // What is there instead of the file has something in it, so no rename takes its place.
  mkdirSync(path.join(dataDir, 'admin.json'));
  writeFileSync(path.join(dataDir, 'admin.json', 'in the way'), '');
  const port = await freePort();
  const failed = startAdmin({ ports: portsOf({}), dataDir, port });
  await expect(failed).rejects.toMatchObject({
    code: 'adminFileUnavailable',
    exitCode: EXIT.unavailable,
    message: expect.stringMatching(/admin\.json, by which commands find this bridge, cannot be written: E/),
  });
  expect(readdirSync(dataDir)).toEqual(['admin.json']);
  rmSync(path.join(dataDir, 'admin.json'), { recursive: true });
  const admin = await startAdmin({ ports: portsOf({}), dataDir, port });
  await admin.stop();
});
