// The first minutes with the bridge in a real browser: the demo by one click, an account by the wizard, a pasted uplink.
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Mosquitto, passwordLine } from '../support/mosquitto.ts';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

const EUI = '20635F0101000042';

function uplink(fCnt: number): string {
  const position = { latitude: 48.8566, longitude: 2.3522, accuracy: 12 };
  const body = { Time: new Date().toISOString(), DevEUI: EUI, FPort: 2, FCntUp: fCnt, payload_hex: '00' };
  return JSON.stringify({ DevEUI_uplink: { ...body, payload: { position } } });
}

describeWith('chromium', 'the first steps', () => {
  let stage: Stage;

  beforeAll(async () => {
    // The test's own broker is on this machine.
    stage = await Stage.build({ brokerDefinitions: { hosts: ['127.0.0.1'] } });
  });
  afterAll(() => stage.tearDown());

  for (const scheme of ['light', 'dark'] as const) {
    test(`the three ways and the wizard are accessible (${scheme})`, async () => {
      const { page } = await stage.open('/connections', { scheme });
      await page.getByText('There is no connection yet').waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.getByRole('link', { name: 'Connect an account' }).click();
      await page.getByText('The e-mail address and password').waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  }

  test('the demo comes by one click, and goes by one and a confirmation', async () => {
    const { page, complaints } = await stage.open('/');
    await page.getByRole('button', { name: 'Start the demo' }).click();
    const north = page.getByRole('row', { name: /Demo north/ });
    await north.getByText('Opened').waitFor({ timeout: 30_000 });
    await page.getByText('The demo runs: 40 simulated devices').waitFor();
    await stage.until('its uplinks reach the simulated HERE', async () => {
      const { ledger } = (await stage.request('GET', '/connections/demo-north')) as {
        ledger: { delivered: number } | null;
      };
      return (ledger?.delivered ?? 0) > 3;
    });
    await page.getByRole('button', { name: 'Remove the demo' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove the demo' }).click();
    await page.getByText('The demo has been removed').waitFor({ timeout: 30_000 });
    await page.getByText('There is no connection yet').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a wrong password, a reload in the middle, a first uplink: the wizard leads to an open connection', async () => {
    const { email, password, appIds } = stage.sandbox;
    const { page } = await stage.open('/connections');
    await page.getByRole('link', { name: 'Connect an account' }).click();
    expect(await page.getByRole('button', { name: 'Next' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Log in and list my projects' }).click();
    expect(await page.getByText('This is needed.').count()).toBe(2);
    await page.locator('input[name=email]').fill(email);
    await page.locator('input[name=password]').fill('of another account');
    await page.getByRole('button', { name: 'Log in and list my projects' }).click();
    await page.getByText('HERE refused the log-in').waitFor();
    await page.locator('input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Log in and list my projects' }).click();
    await page.getByRole('radio', { name: new RegExp(appIds[0] ?? 'none') }).check();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('Where do uplinks come from?').waitFor();
    await page.locator('[aria-current=step]:focus').getByText('Broker').waitFor();
    await page.getByRole('button', { name: 'Next' }).click();

    await page.locator('input[name=pattern]').fill('site/{DevEUI}/up');
    await page.reload();
    // What was typed is there again; the password is not, and was written down nowhere.
    expect(await page.locator('input[name=pattern]').inputValue()).toBe('site/{DevEUI}/up');
    expect(await page.evaluate('JSON.stringify([sessionStorage, localStorage])')).not.toContain(password);
    expect(await page.getByRole('button', { name: 'Listen for an uplink' }).isDisabled()).toBe(true);
    await page.locator('input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Listen for an uplink' }).click();
    const found = page.getByRole('region', { name: 'The first uplink that came' });
    for (let n = 1; n < 40 && (await found.count()) === 0; n++) {
      await stage.publish(`site/${EUI}/up`, uplink(n));
      await page.waitForTimeout(250);
    }
    await found.getByText(`Device ${EUI}: 1 record(s) for HERE`).waitFor();
    await page.getByRole('button', { name: 'Next' }).click();

    await page.locator('input[name=name]').fill('By the wizard');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText("Done – The connection 'By the wizard' has been successfully created").waitFor();
    await page.getByRole('heading', { name: 'By the wizard' }).waitFor();
    await page.getByRole('button', { name: /Opened/ }).waitFor();
    await stage.publish(`site/${EUI}/up`, uplink(100));
    await stage.until('it is delivered', async () => [...stage.sandbox.received({ device: EUI })].length > 0);
  });

  test('a broker is added on the way: tried, mended, over a reload without its password, and listened at', {
    timeout: 60_000,
  }, async () => {
    const { email, password, appIds } = stage.sandbox;
    const account = { username: 'bridge', password: 'the broker’s own secret' };
    const broker = await Mosquitto.start({
      listener: ['allow_anonymous false', 'password_file {dir}/users'],
      files: { users: passwordLine(account.username, account.password) },
    });
    onTestFinished(() => broker.remove());
    const { page, complaints } = await stage.open('/start/connect');
    await page.locator('input[name=email]').fill(email);
    await page.locator('input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Log in and list my projects' }).click();
    await page.getByRole('radio', { name: new RegExp(appIds[0] ?? 'none') }).check();
    await page.getByRole('button', { name: 'Next' }).click();

    await page.getByRole('radio', { name: 'Another broker' }).check();
    expect(await page.getByRole('button', { name: 'Add and go on' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Test the broker' }).click();
    await page.getByText('This is needed.').waitFor();
    // A whole address says by itself that it is not encrypted.
    await page.getByRole('switch', { name: 'Encrypted (TLS)' }).check({ force: true });
    await page.locator('input[name=brokerAddress]').fill(broker.url);
    expect(await page.locator('input[name=brokerAddress]').inputValue()).toBe(`127.0.0.1:${broker.port}`);
    expect(await page.getByRole('switch', { name: 'Encrypted (TLS)' }).isChecked()).toBe(false);
    await page.locator('input[name=brokerUser]').fill(account.username);
    await page.locator('input[name=brokerPassword]').fill('a wrong one');
    await page.locator('input[name=brokerName]').fill('plant');
    await page.getByRole('button', { name: 'Test the broker' }).click();
    await page.locator('.banner.bad').waitFor();
    expect(await page.getByRole('button', { name: 'Add and go on' }).isDisabled()).toBe(true);
    expect(await accessibilityFaults(page)).toEqual([]);

    await page.locator('input[name=brokerPassword]').fill(account.password);
    await page.reload();
    await page.getByText('Where do uplinks come from?').waitFor();
    expect(await page.locator('input[name=brokerAddress]').inputValue()).toBe(`127.0.0.1:${broker.port}`);
    expect(await page.locator('input[name=brokerPassword]').inputValue()).toBe('');
    expect(await page.evaluate('JSON.stringify([sessionStorage, localStorage])')).not.toContain(account.password);
    await page.locator('input[name=brokerPassword]').fill(account.password);
    await page.getByRole('button', { name: 'Test the broker' }).click();
    await page.getByText('The broker answers and lets the bridge in.').waitFor();
    await page.getByRole('button', { name: 'Add and go on' }).click();
    await page.getByText("Broker 'plant' has been added").waitFor();

    await page.locator('input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Listen for an uplink' }).click();
    const client = await mqtt.connectAsync(broker.url, account);
    onTestFinished(() => client.endAsync());
    const found = page.getByRole('region', { name: 'The first uplink that came' });
    for (let n = 1; n < 40 && (await found.count()) === 0; n++) {
      await client.publishAsync(`mqtt/things/${EUI}/uplink`, uplink(n), { qos: 1 });
      await page.waitForTimeout(250);
    }
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('plant', { exact: false }).first().waitFor();
    await page.locator('input[name=name]').fill('By another broker');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'By another broker' }).waitFor();
    await page.getByRole('button', { name: /Opened/ }).waitFor();
    const { usedBy } = (await stage.request('GET', '/brokers/plant')) as { usedBy: string[] };
    expect(usedBy).toHaveLength(1);
    // The refused password alone is an error of the page's making.
    expect(complaints).toEqual([]);
  });

  test('an old address of a later step begins at the first one', async () => {
    const { page } = await stage.open('/start/connect?step=name');
    await page.getByRole('button', { name: 'Log in and list my projects' }).waitFor();
  });
});
