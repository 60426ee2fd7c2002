// An hour in front of the console, in less than a minute: its timers run on a clock that is wound on, the bridge tells as much as
// in an hour, and uplinks come as many. What the browser holds at the end is what it held at the start.
import type { CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { Stage } from './support/stage.ts';

const MB = 1_000_000;
/** What the engine keeps for itself (compiled code, caches of shapes) still moves by some hundred KB. */
const MOST_GROWN = 2 * MB;
const STEP_MS = 5_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A change of state a second is far more than a bridge tells. */
const TOLD = 3_600;
const TOLD_AT_ONCE = 60;
const UPLINKS_PER_SECOND = 500;
/** Five a second for an hour. */
const UPLINKS = 18_000;
const STALLED_MS = 30_000;

interface Held {
  readonly heap: number;
  readonly nodes: number;
  readonly listeners: number;
}

describeWith('chromium', 'the console, open for an hour', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 20, ratePerSecond: 20 });
  });
  afterAll(() => stage.tearDown());

  for (const [what, route, shown, asked] of [
    ['the list', '/connections', 'Fleet', '/connections?'],
    ['a connection', '/connections/fleet', 'Keeping up', '/connections/fleet'],
  ] as const) {
    test(`${what} holds no more memory afterwards`, { timeout: 240_000 }, async () => {
      const { page } = await stage.page();
      let questions = 0;
      let told = 0;
      let due = 0;
      page.on('request', (request) => {
        if (request.url().includes(asked)) questions += 1;
      });
      // The bridge tells nothing by itself here, and every minute of the page's clock as much as in a minute.
      await page.route('**/events/stream', async (stream) => {
        while (due === 0 && !page.isClosed()) await new Promise((resolve) => setTimeout(resolve, 20));
        if (page.isClosed()) return;
        due -= 1;
        told += TOLD_AT_ONCE;
        const status = `event: status\ndata: ${JSON.stringify({ connectionId: 'fleet' })}\n\n`;
        const body = `retry: 10\n\n${status.repeat(TOLD_AT_ONCE)}`;
        await stream.fulfill({ contentType: 'text/event-stream', body });
      });
      await page.clock.install();
      await page.goto(`${stage.url}/ui${route}`);
      await page.getByText(shown).first().waitFor();
      const session = await page.context().newCDPSession(page);
      const pass = async (ms: number): Promise<void> => {
        for (let at = 0; at < ms; at += STEP_MS) {
          // What is asked meanwhile is answered in between.
          await page.clock.runFor(STEP_MS);
          if (at % MINUTE_MS === 0) due += 1;
        }
        await stage.until('all is told', async () => due === 0);
      };
      await pass(HOUR_MS / 6);
      const before = await held(session);
      [questions, told] = [0, 0];
      await pass(HOUR_MS);
      const after = await held(session);
      console.log(`${what}: ${told} changes told, ${questions} questions, ${difference(before, after)}`);
      expect(told).toBeGreaterThanOrEqual(TOLD);
      // Each is asked at least every ten seconds.
      expect(questions).toBeGreaterThan(HOUR_MS / 10_000);
      expectSame(before, after);
    });
  }

  test('the live tail holds no more memory after the uplinks of an hour', { timeout: 480_000 }, async () => {
    stage.startFleet({ devices: 100, ratePerSecond: UPLINKS_PER_SECOND });
    const { page } = await stage.open('/connections/fleet/tail');
    const session = await page.context().newCDPSession(page);
    // As many rows as it ever shows.
    await seen(page, UPLINKS / 6);
    const before = await held(session);
    await seen(page, UPLINKS + UPLINKS / 6);
    const after = await held(session);
    console.log(`live tail: ${difference(before, after)}`);
    expectSame(before, after);
  });
});

/** Resolves when the tail has seen so many uplinks. How fast it sees them is the machine's matter: it must only go on. */
async function seen(page: Page, count: number): Promise<void> {
  const line = page.getByText('since this page was opened');
  for (let [last, end] = [-1, 0]; ; ) {
    const [digits = ''] = /^\D*[\d,]+/.exec((await line.textContent()) ?? '') ?? [];
    const now = Number(digits.replaceAll(/\D/g, ''));
    if (now >= count) return;
    if (now > last) [last, end] = [now, performance.now() + STALLED_MS];
    if (performance.now() > end) throw new Error(`the tail has not seen ${count}: ${await line.textContent()}`);
    await page.waitForTimeout(200);
  }
}

async function held(session: CDPSession): Promise<Held> {
  for (let n = 0; n < 3; n++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}

function difference(before: Held, after: Held): string {
  const mb = (bytes: number): string => (bytes / MB).toFixed(2);
  return `heap ${mb(before.heap)} → ${mb(after.heap)} MB, ${before.nodes} → ${after.nodes} nodes, ${before.listeners} → ${after.listeners} listeners`;
}

function expectSame(before: Held, after: Held): void {
  expect(after.heap - before.heap).toBeLessThan(MOST_GROWN);
  // Rows and figures come and go with what is shown; a leak of an hour would be thousands.
  expect(after.nodes - before.nodes).toBeLessThan(1_000);
  expect(after.listeners - before.listeners).toBeLessThan(100);
}
