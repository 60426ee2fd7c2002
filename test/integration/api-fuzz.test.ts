// Twenty seconds of random and hostile requests; `npm run fuzz` does the same for ten minutes (docs/api.md).
import { expect, test } from 'vitest';
import { adminToken, fuzz } from '../fuzz/fuzz.ts';
import { definition, figures, LocalBridge, temporaryFolder, untilState, useBroker } from '../support/bridge.ts';
import { useSandbox } from '../support/sandbox.ts';

const SECONDS = 20;

test('no request is answered with a 5xx or not at all, and answers are as /openapi.json says', async () => {
  const sandbox = await useSandbox();
  const bridge = await LocalBridge.start({
    dataDir: temporaryFolder(),
    broker: await useBroker('embedded'),
    services: { sandbox: { url: sandbox.url } },
    settings: { http: { port: 0, requestsPerSecond: 100_000 } },
  });
  const { email, password, appIds } = sandbox;
  await bridge.apply('tenant-a', definition({ email, password, appId: appIds[0] }));
  await untilState(bridge, 'tenant-a', 'OPENED');
  const { url } = bridge.bridge.health;
  const headers = { authorization: `Bearer ${await adminToken(url)}` };
  const report = await fuzz({ url, headers, seed: 1, seconds: SECONDS, ids: ['tenant-a', 'main', '0018B20000000B20'] });
  figures('fuzz', { ...report });
  expect(report.findings).toEqual([]);
  expect(report.requests).toBeGreaterThan(report.operations);
}, 120_000);
