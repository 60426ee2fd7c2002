// The table of connections in a real browser.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

describeWith('chromium', 'the table of connections', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
  });
  afterAll(() => stage.tearDown());

  test('without a connection it says so, and nothing on the page complains', async () => {
    const { page, complaints } = await stage.open('/');
    await page.getByText('There is no connection yet').waitFor();
    expect(page.url()).toBe(`${stage.url}/ui/connections`);
    expect(complaints).toEqual([]);
  });

  test('a connection is listed with its state, and found by its name', async () => {
    await stage.connect('tenant-a', 'Tenant A');
    await stage.connect('tenant-b', 'Zürich');
    const { page } = await stage.open('/connections');
    await page.getByText('Tenant A').waitFor();
    await page
      .getByRole('row', { name: /Tenant A/ })
      .getByText('Opened')
      .waitFor();
    await page.getByLabel('Search by name or id').fill('züri');
    await page.getByText('Tenant A').waitFor({ state: 'detached' });
    await page.getByText('Zürich').waitFor();
  });

  test('stopping asks first, and what it leads to is seen and told', async () => {
    const { page } = await stage.open('/connections');
    await page.getByRole('button', { name: /^Tenant A: Opened/ }).click();
    await page.getByRole('menuitem', { name: 'Stop' }).click();
    await page.getByRole('alertdialog').getByText("'Tenant A' sends nothing").waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText("Connection 'Tenant A' is stopping").waitFor();
    await page
      .getByRole('row', { name: /Tenant A/ })
      .getByText('Deactivated')
      .waitFor();
  });

  test('a bridge that is gone is told within five seconds, and its return mends the page', async () => {
    const { page } = await stage.open('/connections');
    await page.getByText('Tenant A').waitFor();
    await stage.killBridge();
    await page.getByText(/No contact with the bridge since/).waitFor({ timeout: 5_000 });
    await stage.startBridge();
    await page.getByText(/No contact with the bridge since/).waitFor({ state: 'detached', timeout: 15_000 });
  });

  for (const scheme of ['light', 'dark'] as const) {
    test(`it is accessible (${scheme})`, async () => {
      const { page } = await stage.open('/connections', { scheme });
      await page.getByText('Tenant A').waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  }
});
