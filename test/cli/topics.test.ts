// `here-bridge topics` where there is no Kafka to ask.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cli } from '../support/cli.ts';

function configFile(settings: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bridge-topics-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ dataDir: folder, ...settings }));
  return file;
}

test('definitions on an embedded broker are the running bridge’s to read: one line says so, and nothing fails', async () => {
  const brokers = { main: { kind: 'embedded' }, log: { kind: 'kafka', bootstrap: ['127.0.0.1:1'] } };
  const { code, out, err } = await cli(['topics', 'check', '--json', '--config', configFile({ brokers })]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(JSON.parse(out)).toEqual({
    topic: 'here-bridge/connections',
    state: 'skipped',
    problems: [
      'The uplink topics of connections are not looked at: their definitions are on the embedded broker "main", which the running bridge alone reads.',
    ],
    command: null,
  });
});

test('without any Kafka there is nothing to look at', async () => {
  const config = configFile({ brokers: { main: { kind: 'embedded' } } });
  const { code, out, err } = await cli(['topics', 'check', '--config', config]);
  expect({ code, out }).toEqual({ code: 64, out: '' });
  expect(err).toContain('Neither the bridge\'s topics nor its sources are on Kafka ("main")');
});

test('definitions on an MQTT broker that does not answer are told of', { timeout: 30_000 }, async () => {
  const brokers = {
    main: { kind: 'mqtt', url: 'mqtt://127.0.0.1:1' },
    log: { kind: 'kafka', bootstrap: ['127.0.0.1:1'] },
  };
  const { code, out, err } = await cli(['topics', 'check', '--config', configFile({ brokers })]);
  expect({ code, err }).toEqual({ code: 1, err: '' });
  expect(out).toMatch(/^unknown {2}here-bridge\/connections\n {9}.*their definitions cannot be read: .*ECONNREFUSED/);
});
