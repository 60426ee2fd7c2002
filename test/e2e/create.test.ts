// From nothing to an open connection, and changing it, in a real browser.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

describeWith('chromium', 'a connection is made and changed', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
  });
  afterAll(() => stage.tearDown());

  test('the form names what is missing, keeps what was typed over a reload, and makes the connection', async () => {
    const { email, password, appIds } = stage.sandbox;
    const { page, complaints } = await stage.page();
    // As over plain HTTP from another machine, where browsers leave it out.
    await page.addInitScript({ content: 'delete Crypto.prototype.randomUUID' });
    await page.goto(`${stage.url}/ui/connections`);
    await page.getByRole('link', { name: 'Add connection' }).first().click();
    await page.getByRole('button', { name: 'HERE Technologies' }).click();
    await page.getByRole('button', { name: 'Create' }).click();
    expect(await page.getByText('This is needed.').count()).toBe(3);
    // The first of them has the focus, and its complaint belongs to it.
    await page.locator('input[name=name]:focus').waitFor();
    const described = "document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent";
    expect(await page.evaluate(described)).toBe('This is needed.');
    await page.getByRole('textbox', { name: /^Name/ }).fill('My first HERE connection');
    await page.getByRole('textbox', { name: /^Email/ }).fill(email);
    await page.locator('input[name=appId]').fill(appIds[0] ?? '');
    await page.reload();
    expect(await page.getByRole('textbox', { name: /^Email/ }).inputValue()).toBe(email);
    // Nothing secret is written down in the browser.
    await page.locator('input[name=password]').fill(password);
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(password);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText("Done – The connection 'My first HERE connection' has been successfully created").waitFor();
    await page.getByRole('heading', { name: 'My first HERE connection' }).waitFor();
    await page.getByRole('button', { name: /Opened/ }).waitFor();
    await page.getByText('*****').first().waitFor();
    expect(complaints).toEqual([]);
  });

  test('a definition is tried before it is saved, and the App ID is chosen from the projects of the account', async () => {
    const { email, password, appIds } = stage.sandbox;
    const { page } = await stage.open('/connections/new?connector=actility-here-iot');
    await page.getByRole('textbox', { name: /^Name/ }).fill('Tried');
    await page.getByRole('textbox', { name: /^Email/ }).fill(email);
    await page.locator('input[name=password]').fill('of another account');
    await page.locator('input[name=appId]').fill(appIds[0] ?? '');
    await page.getByRole('button', { name: 'Test connection' }).click();
    await page.getByText('It would not work yet.').waitFor();
    await page
      .locator('.test-steps li', { hasText: 'Log-in at HERE' })
      .locator('.badge', { hasText: 'Failed' })
      .waitFor();
    await page.locator('input[name=password]').fill(password);
    await page.locator('input[name=appId]').fill('');
    await page.getByRole('button', { name: 'List my projects' }).click();
    await page.getByRole('button', { name: new RegExp(appIds[0] ?? 'none') }).click();
    expect(await page.locator('input[name=appId]').inputValue()).toBe(appIds[0]);
    await page.getByRole('button', { name: 'Test connection' }).click();
    await page
      .locator('.test-steps li', { hasText: 'Log-in at HERE' })
      .locator('.badge', { hasText: 'Good' })
      .waitFor();
  });

  test('a setting is changed after a confirmation; of two editors the second is told', async () => {
    await stage.connect('shared', 'Shared');
    const { page } = await stage.open('/connections/shared');
    await page.getByRole('button', { name: 'Edit Description' }).click();
    await page.getByLabel('Description', { exact: true }).fill('of the first');
    // Somebody else is quicker.
    await stage.request('PATCH', '/connections/shared', { configuration: { description: 'of the second' } });
    const save = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.getByText("Your connection 'Shared' may restart to apply your changes.").waitFor();
      await page.getByRole('button', { name: 'Proceed update' }).click();
    };
    await save();
    await page.getByText(/Somebody else has changed this connection meanwhile/).waitFor();
    await page.getByText(/Description is now: of the second/).waitFor();
    // The button that was pressed is another now: the focus stays at it.
    await page.getByRole('button', { name: 'Use mine instead' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Confirm' }).and(page.locator(':focus')).waitFor();
    await save();
    await page.getByText("Update done – Connection 'Shared' has been updated").waitFor();
    await page.getByText('of the first').first().waitFor();
    // Whoever goes by keys goes on where the editing began.
    const pencil = page.getByRole('button', { name: 'Edit Description' });
    await pencil.and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.getByLabel('Description', { exact: true }).and(page.locator(':focus')).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await pencil.and(page.locator(':focus')).waitFor();
  });

  test('the ledger fills while uplinks pass', async () => {
    await stage.connect('flowing', 'Flowing');
    stage.startFleet({ devices: 5, ratePerSecond: 20 });
    const { page } = await stage.open('/connections/flowing');
    await page.locator('.balance-part.delivered strong', { hasText: /[1-9]/ }).waitFor();
    await page.getByText('balanced', { exact: true }).waitFor();
    // What HERE has stands beside it.
    await page.getByRole('button', { name: /^Ask HERE again/ }).click();
    const listed = page.getByRole('table', { name: 'Devices as HERE lists them' });
    // When it was heard, and when HERE last heard of it.
    await listed
      .locator('.vt-body-row', { hasText: /ago.*ago/ })
      .first()
      .waitFor();
    expect(await listed.getByText('behind').count()).toBe(0);
    await page
      .getByText(/more devices can be created|unknown/)
      .first()
      .waitFor();
  });

  for (const [what, route] of [
    ['the form', '/connections/new?connector=actility-here-iot'],
    ['the page of a connection', '/connections/flowing'],
  ] as const) {
    for (const scheme of ['light', 'dark'] as const) {
      test(`${what} is accessible (${scheme})`, async () => {
        const { page } = await stage.open(route, { scheme });
        await page.getByText('Advanced settings').waitFor();
        expect(await accessibilityFaults(page)).toEqual([]);
      });
    }
  }
});
