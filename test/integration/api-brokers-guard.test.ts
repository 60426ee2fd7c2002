// A broker that is defined over the API leads nowhere in the operator's own network.
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { LocalBridge, type Settings, temporaryFolder, useBroker } from '../support/bridge.ts';

async function stage(settings: Settings) {
  const broker = await useBroker('embedded');
  const services = { sandbox: { url: 'http://127.0.0.1:9' } };
  const bridge = await LocalBridge.start({ dataDir: temporaryFolder(), broker, services, settings });
  return { call: apiClient(bridge.bridge.health.url) };
}

test.each(['mqtt', 'ws'])(
  'none is reached in the operator’s own network, whatever its name resolves to (%s)',
  async (protocol) => {
    let knocks = 0;
    const own = net.createServer((socket) => {
      knocks += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void own.close());
    const { port } = own.address() as net.AddressInfo;
    // As it is by default.
    const { call } = await stage({});
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254']) {
      const { status, body } = await call('PUT', '/brokers/x', {
        kind: 'mqtt',
        url: `${protocol}://${host}:${port}`,
      });
      expect([status, body.errors]).toEqual([
        400,
        [{ pointer: '/url', message: expect.stringContaining('brokerDefinitions.hosts') }],
      ]);
    }
    for (const url of [`${protocol}://localhost:${port}`, `${protocol}s://localhost:${port}`, `mqtt://127.1:${port}`]) {
      const { ok, steps } = (await call('POST', '/brokers/test', { kind: 'mqtt', url, connectTimeoutMs: 3000 })).body;
      expect([ok, steps.at(-1).message ?? '']).toEqual([false, expect.stringContaining('brokerDefinitions.hosts')]);
    }
    const kafka = { kind: 'kafka', bootstrap: [`localhost:${port}`], connectTimeoutMs: 3000 };
    const { ok, steps } = (await call('POST', '/brokers/test', kafka)).body;
    expect([ok, steps.at(-1).message]).toEqual([false, expect.stringContaining('brokerDefinitions.hosts')]);
    expect(knocks).toBe(0);
    const off = await stage({ brokerDefinitions: { hosts: [] } });
    expect((await off.call('PUT', '/brokers/x', { kind: 'mqtt', url: 'mqtt://broker.example.com' })).status).toBe(409);
  },
  60_000,
);
