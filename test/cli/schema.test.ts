// The JSON schemas that editors pick up: as the code has them, and in agreement with what the bridge takes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { cli } from '../support/cli.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

function judge(name: 'config' | 'connection', value: unknown): unknown[] {
  ajv.validate(JSON.parse(read(`config/schema/${name}.schema.json`)), value);
  return ajv.errors ?? [];
}

test('the files in config/schema are what `here-bridge schema` prints', async () => {
  for (const name of ['config', 'connection']) {
    const { code, out } = await cli(['schema', name]);
    expect(code).toBe(0);
    // Regenerate: here-bridge schema <name> > config/schema/<name>.schema.json
    expect(JSON.parse(out)).toEqual(JSON.parse(read(`config/schema/${name}.schema.json`)));
  }
});

test('the configurations that come with the bridge agree with the schema; a slip does not', () => {
  for (const file of ['default', 'demo', 'compose']) {
    expect([file, judge('config', JSON.parse(read(`config/${file}.json`)))]).toEqual([file, []]);
  }
  expect(judge('config', { brokers: { main: null }, here: { services: { x: { url: 'https://x' } } } })).toEqual([]);
  expect(judge('config', { http: { prot: 1 } })).toHaveLength(1);
  expect(judge('config', { http: { port: '8080' } })).toHaveLength(1);
});

test('a configuration file and a definition may name their schema', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bridge-schema-'));
  try {
    const file = path.join(folder, 'site.json');
    writeFileSync(file, JSON.stringify({ $schema: './config.schema.json', http: { port: 9 } }));
    expect(loadConfig({ files: [file], env: {}, cwd: folder }).config.http.port).toBe(9);
    const definition = {
      $schema: './connection.schema.json',
      connectorId: 'actility-here-iot',
      name: 'A',
      configuration: { email: 'a@example.com', password: 'secret' },
    };
    expect(judge('connection', definition)).toEqual([]);
    expect(judge('connection', { ...definition, nmae: 'B' })).toHaveLength(1);
    expect((await cli(['validate', '-'], { stdin: JSON.stringify(definition) })).code).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
