// What it takes the browser to scroll through a list of 10,000 connections: counted, and timed for the benchmark.
import type { CDPSession } from 'playwright-core';
import type { Stage, Watched } from './stage.ts';

export const MANY = 10_000;
/** Of somebody who scrolls 9,000 px a second. */
export const STEP_PX = 150;
const STEPS = 60;

export interface Scrolled extends Watched {
  /** Frames in which the list has moved. */
  readonly moves: number;
  /** Rows that were put into the page. */
  readonly drawn: number;
  /** How often the page was laid out. */
  readonly layouts: number;
  /** The page's thread, in ms of its own time. */
  readonly scriptMs: number;
  /** With layout and painting. */
  readonly wholeMs: number;
}

/** The list with `MANY` copies of the connection `id`, scrolled by 60 steps once everything is compiled and loaded. */
export async function scrollList(stage: Stage, id: string): Promise<Scrolled> {
  const { page, complaints } = await stage.page();
  const model = (await stage.request('GET', `/connections/${id}`)) as object;
  await page.route('**/connections?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const from = (Number(query.get('page')) - 1) * Number(query.get('perPage'));
    const rows = Array.from({ length: Number(query.get('perPage')) }, (_, i) => {
      return { ...model, id: `c${from + i}`, name: `Connection ${from + i}` };
    });
    return route.fulfill({ json: rows, headers: { 'x-total': String(MANY) } });
  });
  // Each frame in which the table has moved tells of it once. To look by itself at each frame would cost more than the table.
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
  const scroll = async (): Promise<void> => {
    for (let n = 0; n < STEPS; n++) {
      await page.mouse.wheel(0, STEP_PX);
      await page.waitForTimeout(30);
    }
  };
  // Compiled, and the second page of the list has come.
  await scroll();
  await page.evaluate('moves = drawn = 0');
  const before = await workOf(session);
  await scroll();
  const after = await workOf(session);
  const counted = (await page.evaluate('({ moves, drawn })')) as { moves: number; drawn: number };
  return {
    ...{ page, complaints },
    ...counted,
    layouts: after.layouts - before.layouts,
    scriptMs: after.scriptMs - before.scriptMs,
    wholeMs: after.wholeMs - before.wholeMs,
  };
}

async function workOf(session: CDPSession): Promise<{ layouts: number; scriptMs: number; wholeMs: number }> {
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  return {
    layouts: of('LayoutCount'),
    scriptMs: of('ScriptDuration') * 1_000,
    wholeMs: of('TaskDuration') * 1_000,
  };
}
