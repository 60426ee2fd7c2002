// `recordFile`: what was accepted and refused, line by line, in a file that a later sandbox goes on with.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { RecordLine } from '../../src/sandbox/record-file.ts';
import { logIn, withSandbox } from '../support/sandbox.ts';

const record = (id: string, timestamp: number) => ({ id, timestamp, payload: { n: timestamp } });

function linesOf(file: string): RecordLine[] {
  const texts = readFileSync(file, 'utf8').split('\n');
  return texts.filter((text) => text !== '').map((text) => JSON.parse(text) as RecordLine);
}

test('a sandbox and its successor write down what they took and what they refused', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'record-file-'));
  const recordFile = path.join(dir, 'records');
  try {
    for (const timestamp of [1_700_000_000_000, 1_700_000_000_002]) {
      await withSandbox({ recordFile }, async (sandbox) => {
        const [appId] = sandbox.appIds as [string];
        sandbox.changeDevices(appId, 'claim', ['A', 'B']);
        const client = await logIn(sandbox);
        expect((await client.send([record('A', timestamp), record('B', timestamp)])).status).toBe(204);
        sandbox.addFault({ name: '400', device: 'B' });
        expect((await client.send([record('A', timestamp + 1), record('B', timestamp + 1)])).status).toBe(400);
      });
    }
    const lines = linesOf(recordFile);
    const keys = lines.flatMap((line) => ('accepted' in line ? line.accepted.map(([, id, time]) => [id, time]) : []));
    expect(keys.map(([id, time]) => `${id} ${Number(time) - 1_700_000_000_000}`)).toEqual(['A 0', 'B 0', 'A 2', 'B 2']);
    const refused = lines.flatMap((line) => ('refused' in line ? line.refused : []));
    expect(refused.map(([, id, time]) => `${id} ${time - 1_700_000_000_000}`)).toEqual(['B 1', 'B 3']);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
