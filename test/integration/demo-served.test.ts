// The demo that a running bridge serves: one request starts it, it outlives a restart, one request removes it whole.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AdminClient } from '../../src/cli/admin-client.ts';
import { temporaryFolder, until } from '../support/bridge.ts';
import { freePort } from '../support/free-port.ts';
import { MainProcess } from '../support/main-process.ts';

const started: MainProcess[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each.kill();
});

interface Worker {
  readonly bridge: MainProcess;
  call(method: 'GET' | 'POST' | 'DELETE', route: string): Promise<{ readonly status: number; readonly body: unknown }>;
}

async function start(folder: string, settings: object = {}): Promise<Worker> {
  const file = path.join(folder, 'config.json');
  const dataDir = path.join(folder, 'data');
  const [port, httpPort] = [await freePort(), await freePort()];
  const brokers = { main: { kind: 'embedded', port } };
  fs.writeFileSync(
    file,
    JSON.stringify({ dataDir, brokers, http: { port: httpPort }, log: { pretty: 'never' }, ...settings }),
  );
  const bridge = new MainProcess(file);
  started.push(bridge);
  const child = bridge.launch();
  let admin: AdminClient | null = null;
  await until(
    'it is ready',
    async () => {
      if (child.exitCode !== null) throw new Error(bridge.output);
      const note = path.join(dataDir, 'admin.json');
      if (!fs.existsSync(note) || JSON.parse(fs.readFileSync(note, 'utf8')).pid !== child.pid) return false;
      admin = await AdminClient.find(dataDir);
      return true;
    },
    60_000,
  );
  const client = admin as unknown as AdminClient;
  return {
    bridge,
    call: (method, route) => client.request(method, route),
  };
}

const delivered = async ({ call }: Worker, id: string): Promise<number> => {
  const { body } = await call('GET', `/connections/${id}`);
  return (body as { ledger?: { delivered: number } | null }).ledger?.delivered ?? 0;
};

test('it starts, goes on after a restart, and leaves nothing', async () => {
  const folder = temporaryFolder();
  const worker = await start(folder);
  expect((await worker.call('GET', '/demo')).body).toMatchObject({ state: 'off', connections: [], unavailable: null });
  const begun = await worker.call('POST', '/demo');
  expect(begun).toMatchObject({ status: 200, body: { state: 'running', connections: ['demo-north', 'demo-south'] } });
  // Again it changes nothing.
  expect((await worker.call('POST', '/demo')).body).toEqual(begun.body);
  for (const id of ['demo-north', 'demo-south']) {
    await until(`${id} delivers`, async () => (await delivered(worker, id)) > 5);
  }
  await until(
    'a command is on its way',
    async () => {
      const { body } = await worker.call('GET', '/connections/demo-south/commands');
      return (body as { commands: { publishedAt: string | null }[] }).commands.some(
        ({ publishedAt }) => publishedAt !== null,
      );
    },
    40_000,
  );

  await worker.bridge.stop();
  const again = await start(folder);
  await until(
    'it runs again',
    async () => ((await again.call('GET', '/demo')).body as { state: string }).state === 'running',
  );
  const before = await delivered(again, 'demo-north');
  await until('it delivers again', async () => (await delivered(again, 'demo-north')) > before + 5);

  expect(await again.call('DELETE', '/demo')).toMatchObject({ status: 200, body: { state: 'off', connections: [] } });
  await until(
    'no connection is left',
    async () => ((await again.call('GET', '/connections')).body as unknown[]).length === 0,
  );
  expect(fs.existsSync(path.join(folder, 'data', 'demo.json'))).toBe(false);
  // Once more: the port of the simulated HERE is free for it again.
  expect((await again.call('POST', '/demo')).body).toMatchObject({ state: 'running' });
});

test('a service of the same name is left alone, and said so', async () => {
  const worker = await start(temporaryFolder(), { here: { services: { demo: { url: 'http://127.0.0.1:9' } } } });
  const refused = await worker.call('POST', '/demo');
  expect(refused.status).toBe(409);
  expect(JSON.stringify(refused.body)).toContain('a service of its own called demo');
  expect((await worker.call('GET', '/demo')).body).toMatchObject({ state: 'off', unavailable: expect.any(String) });
});
