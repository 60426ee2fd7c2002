// Accounts of the HERE client against the sandbox: platform projects, realms, services, callers that stop waiting.
import { expect, test } from 'vitest';
import { MemoryVault, never, openProject, record, useGateway } from '../here/support.ts';
import { useSandbox } from '../support/sandbox.ts';

test('platform projects get a token of their own, which is kept too', async () => {
  const sandbox = await useSandbox();
  const appId = sandbox.appIds[2]!;
  sandbox.changeDevices(appId, 'claim', ['D1']);
  const vault = new MemoryVault();
  for (let index = 0; index < 2; index++) {
    const project = await openProject(useGateway({ url: sandbox.url, vault }), sandbox, appId);
    expect(await project.send([record('D1')], never())).toMatchObject({ kind: 'accepted' });
  }
  expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 1, exchanges: 1 });
  const project = await openProject(useGateway({ url: sandbox.url, vault }), sandbox, appId);
  sandbox.revokeTokens(sandbox.email);
  const sent = await Promise.all([1, 2, 3].map(() => project.send([record('D1')], never())));
  expect(sent.map((outcome) => outcome.kind)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(sandbox.account(sandbox.email)).toMatchObject({ logIns: 2, exchanges: 2 });
});

test('the realm goes into the log-in, and accounts of two realms are two accounts', async () => {
  const sandbox = await useSandbox({
    accounts: [{ email: 'a@b.example', password: 'secret-1', realm: 'org1', projects: [{ appId: 'appOfRealm1' }] }],
  });
  const gateway = useGateway({ url: sandbox.url });
  const at = (realm: string) => gateway.account({ service: 'here', realm, email: 'a@b.example' }, 'secret-1');
  expect(await at('ORG1').authenticate(never())).toMatchObject({ kind: 'ok' });
  expect(await at('other').authenticate(never())).toMatchObject({ kind: 'refused', attempted: true });
});

test('an aborted caller stops waiting while the log-in goes on for the others', async () => {
  const sandbox = await useSandbox();
  sandbox.addFault({ name: 'slow', delayMs: 200, path: '/users/v2/login' });
  const gateway = useGateway({ url: sandbox.url });
  const account = () => gateway.account({ service: 'here', realm: null, email: sandbox.email }, sandbox.password);
  const stop = new AbortController();
  const impatient = account().authenticate(stop.signal);
  const patient = account().authenticate(never());
  stop.abort();
  expect(await impatient).toMatchObject({ kind: 'retry', message: 'stopped' });
  expect(await patient).toMatchObject({ kind: 'ok' });
  expect(sandbox.stats().requests['POST /users/v2/login']).toEqual({ '200': 1 });
});

test('a service that is not set is refused with the names of those that are', async () => {
  const gateway = useGateway({ url: 'http://127.0.0.1:9' });
  const key = { service: 'there', realm: null, email: 'a@b.example' };
  expect(() => gateway.account(key, 'x')).toThrow('there is no HERE service "there"; allowed: here');
  await expect(gateway.isHealthy('there', never())).rejects.toThrow('allowed: here');
});
