// What the console costs: bytes of the first load, frames of a list of 10,000 connections, memory of a page that is kept open.
import type { CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { MANY, STEP_PX, scrollList } from './support/scrolling.ts';
import { Stage } from './support/stage.ts';

const KB = 1_000;
const MB = 1_000_000;
const ROW_PX = 46;

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
    const { page, moves, drawn, layouts, scriptMs, wholeMs } = await scrollList(stage, 'fleet');
    // Told here, judged by the benchmark "scroll": milliseconds are the machine's, too.
    const [script, whole] = [scriptMs / moves, wholeMs / moves];
    console.log(
      `${moves} moves: ${script.toFixed(1)} ms of script each, ${whole.toFixed(1)} ms with layout and painting`,
    );
    expect(moves).toBeGreaterThan(30);
    // Rows that were in view already are left alone; those of a page that comes are drawn once more.
    expect(drawn / moves).toBeLessThan(STEP_PX / ROW_PX + 2);
    // Nothing asks for a layout in between.
    expect(layouts / moves).toBeLessThan(1.5);
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
