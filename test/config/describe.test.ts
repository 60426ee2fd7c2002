// What is shown of the configuration, and that the documentation is the schema's.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeConfig, renderConfig, renderConfigMarkdown } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config/load.ts';
import { VALUES } from '../../src/config/schema.ts';

const PLANTED = 'Zq9planted';
const env = {
  HERE_BRIDGE_BROKERS: JSON.stringify({
    main: { users: [{ username: 'gw', password: PLANTED }] },
    far: { url: 'mqtt://b', username: 'u', password: PLANTED },
  }),
  HERE_BRIDGE_SECRETS_KEY: Buffer.from(PLANTED.padEnd(32, PLANTED)).toString('hex'),
  HERE_BRIDGE_HERE_PROXY_HTTPS_URL: `http://u:${PLANTED}@proxy:3128`,
};

describe('The description of the configuration', () => {
  test('shows no secret', () => {
    const { values } = loadConfig({ env, cwd: '/' });
    const shown = `${renderConfig(values)}${JSON.stringify(describeConfig(values))}`;
    expect(shown).not.toContain(PLANTED);
    expect(shown).not.toContain(env.HERE_BRIDGE_SECRETS_KEY);
    expect(describeConfig(values)['brokers.far.password']).toEqual({
      value: '*****',
      from: 'HERE_BRIDGE_BROKERS',
      env: 'HERE_BRIDGE_BROKERS_FAR_PASSWORD',
    });
  });

  test('says where each value came from', () => {
    const { values } = loadConfig({ env: { HERE_BRIDGE_HTTP_PORT: '9000' }, cwd: '/' });
    const lines = renderConfig(values).split('\n');
    expect(lines.find((line) => line.startsWith('http.port'))).toMatch(/^http\.port +9000 +HERE_BRIDGE_HTTP_PORT$/);
    expect(lines.find((line) => line.startsWith('here.services.here.url'))).toMatch(/config\/default\.json$/);
    expect(lines.find((line) => line.startsWith('log.level'))).toMatch(/ default$/);
  });

  test('names every value with its variable', () => {
    const page = renderConfigMarkdown();
    for (const spec of VALUES) expect(page).toContain(`| \`${spec.key}\` |`);
    expect(new Set(VALUES.map((spec) => spec.env)).size).toBe(VALUES.length);
  });

  test('is what docs/configuration.md says (npm run -s docs > docs/configuration.md)', () => {
    const file = path.resolve(import.meta.dirname, '../../docs/configuration.md');
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(renderConfigMarkdown());
  });
});
