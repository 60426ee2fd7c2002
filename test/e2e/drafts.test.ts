// What was typed is kept when the session ends, by itself or by a log-out; passwords are not.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { Stage } from './support/stage.ts';

const PASSWORD = 'three plain words and more';
const HERE_PASSWORD = 'a secret of the HERE account';
const FORM = '/connections/new?connector=actility-here-iot';

describeWith('chromium', 'what was typed', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('kept', 'Kept');
    for (const [name, role] of [
      ['anna', 'admin'],
      ['victor', 'viewer'],
    ])
      await stage.request('POST', '/users', { name, role, password: PASSWORD });
  });
  afterAll(() => stage.tearDown());

  async function open(route: string): Promise<Page> {
    const { page } = await stage.open(route);
    await logIn(page);
    return page;
  }

  test('a form of a new connection outlives a session that has ended, but for its password', async () => {
    const page = await open(FORM);
    await page.getByRole('textbox', { name: /^Name/ }).fill('Half typed');
    await page.getByRole('textbox', { name: /^Email/ }).fill('somebody@example.com');
    await page.locator('input[name=password]').fill(HERE_PASSWORD);
    await page.getByText('Advanced settings').click();
    await page.getByRole('textbox', { name: /^Description/ }).fill('with a description');
    // As when it has ended at the bridge: whatever is asked next is refused, and the page turns into the log-in.
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'List my projects' }).click();
    await logIn(page);
    expect(await page.getByRole('textbox', { name: /^Name/ }).inputValue()).toBe('Half typed');
    expect(await page.getByRole('textbox', { name: /^Email/ }).inputValue()).toBe('somebody@example.com');
    expect(await page.locator('input[name=password]').inputValue()).toBe('');
    await expectNowhere(page, HERE_PASSWORD);
  });

  test('so it does when the session ends on another page', async () => {
    const page = await open(FORM);
    await page.getByRole('textbox', { name: /^Name/ }).fill('Half typed again');
    await page.context().clearCookies();
    await page.getByRole('link', { name: 'Events' }).click();
    await logIn(page);
    await page.goBack();
    await page.getByText('Advanced settings').waitFor();
    expect(await page.getByRole('textbox', { name: /^Name/ }).inputValue()).toBe('Half typed again');
  });

  test('a setting that is edited stays open over a log-out, and still knows which version it began with', async () => {
    const page = await open('/connections/kept');
    await page.getByRole('button', { name: 'Edit Description' }).click();
    await page.getByLabel('Description', { exact: true }).fill('typed before the log-out');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    await stage.request('PATCH', '/connections/kept', { configuration: { description: 'of somebody else' } });
    await logIn(page);
    expect(await page.getByLabel('Description', { exact: true }).inputValue()).toBe('typed before the log-out');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('button', { name: 'Proceed update' }).click();
    await page.getByText(/Description is now: of somebody else/).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('of somebody else').first().waitFor();
  });

  test('a new password of a connection is not kept, but the field is open again', async () => {
    const page = await open('/connections/kept');
    await page.getByRole('button', { name: 'Edit Password' }).click();
    await page.locator('input[name=password]').fill(HERE_PASSWORD);
    await expectNowhere(page, HERE_PASSWORD);
    await page.getByRole('button', { name: 'Log out' }).click();
    await logIn(page);
    expect(await page.locator('input[name=password]').inputValue()).toBe('');
  });

  test('an uplink that was pasted is there again', async () => {
    const page = await open('/try');
    await page.getByRole('textbox').fill('{"DevEUI_uplink": {');
    await page.getByRole('button', { name: 'Log out' }).click();
    await logIn(page);
    expect(await page.getByRole('textbox').inputValue()).toBe('{"DevEUI_uplink": {');
  });

  test('somebody else who logs in sees nothing of it; the language of the browser stays', async () => {
    const page = await open('/try');
    await page.getByRole('textbox').fill('of anna');
    await page.evaluate("localStorage.setItem('here-bridge.language', 'en')");
    await page.getByRole('button', { name: 'Log out' }).click();
    await logIn(page, 'victor');
    expect(await page.getByRole('textbox').inputValue()).toBe('');
    await page.getByRole('textbox').fill('of victor');
    expect(await page.evaluate("localStorage.getItem('here-bridge.language')")).toBe('en');
    // His session ends by itself.
    await page.context().clearCookies();
    await page.getByRole('link', { name: 'Events' }).click();
    await logIn(page);
    await page.getByRole('link', { name: 'Try an uplink' }).click();
    expect(await page.getByRole('textbox').inputValue()).toBe('');
  });
});

async function logIn(page: Page, user = 'anna'): Promise<void> {
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.locator('input[name=name]').fill(user);
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText(`${user} (`).waitFor();
}

/** In nothing that the browser keeps. */
async function expectNowhere(page: Page, secret: string): Promise<void> {
  expect(await page.evaluate('JSON.stringify([sessionStorage, localStorage])')).not.toContain(secret);
}
