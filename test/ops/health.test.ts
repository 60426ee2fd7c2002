// The health paths: 200 or 503, and nothing else to be learnt.
import { afterEach, describe, expect, test } from 'vitest';
import { type HealthServer, startHealth } from '../../src/ops/health.ts';

let server: HealthServer;
let isReady = false;

async function start(): Promise<void> {
  server = await startHealth({ host: '127.0.0.1', port: 0, isReady: () => isReady });
}

afterEach(() => server.stop());

describe('The health server', () => {
  test('is live at once and ready when the bridge is', async () => {
    await start();
    const status = async (path: string): Promise<number> => (await fetch(`${server.url}${path}`)).status;
    isReady = false;
    expect([await status('/health/live'), await status('/health/ready')]).toEqual([200, 503]);
    isReady = true;
    expect([await status('/health/live'), await status('/health/ready')]).toEqual([200, 200]);
  });

  test('tells nothing else', async () => {
    await start();
    for (const path of ['/', '/status', '/connections', '/health', '/health/../admin.json']) {
      const response = await fetch(`${server.url}${path}`);
      expect([path, response.status, await response.text()]).toEqual([path, 404, '']);
    }
    for (const [size, status] of [
      [10, 404],
      [5000, 413],
    ] as const) {
      const posted = await fetch(`${server.url}/health/live`, { method: 'POST', body: 'x'.repeat(size) });
      expect([posted.status, await posted.text()]).toEqual([status, '']);
    }
  });

  test('rejects when its port is taken', async () => {
    await start();
    const port = Number(new URL(server.url).port);
    await expect(startHealth({ host: '127.0.0.1', port, isReady: () => true })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
