// The lines with curl that README.md and docs/api.md show work as they stand.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { LocalBridge, temporaryFolder, until, useBroker } from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';

const root = path.resolve(import.meta.dirname, '../..');
const ADDRESS = 'http://127.0.0.1:8080';

/** Each command with curl of the page's shell blocks, continuation lines included. */
function curlLines(page: string): string[] {
  const blocks = [...readFileSync(path.join(root, page), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)];
  return blocks.flatMap(([, block = '']) => block.split(/\n(?=curl )/)).filter((line) => line.startsWith('curl '));
}

describe.each(['README.md', 'docs/api.md'])('%s', (page) => {
  test('shows lines that work', async () => {
    const lines = curlLines(page);
    expect(lines.length).toBeGreaterThanOrEqual(2);
    // Whatever fence they stand in.
    const shown = readFileSync(path.join(root, page), 'utf8').match(/(^|\s|`)curl -/gm) ?? [];
    expect(lines.length).toBe(shown.length);
    const sandbox = await useSandbox();
    const bridge = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker: await useBroker('embedded'),
      services: { sandbox: { url: sandbox.url } },
    });
    const { url } = bridge.bridge.health;
    const answers: unknown[] = [];
    for (const line of lines) {
      expect(line).toContain(ADDRESS);
      const command = line.replaceAll(ADDRESS, url).replace('curl -s', 'curl -sS --fail-with-body');
      const { stdout } = await promisify(execFile)('sh', ['-ec', command]);
      answers.push(JSON.parse(stdout));
    }
    const [created] = answers as [{ id: string; configuration: { password: string } }];
    expect(created.configuration.password).toBe('*****');
    // The documentation's own example reaches OPENED.
    await until('it opens', () => bridge.bridge.control.connection(created.id)?.state === 'OPENED');
    if (page === 'README.md') expect(answers[2]).toMatchObject({ records: [{ position: { lat: 48.8566 } }] });
  });
});
