// Settings, workers and about in a real browser: users and tokens come and go; a viewer sees what a viewer may.
import fs from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

const PASSWORD = 'three plain words and more';

async function logIn(page: Page, user: string): Promise<void> {
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.locator('input[name=name]').fill(user);
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
}

describeWith('chromium', 'the settings of the bridge', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
  });
  afterAll(() => stage.tearDown());

  test('about tells the version; a worker without a group says that it is alone', async () => {
    const { page, complaints } = await stage.open('/connections');
    await page.getByRole('link', { name: 'About' }).click();
    await page.getByText(/^HERE Tracking Bridge \d+\.\d+\.\d+/).waitFor();
    await page.getByRole('link', { name: 'Workers' }).click();
    await page.getByText('This worker is alone').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a support bundle is saved, without secrets and email addresses', async () => {
    await stage.connect('fleet', 'Fleet');
    const { page } = await stage.open('/about');
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download a support bundle' }).click();
    const file = await (await saved).path();
    await page.getByText(/The support bundle is saved as here-bridge-support-.*\.json/).waitFor();
    const content = fs.readFileSync(file, 'utf8');
    const { bridge } = JSON.parse(content) as { bridge: Record<string, unknown> };
    expect(bridge.connections).toMatchObject([{ id: 'fleet', state: 'OPENED' }]);
    expect(bridge).toMatchObject({ status: { ready: true }, ledgers: expect.anything(), events: expect.anything() });
    expect(bridge.metrics).toContainEqual(expect.stringMatching(/^here_bridge_/));
    expect(content).not.toContain(stage.sandbox.email);
    expect(content).not.toContain(stage.sandbox.password);
    await stage.request('DELETE', '/connections/fleet');
  });

  for (const scheme of ['light', 'dark'] as const) {
    for (const [route, shown] of [
      ['/settings', 'Key in use'],
      ['/workers', 'This worker is alone'],
      ['/about', 'Data directory'],
    ] as const) {
      test(`${route} is accessible (${scheme})`, async () => {
        const { page } = await stage.open(route, { scheme });
        await page.getByText(shown).waitFor();
        expect(await accessibilityFaults(page)).toEqual([]);
      });
    }
  }

  test('a short password is told beside its field; the first user is an administrator, and has to log in', async () => {
    const { page } = await stage.open('/settings');
    await page.getByText('There are no users').waitFor();
    expect(await page.getByRole('button', { name: 'Make a token' }).isDisabled()).toBe(true);
    await page.getByLabel('Name', { exact: true }).fill('anna');
    await page.getByLabel('Password of the user', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Add user' }).click();
    await page.locator('.field-error', { hasText: /15/ }).waitFor();
    await page.locator('input[name=password]:focus').waitFor();
    await page.getByLabel('Password of the user', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Add user' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    await logIn(page, 'anna');
    await page.getByText('anna (admin)').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('victor');
    await page.getByLabel('Password of the user', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Add user' }).click();
    await page.getByText("User 'victor' has been added").waitFor();
    await page.getByText('user.add victor').waitFor();
    // The audit is narrowed, and the address keeps it.
    const audit = page.getByRole('region', { name: 'Audit: who changed what' });
    await audit.getByLabel('What', { exact: true }).pressSequentially('User.Add');
    await page.waitForURL(/action=User\.Add/);
    await audit.getByText('session.logIn').first().waitFor({ state: 'detached' });
    await audit.getByLabel('Of what').fill('vict');
    await audit.getByText('user.add anna').waitFor({ state: 'detached' });
    await page.reload();
    await audit.getByText('user.add victor').waitFor();
    expect(await audit.getByRole('listitem').count()).toBe(1);
    expect(await audit.getByLabel('What', { exact: true }).inputValue()).toBe('User.Add');
    await audit.getByLabel('Outcome').selectOption('Refused');
    await audit.getByText('No change is like that.').waitFor();
  });

  test('a token is made, shown once, and revoked after a confirmation', async () => {
    const { page } = await stage.open('/settings');
    await logIn(page, 'anna');
    await page.getByLabel('Name of the token').fill('ci');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByText('This is shown only now.').waitFor();
    await page.getByRole('button', { name: 'Revoke token ci' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText("Token 'ci' has been revoked").waitFor();
    await page.getByText('There are no API tokens.').waitFor();
  });

  test('a viewer sees disabled buttons that say why', async () => {
    const { page } = await stage.open('/settings');
    await logIn(page, 'victor');
    await page.getByText('victor (viewer)').waitFor();
    const audit = page.getByRole('region', { name: 'Audit: who changed what' });
    await audit.getByText('Your role (viewer) may look but not change this').waitFor();
    await page.getByText('Your role (viewer) may look but not change this').first().waitFor();
    expect(await page.getByRole('button', { name: 'Add user' }).isDisabled()).toBe(true);
  });
});
