// The pages about devices in a real browser: a connection's devices, one of them, those that HERE does not take.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

const STRANGER = '20635F0101000777';
const LATEST = '20635F0101000776';
const OTHERS = ['20635F0101000778', '20635F0101000779'] as const;

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

  test('the next uplink is shown as it came beside its record, with the rule behind a field; held it stays, and can be tried', async () => {
    const { page, complaints } = await stage.open('/connections/nobody/devices/0018B20000000B2A');
    await page.getByText('This page waits for the device’s next uplink').waitFor();
    await page.getByText('Connection nobody is not running here. Trying again').waitFor();
    const send = (frame: number) => {
      const payload = { gpsLatitude: 52.5, gpsLongitude: 13.4, horizontalAccuracy: 12 };
      const head = { Time: new Date().toISOString(), DevEUI: LATEST, FPort: 2, FCntUp: frame, payload_hex: '00' };
      return stage.publish(`mqtt/things/${LATEST}/uplink`, JSON.stringify({ DevEUI_uplink: { ...head, payload } }));
    };
    await send(1);
    await page.goto(`${stage.url}/ui/connections/fleet/devices/${LATEST}`);
    await page.getByText('This page waits for the device’s next uplink').waitFor();
    await page.getByText('Live.').waitFor();
    complaints.length = 0;
    const message = page.getByRole('group', { name: 'Message as it came' });
    const record = page.getByRole('group', { name: 'HERE record' });
    await send(2);
    await message.getByText('"FCntUp": 2,').waitFor();
    await record.getByText(`"id": "${LATEST}"`).waitFor();
    // A newer one takes its place.
    await send(3);
    await message.getByText('"FCntUp": 3,').waitFor();
    await page.getByRole('button', { name: 'Hold' }).click();
    await page.getByText('Held; newer uplinks are not shown.').waitFor();
    await send(4);
    await page.waitForTimeout(2_500);
    expect(await message.textContent()).toContain('"FCntUp": 3,');
    const caption = page.locator('.ruled-caption');
    await record.getByRole('button', { name: '"id":' }).hover();
    expect(await caption.textContent()).toBe('id by device-in-body');
    // And by keyboard.
    await record.getByRole('button', { name: '"lat":' }).focus();
    expect(await caption.textContent()).toBe('position.lat by abeeway-gps-fields');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Open in “Try an uplink”' }).click();
    await page.getByRole('heading', { name: 'Try an uplink' }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Uplink' }).inputValue()).toContain('"FCntUp": 3,');
    await record.getByText(`"id": "${LATEST}"`).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a page that nobody sees, or that was left, follows no device', async () => {
    const { page } = await stage.page();
    const open = new Set<unknown>();
    page.on('request', (request) => {
      if (request.url().includes('/tail?')) open.add(request);
    });
    page.on('requestfailed', (request) => open.delete(request));
    page.on('requestfinished', (request) => open.delete(request));
    await page.goto(`${stage.url}/ui/connections/fleet/devices/${device}`);
    await expect.poll(() => open.size, { timeout: 15_000 }).toBe(1);
    const hide = (isHidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'));`);
    await hide(true);
    await expect.poll(() => open.size, { timeout: 15_000 }).toBe(0);
    await hide(false);
    await expect.poll(() => open.size, { timeout: 15_000 }).toBe(1);
    await page.getByRole('link', { name: 'Devices', exact: true }).click();
    await expect.poll(() => open.size, { timeout: 15_000 }).toBe(0);
  });

  test('on a phone the message and its record stand under each other, and nothing juts out', async () => {
    const { page } = await stage.open(`/connections/fleet/devices/${device}`, { width: 360, height: 780 });
    await page.getByRole('group', { name: 'HERE record' }).first().waitFor();
    await page.getByRole('button', { name: 'Hold' }).click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  test('a command is sent and followed, as bytes and as JSON; what is wrong is told beside its field', async () => {
    const { page } = await stage.open(`/connections/fleet/devices/${device}`);
    const port = page.locator('input[name=fPort]');
    const hex = page.locator('input[name=payloadHex]');
    await port.fill('300');
    await hex.fill('0');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('A whole number from 1 to 224.').waitFor();
    await page.getByText('Pairs of hex digits').waitFor();
    await port.fill('2');
    await hex.fill('01 ff');
    // Nothing of it is lost by a reload.
    await page.reload();
    expect(await hex.inputValue()).toBe('01 ff');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText(`The command for ${device} is in its shadow at HERE.`).waitFor();
    await page.getByRole('group', { name: 'Desired' }).getByText('01ff').waitFor();
    await page.getByText('version 1').first().waitFor();
    await page.getByRole('button', { name: 'As JSON' }).click();
    const payload = page.getByRole('textbox', { name: 'Desired payload' });
    await payload.fill('no JSON');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('A JSON object, please').waitFor();
    await payload.fill('{ "FPort": 3, "payload_hex": "02aa" }');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('group', { name: 'Desired' }).getByText('02aa').waitFor();
    // HERE's own name of the device stands beside it.
    await page.getByText(/^HERE-/).waitFor();
  });

  test('a downlink is sent from the page of the connection; programs get an address, shown once', async () => {
    const { page } = await stage.open('/connections/fleet');
    await page.locator('input[name=downlinkDevice]').fill(device.toLowerCase());
    await page.locator('input[name=fPort]').fill('4');
    await page.locator('input[name=payloadHex]').fill('0bcd');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText(`The command for ${device} is in its shadow at HERE.`).waitFor();
    await page.getByRole('button', { name: 'Make a new address' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Make a new address' }).click();
    const path = /POST .*\/downlinkMessages\/[0-9a-f-]{36}/;
    await page.getByText(path).waitFor();
    await page.getByRole('link', { name: 'Its page shows what becomes of it.' }).click();
    await page.getByRole('group', { name: 'Desired' }).getByText('0bcd').waitFor();
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

  test('unknown devices are ignored, and released again', async () => {
    for (const eui of OTHERS) {
      const body = { Time: new Date().toISOString(), DevEUI: eui, FPort: 2, FCntUp: 1, payload_hex: '00' };
      await stage.publish(`mqtt/things/${eui}/uplink`, JSON.stringify({ DevEUI_uplink: body }));
    }
    const { page } = await stage.open('/connections/strict/unknown-devices');
    for (const eui of OTHERS) await page.getByLabel(`Choose ${eui}`).check();
    await page.getByRole('button', { name: 'Ignore 2' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Ignore 2' }).click();
    await page.getByText('2 device(s) are ignored').waitFor();
    await page.getByLabel(`Choose ${OTHERS[0]}`).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: `Release ${OTHERS[0]}` }).click();
    await page.getByText(`${OTHERS[0]} is no longer ignored`).waitFor();
    await page.getByLabel(`Choose ${OTHERS[0]}`).waitFor();
    expect(await page.getByLabel(`Choose ${OTHERS[1]}`).count()).toBe(0);
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
