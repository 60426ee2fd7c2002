// The live tail in a real browser: what comes is shown, filtered and paused, at a rate that no person reads.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

describeWith('chromium', 'the live tail', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 5, ratePerSecond: 20 });
  });
  afterAll(() => stage.tearDown());

  test('uplinks appear as they come; paused they are counted; filters hold', async () => {
    const { page, complaints } = await stage.open('/connections/fleet');
    await page.getByRole('link', { name: 'Live tail' }).click();
    const rows = page.locator('.vt-body-row');
    await rows.first().waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForTimeout(400);
    const [shown, counts] = [await rows.allInnerTexts(), page.locator('.tail-line')];
    const before = await counts.textContent();
    await expect.poll(() => counts.textContent()).not.toBe(before);
    expect(await rows.allInnerTexts()).toEqual(shown);
    await page.getByRole('button', { name: 'Go on' }).click();
    await expect.poll(() => rows.allInnerTexts()).not.toEqual(shown);
    const device = ((await page.locator('.vt-body-row a').first().textContent()) ?? '').trim();
    await page.getByLabel('Only this device').fill(device);
    await page.getByText('Nothing has come yet').waitFor();
    await rows.nth(1).waitFor();
    expect(new Set(await page.locator('.vt-body-row a').allInnerTexts())).toEqual(new Set([device]));
    await page.getByLabel('Outcome').selectOption('deadLettered');
    await page.getByText('Nothing has come yet').waitFor();
    expect(complaints).toEqual([]);
  });

  test('20,000 uplinks at once neither fill the page nor stop it', async () => {
    const { page } = await stage.page();
    const lines = Array.from({ length: 20_000 }, (_, seq) =>
      JSON.stringify({
        ...{
          time: new Date().toISOString(),
          seq,
          device: '02F1EE0000000001',
          fCnt: seq,
          requestId: null,
          latencyMs: 3,
        },
        outcome: { kind: 'delivered' },
      }),
    );
    const body = `${lines.join('\n')}\n{"missed": 7}\n`;
    await page.route('**/connections/fleet/tail?*', (route) =>
      route.fulfill({ contentType: 'application/x-ndjson', body }),
    );
    await page.goto(`${stage.url}/ui/connections/fleet/tail`);
    await page.getByText('20,000 since this page was opened').waitFor();
    await page.getByText('7 left out because').waitFor();
    // The latest stand first, and no more are kept than are said.
    await page.locator('.vt-body-row').first().getByText('19999').waitFor();
    expect(await page.getByRole('table', { name: 'Live tail' }).getAttribute('aria-rowcount')).toBe('501');
  });

  test('a bridge that goes is told, and followed again when it is back', async () => {
    const { page } = await stage.open('/connections/fleet/tail');
    await page.locator('.vt-body-row').first().waitFor();
    await stage.killBridge();
    const lost = page.getByText('The stream broke off.');
    try {
      await lost.waitFor();
    } finally {
      await stage.startBridge();
    }
    await lost.waitFor({ state: 'detached' });
  });

  for (const scheme of ['light', 'dark'] as const) {
    test(`it is accessible (${scheme})`, async () => {
      const { page } = await stage.open('/connections/fleet/tail', { scheme });
      await page.locator('.vt-body-row').first().waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  }
});
