// A whole run of the bridge, recorded on its way to HERE: each request agrees with HERE's OpenAPI document.
import { expect, test } from 'vitest';
import { systemClock } from '../../src/ops/clock.ts';
import { startFleetPublisher } from '../../src/sandbox/fleet/publisher.ts';
import {
  definition,
  LocalBridge,
  settledLedger,
  temporaryFolder,
  until,
  untilState,
  useBroker,
} from '../support/bridge.ts';
import { checkRequests, recordHere } from '../support/here-recorder.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

describeWith('openapi', "what the bridge sends and HERE's OpenAPI document", (file) => {
  test('agree: log-in, renewal, licences, health, jobs, claims and the batches of a fleet, with faults', async () => {
    const sandbox = await useSandbox({ tokenLifetimeS: 3 });
    const { url, seen } = await recordHere(sandbox.url);
    const broker = await useBroker('embedded');
    const bridge = await LocalBridge.start({
      dataDir: temporaryFolder(),
      broker,
      services: { sandbox: { url } },
      settings: { delivery: { retryMinMs: 20, retryMaxMs: 200, closeAfterMs: 1000 } },
    });
    const { email, password, appIds } = sandbox;
    // The account's first project, a named one in each format, and a platform project.
    await bridge.apply('a', definition({ email, password }));
    await bridge.apply('b', definition({ email, password, appId: appIds[1], sendMetadata: true }));
    await bridge.apply('c', definition({ email, password, appId: appIds[1], sendRawDecodedFormat: true }));
    await bridge.apply('d', definition({ email, password, appId: appIds[2] }));
    for (const id of ['a', 'b', 'c', 'd']) await untilState(bridge, id, 'OPENED');
    sandbox.addFault({ name: '400', rate: 0.02, path: '/v3/batch' });
    sandbox.addFault({ name: '503', rate: 0.05, path: '/v3/batch' });

    const fleet = startFleetPublisher({
      brokerUrl: broker.url,
      seed: 5,
      devices: 40,
      ratePerSecond: 400,
      total: 600,
      clock: systemClock,
    });
    await fleet.ready;
    // One of its devices is there and not claimed.
    const known = new Set<string>();
    await until('devices are made', () => {
      for (const { device } of sandbox.devices(appIds[0])) known.add(device);
      return known.size > 3;
    });
    sandbox.changeDevices(appIds[0] as string, 'unclaim', [[...known][0] as string]);
    await fleet.done;
    for (const id of ['a', 'b', 'c', 'd']) await settledLedger(bridge, id, 600, 40_000);
    await until('a renewal', () => sandbox.account(email).refreshes > 0);
    // A refused log-in is a request as well.
    await bridge.apply('e', definition({ email: 'nobody@sandbox.example', password: 'wrong' }));
    await untilState(bridge, 'e', 'AUTHENTICATION_FAILED');

    const { routes, problems } = checkRequests(file, seen);
    const batches = seen.filter(({ url: { pathname } }) => pathname === '/v3/batch');
    const records = batches.reduce((sum, { body }) => sum + (JSON.parse(body).data as unknown[]).length, 0);
    console.log(`${seen.length} requests checked, of them ${batches.length} batches with ${records} records`);
    expect(problems).toEqual([]);
    // The check bites.
    const doctored = { ...(batches[0] as (typeof batches)[number]), body: '{"appId":1,"data":[{"id":"x"}]}' };
    expect(checkRequests(file, [doctored]).problems).toHaveLength(1);
    expect(routes).toEqual(
      expect.arrayContaining([
        'GET /registry/v2/licenses',
        'GET /registry/v2/{jobId}/results',
        'GET /registry/v2/{jobId}/status',
        'POST /registry/v2/{appId}/devices',
        'POST /users/v2/login',
        'POST /users/v2/refresh',
        'POST /users/v2/tokenExchange',
        'POST /v3/batch',
      ]),
    );
    expect(records).toBeGreaterThan(1000);
  });
});
