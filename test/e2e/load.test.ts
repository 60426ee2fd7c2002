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
const ROW_PX = 46;
/** The most of a frame that scrolling may take: of script, and with layout and painting. Sixty frames a second leave 16.7 ms each. */
const SCRIPT_MS = 10;
const FRAME_MS = 16;

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
    // Frames in which the table has moved: each tells of it once. To look by itself at each frame would cost more than the table.
    await page.addInitScript(`
      globalThis.moves = 0;
      globalThis.drawn = 0;
      document.addEventListener('scroll', () => { moves += 1; }, { capture: true, passive: true });
      const isRow = (node) => node.classList?.contains('vt-body-row');
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) drawn += [...addedNodes].filter(isRow).length;
      }).observe(document, { childList: true, subtree: true });
    `);
    await page.goto(`${stage.url}/ui/connections`);
    await page.getByText('Connection 0', { exact: true }).waitFor();
    const session = await page.context().newCDPSession(page);
    // The thread's own time: what the machine does besides is not counted.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.locator('.vt').hover();
    const scroll = async (steps: number): Promise<void> => {
      for (let n = 0; n < steps; n++) {
        await page.mouse.wheel(0, STEP_PX);
        await page.waitForTimeout(30);
      }
    };
    // Compiled, and the second page of the list has come.
    await scroll(STEPS);
    await page.evaluate('moves = drawn = 0');
    const before = await workOf(session);
    await scroll(STEPS);
    const after = await workOf(session);
    const { moves, drawn } = (await page.evaluate('({ moves, drawn })')) as { moves: number; drawn: number };
    const [script, whole] = [(after.script - before.script) / moves, (after.whole - before.whole) / moves];
    console.log(
      `${moves} frames: ${script.toFixed(1)} ms of script each, ${whole.toFixed(1)} ms with layout and painting`,
    );
    expect(moves).toBeGreaterThan(STEPS / 2);
    expect(script).toBeLessThan(SCRIPT_MS);
    expect(whole).toBeLessThan(FRAME_MS);
    // Rows that were in view already are left alone; those of a page that comes are drawn once more.
    expect(drawn / moves).toBeLessThan(STEP_PX / ROW_PX + 2);
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

/** What the page's thread has worked so far, in ms of its own time. */
async function workOf(session: CDPSession): Promise<{ script: number; whole: number }> {
  const { metrics } = await session.send('Performance.getMetrics');
  const ms = (wanted: string): number => (metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN) * 1_000;
  return { script: ms('ScriptDuration'), whole: ms('TaskDuration') };
}
