// What the console costs: bytes of the first load, frames of a list of 10,000 connections, memory of a page that is kept open.
import type { CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { Stage } from './support/stage.ts';

const KB = 1_000;
const MB = 1_000_000;
const MANY = 10_000;
const STEPS = 60;
/** A frame of somebody who scrolls 9,000 px a second. */
const STEP_PX = 150;

describeWith('chromium', 'the weight of the console', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 20, ratePerSecond: 20 });
  });
  afterAll(() => stage.tearDown());

  for (const [what, route, shown] of [
    ['the list', '/connections', 'Fleet'],
    ['a connection', '/connections/fleet', 'Where the uplinks are'],
    ['a device list', '/connections/fleet/devices', 'First heard'],
  ] as const) {
    test(`${what} loads at most 250 KB of compressed script`, async () => {
      const { page } = await stage.open(route);
      await page.getByText(shown).first().waitFor();
      const bytes = await scriptBytes(page);
      console.log(`${what}: ${Math.round(bytes / KB)} KB of script`);
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBeLessThanOrEqual(250 * KB);
    });
  }

  test('10,000 connections: only what is seen is drawn, down to the last one', {
    timeout: 120_000,
  }, async () => {
    const { page } = await stage.page();
    const model = (await stage.request('GET', '/connections/fleet')) as object;
    await page.route('**/connections?*', (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = (Number(query.get('page')) - 1) * Number(query.get('perPage'));
      const rows = Array.from({ length: Number(query.get('perPage')) }, (_, i) => {
        return { ...model, id: `c${from + i}`, name: `Connection ${from + i}` };
      });
      return route.fulfill({ json: rows, headers: { 'x-total': String(MANY) } });
    });
    // Frames in which the table has moved.
    await page.addInitScript(`
      globalThis.frames60 = 0;
      let last = 0;
      const look = () => {
        const at = document.querySelector('.vt')?.scrollTop ?? 0;
        if (at !== last) frames60 += 1;
        last = at;
        requestAnimationFrame(look);
      };
      look();
    `);
    await page.goto(`${stage.url}/ui/connections`);
    await page.getByText('Connection 0', { exact: true }).waitFor();
    const session = await page.context().newCDPSession(page);
    // The thread's own time: what the machine does besides is not counted.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const before = await taskMs(session);
    await page.locator('.vt').hover();
    for (let n = 0; n < STEPS; n++) {
      await page.mouse.wheel(0, STEP_PX);
      await page.waitForTimeout(30);
    }
    const frames = (await page.evaluate('frames60')) as number;
    const each = ((await taskMs(session)) - before) / frames;
    console.log(`${frames} frames, ${each.toFixed(1)} ms of the page's thread each`);
    expect(frames).toBeGreaterThan(STEPS / 2);
    await page.locator('.vt').press('End');
    await page.getByText(`Connection ${MANY - 1}`, { exact: true }).waitFor();
    expect(await page.locator('.vt-body-row').count()).toBeLessThan(60);
  });

  test('pages that come and go leave nothing: the heap does not grow', { timeout: 240_000 }, async () => {
    const { page } = await stage.open('/connections/fleet');
    const session = await page.context().newCDPSession(page);
    const round = async (): Promise<void> => {
      for (const [link, shown] of [
        ['Map', 'as of'],
        ['Live tail', 'since this page was opened'],
        ['Devices', 'First heard'],
        ['Overview', 'Keeping up'],
      ] as const) {
        await page.getByRole('link', { name: link, exact: true }).click();
        await page.getByText(shown).first().waitFor();
      }
    };
    for (let n = 0; n < 4; n++) await round();
    const before = await heapOf(session);
    for (let n = 0; n < 8; n++) await round();
    const grown = (await heapOf(session)) - before;
    console.log(`heap ${(before / MB).toFixed(1)} MB, after 32 more pages ${(grown / MB).toFixed(2)} MB more`);
    expect(grown).toBeLessThan(2 * MB);
  });
});

/** As they came over the wire. */
async function scriptBytes(page: Page): Promise<number> {
  const sum = `performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'))
    .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`;
  return (await page.evaluate(sum)) as number;
}

async function heapOf(session: CDPSession): Promise<number> {
  for (let n = 0; n < 3; n++) await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}

/** What the page's thread has worked so far. */
async function taskMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1_000;
}
