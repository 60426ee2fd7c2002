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

  // Within five seconds: test/console/signs-of-life.test.ts, on a clock that a busy machine does not slow down.
  test('a bridge that is gone is told, and its return mends the page', async () => {
    const { page } = await stage.open('/connections/tenant-b');
    await page.getByText('Advanced settings').waitFor();
    // Also for somebody who has scrolled down.
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await stage.killBridge();
    const lost = page.getByText(/No contact with the bridge since/);
    try {
      await lost.waitFor();
      expect((await lost.boundingBox())?.y).toBe(0);
    } finally {
      await stage.startBridge();
    }
    await lost.waitFor({ state: 'detached' });
    await page.getByText('In contact with the bridge again').waitFor();
  });

  test('on a phone the state and its menu are in sight, also the longest', async () => {
    const appId = stage.sandbox.appIds[1];
    await stage.request('PUT', '/connections/refused', {
      connectorId: 'actility-here-iot',
      name: 'Refrigerated containers of the northern depots, leased, second contract of 2024',
      configuration: { email: 'nobody@sandbox.example', password: 'wrong', appId },
    });
    const { page } = await stage.open('/connections', { width: 360 });
    const menu = page.getByRole('button', { name: /^Refrigerated.*: Authentication failed/ });
    await menu.waitFor();
    const { x = 0, width = 0, height = 0 } = (await menu.boundingBox()) ?? {};
    expect(x + width).toBeLessThanOrEqual(346);
    expect(height).toBeLessThanOrEqual(46);
  });

  // Seven pages are loaded: on a loaded machine that takes longer than one.
  test('as many tabs of one browser as it has connections leave one for the next', { timeout: 180_000 }, async () => {
    const { page } = await stage.open('/connections');
    await page.getByText('Tenant A').waitFor();
    for (let tab = 0; tab < 6; tab++) {
      const other = tab === 0 ? page : await page.context().newPage();
      if (tab > 0) await other.goto(`${stage.url}/ui/connections`);
      await other.getByText('Tenant A').waitFor();
      // What a browser does with a tab behind others; the one that drives it keeps all in sight.
      await other.evaluate(`
        Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      `);
    }
    const last = await page.context().newPage();
    await last.goto(`${stage.url}/ui/connections`);
    await last.getByText('Tenant A').waitFor();
    // Seen again, a page hears of what happened meanwhile, and of what happens from then on.
    await stage.request('POST', '/connections/tenant-a/stop');
    await page.evaluate(`delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))`);
    await page
      .getByRole('row', { name: /Tenant A/ })
      .getByText('Deactivated')
      .waitFor();
  });

  for (const scheme of ['light', 'dark'] as const) {
    test(`it is accessible (${scheme})`, async () => {
      const { page } = await stage.open('/connections', { scheme });
      await page.getByText('Tenant A').waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  }
});
