// Every request of the HERE client is checked against HERE's OpenAPI document, as it comes over the wire.
import { expect, test } from 'vitest';
import { eui, never, openProject, record, until, useGateway } from '../here/support.ts';
import { checkRequests, recordHere } from '../support/here-recorder.ts';
import { describeWith } from '../support/requirements.ts';
import { useSandbox } from '../support/sandbox.ts';

describeWith('openapi', "the client's requests and HERE's OpenAPI document", (file) => {
  test('agree: paths, parameters, headers and bodies', async () => {
    const sandbox = await useSandbox({ tokenLifetimeS: 2 });
    const { url, seen } = await recordHere(sandbox.url);
    const gateway = useGateway({ url });
    sandbox.changeDevices(sandbox.appIds[0]!, 'provision', [eui(5)]);
    expect(await gateway.isHealthy('here', never())).toBe(true);
    for (const appId of [sandbox.appIds[0]!, sandbox.appIds[2]!]) {
      const project = await openProject(gateway, sandbox, appId);
      project.devices.forget(eui(5));
      await project.devices.ensure([eui(5), eui(6)], null, never());
      expect(await project.send([record(eui(5)), record(eui(6))], never())).toMatchObject({ kind: 'accepted' });
    }
    await until(() => sandbox.account(sandbox.email).refreshes > 0, 'a renewal');

    const { routes, problems } = checkRequests(file, seen);
    expect(problems).toEqual([]);
    expect(routes).toEqual([
      'GET /registry/v2/licenses',
      'GET /registry/v2/{jobId}/results',
      'GET /registry/v2/{jobId}/status',
      'GET /v3/health',
      'POST /registry/v2/{appId}/devices',
      'POST /users/v2/login',
      'POST /users/v2/refresh',
      'POST /users/v2/tokenExchange',
      'POST /v3/batch',
      'PUT /registry/v2/devices/{deviceOrExternalId}',
    ]);
  });
});
