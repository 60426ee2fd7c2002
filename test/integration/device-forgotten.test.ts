// A device is forgotten on a data-protection request: nothing of it is left in the bytes of the data directory.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { apiClient } from '../support/api.ts';
import { definition, LocalBridge, temporaryFolder, until, untilState, useBroker } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { cli } from '../support/cli.ts';
import { useSandbox } from '../support/sandbox.ts';

const GONE = '0018B2AC51D7E39F';
const STAYS = '0018B20000000B21';

function uplink(device: string, n: number, payload: object | null): string {
  const head = { Time: new Date().toISOString(), DevEUI: device, FPort: 1, FCntUp: n, payload_hex: '00' };
  return JSON.stringify({ DevEUI_uplink: { ...head, ...(payload === null ? {} : { payload }) } });
}

const place = { position: { latitude: 48.8, longitude: 2.3, accuracy: 9 } };

/** Files of the folder that hold the device, as text in any case or as its eight bytes. */
function holders(folder: string, device: string): string[] {
  const forms = [Buffer.from(device), Buffer.from(device.toLowerCase()), Buffer.from(device, 'hex')];
  const found: string[] = [];
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const bytes = fs.readFileSync(file);
    if (forms.some((form) => bytes.includes(form))) found.push(path.relative(folder, file));
  }
  return found;
}

test('journal, dead letters, commands, figures, events and the audit hold nothing of it; the other device stays', async () => {
  const sandbox = await useSandbox();
  const broker = await useBroker('embedded');
  const setup = { dataDir: temporaryFolder(), broker, services: { sandbox: { url: sandbox.url } } };
  const bridge = await LocalBridge.start(setup);
  const call = apiClient(bridge.bridge.health.url);
  const { email, password, appIds } = sandbox;
  await bridge.apply('a', definition({ email, password, appId: appIds[0], uplinkTimeValidity: '1d' }));
  await untilState(bridge, 'a', 'OPENED');
  const run = (...args: string[]) => cli([...args, '--data-dir', setup.dataDir]);
  const client = await BrokerClient.connect(broker.url);
  for (const device of [GONE, STAYS]) {
    for (const n of [1, 2]) await client.publish(`mqtt/things/${device}/uplink`, uplink(device, n, place));
    await client.publish(
      `mqtt/things/${device}/uplink`,
      uplink(device, 3, { position: { latitude: 480, longitude: 2 } }),
    );
    await client.publish(`mqtt/things/${device}/uplink`, `no JSON of ${device}`);
    const old = uplink(device, 4, place).replace(/"Time":"[^"]+"/, '"Time":"2020-01-01T00:00:00Z"');
    await client.publish(`mqtt/things/${device}/uplink`, old);
  }
  await until('all are settled', async () => {
    const { ledger } = (await call('GET', '/connections/a')).body;
    return ledger.received === 10 && ledger.pending === 0;
  });
  await call('POST', `/connections/a/devices/${GONE}/retire`);
  await call('POST', `/connections/a/devices/${GONE}/release`);
  expect((await run('devices', 'ls', 'a')).out).toContain(GONE);
  expect((await run('here', 'projects', 'a')).out).toContain(appIds[0]);
  const listed = await run('here', 'devices', 'a', '--json');
  expect(
    listed.out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).device),
  ).toContain(STAYS);
  expect(holders(setup.dataDir, GONE).length).toBeGreaterThan(0);

  const { code, out } = await run('devices', 'forget', 'a', GONE.toLowerCase());
  expect(out).toMatch(
    new RegExp(
      `^${GONE} of a is forgotten: 1 dead letters, 1 expired, [1-9].* The audit calls it device-[0-9a-f]{16}.\n$`,
    ),
  );
  expect(code).toBe(0);
  expect(holders(setup.dataDir, GONE)).toEqual([]);
  expect(holders(setup.dataDir, STAYS).length).toBeGreaterThan(0);
  const audit = (await call('GET', '/audit')).body as { action: string; target: string; detail: string | null }[];
  expect(audit[0]).toMatchObject({ action: 'device.forget', target: expect.stringMatching(/^a device-[0-9a-f]{16}$/) });
  const pseudonym = audit[0]?.target.split(' ')[1] ?? '?';
  expect(audit.find(({ action }) => action.endsWith('/retire'))?.target).toBe(`a ${pseudonym}`);
  expect(audit[0]?.detail).toMatch(/^erased: [1-9]/);
  await bridge.stop();
  expect(holders(setup.dataDir, GONE)).toEqual([]);
}, 60_000);
