// The pages about devices in a real browser: a connection's devices, one of them, those that HERE does not take.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

const STRANGER = '20635F0101000777';

describeWith('chromium', 'the pages about devices', () => {
  let stage: Stage;
  let device = '';

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 3, ratePerSecond: 10 });
    await stage.until('a device is heard and HERE has it', async () => {
      const devices = (await stage.request('GET', '/connections/fleet/devices')) as { device: string }[];
      device = devices[0]?.device ?? '';
      return device !== '' && [...stage.sandbox.received({ device })].length > 0;
    });
  });
  afterAll(() => stage.tearDown());

  test('from the connection to its devices and to one: its uplinks, and what HERE has of it', async () => {
    const { page, complaints } = await stage.open('/connections/fleet');
    await page.getByRole('link', { name: 'Devices', exact: true }).click();
    await page.getByRole('link', { name: device }).click();
    await page.getByRole('heading', { name: device }).waitFor();
    await page.getByRole('group', { name: 'Recent uplinks' }).getByText('Delivered').first().waitFor();
    await page
      .getByText(/sent after .+ · answered .+ later/)
      .first()
      .waitFor();
    await page.getByRole('group', { name: 'What HERE has stored' }).getByText('Record').first().waitFor();
    await page.getByRole('group', { name: 'Reported' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a command is sent and followed; what is no JSON is told beside its field', async () => {
    const { page } = await stage.open(`/connections/fleet/devices/${device}`);
    const payload = page.getByRole('textbox', { name: 'Desired payload' });
    await payload.fill('no JSON');
    await page.getByRole('button', { name: 'Send a command' }).click();
    await page.getByText('A JSON object, please').waitFor();
    await payload.fill('{ "FPort": 2, "payload_hex": "01ff" }');
    await page.getByRole('button', { name: 'Send a command' }).click();
    await page.getByText(`The command for ${device} is in its shadow at HERE.`).waitFor();
    await page.getByRole('group', { name: 'Desired' }).getByText('01ff').waitFor();
    await page.getByText('version 1').first().waitFor();
  });

  test('a device is opened by the DevEUI that is typed, also with dashes; another text is told', async () => {
    const { page } = await stage.open('/connections/fleet/devices');
    const field = page.getByLabel('Open a device by its DevEUI');
    await field.fill('12');
    await field.press('Enter');
    await page.getByText('A DevEUI has 16 hex digits.').waitFor();
    await field.fill('20-63-5f-01-01-00-09-99');
    await field.press('Enter');
    await page.getByText('This connection has not heard the device.').waitFor();
  });

  test('a device that HERE does not know is listed, and created after a confirmation', async () => {
    await stage.connect('strict', 'Strict', {
      appId: stage.sandbox.appIds[1],
      createDevices: false,
    });
    const uplink = {
      DevEUI_uplink: { Time: new Date().toISOString(), DevEUI: STRANGER, FPort: 2, FCntUp: 1, payload_hex: '00' },
    };
    await stage.publish(`mqtt/things/${STRANGER}/uplink`, JSON.stringify(uplink));
    const { page } = await stage.open('/connections/strict/unknown-devices');
    await page.getByLabel(`Choose ${STRANGER}`).check();
    await page.getByRole('button', { name: 'Create 1 at HERE' }).click();
    await page.getByRole('alertdialog').getByText('HERE may bill them').waitFor();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Create 1 at HERE' }).click();
    await page.getByText('1 device(s) are known to HERE now').waitFor();
  });

  for (const [what, route, shown] of [
    ['the list of devices', () => '/connections/fleet/devices', 'First heard'],
    ['the page of a device', () => `/connections/fleet/devices/${device}`, 'Delivered'],
    ['the unknown devices', () => '/connections/strict/unknown-devices', 'HERE refuses uplinks'],
  ] as const) {
    for (const scheme of ['light', 'dark'] as const) {
      test(`${what} is accessible (${scheme})`, async () => {
        const { page } = await stage.open(route(), { scheme });
        await page.getByText(shown).first().waitFor();
        expect(await accessibilityFaults(page)).toEqual([]);
      });
    }
  }
});
