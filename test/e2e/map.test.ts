// The map of a connection in a real browser: its devices, one of them with its track, 10,000 of them smoothly.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededChance } from '../../src/sandbox/chance.ts';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

const MANY = 10_000;
const PAGE = 1_000;
/** A frame of a screen that shows 60 a second. */
const FRAME_MS = 1_000 / 60;

describeWith('chromium', 'the map of a connection', () => {
  let stage: Stage;
  let device = '';

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    await stage.connect('empty', 'Empty', { appId: stage.sandbox.appIds[1], source: { topics: ['nothing/+'] } });
    stage.startFleet({ devices: 40, ratePerSecond: 40 });
    await stage.until('HERE knows where most devices are', async () => {
      const { positions } = (await stage.request('GET', '/connections/fleet/positions')) as {
        positions: { device: string; position: object | null }[];
      };
      const placed = positions.filter(({ position }) => position !== null);
      device = placed[0]?.device ?? '';
      return placed.length >= 30;
    });
  });
  afterAll(() => stage.tearDown());

  test('from the connection to the map and, by the table, to a device, its track and its page', async () => {
    const { page, complaints } = await stage.open('/connections/fleet');
    await page.getByRole('link', { name: 'Map', exact: true }).click();
    await page.getByText(/\d+ devices where HERE last saw them/).waitFor();
    await page.getByLabel('Search by DevEUI').fill(device.slice(-5));
    await page.getByRole('button', { name: `Show ${device} on the map` }).click();
    const card = page.getByRole('region', { name: `Chosen: ${device}` });
    await card.getByText(/\d+ records/).waitFor();
    await page.waitForFunction("Number(document.querySelector('.map-canvas').dataset.zoom) > 12");
    await card.getByRole('button', { name: 'Show whole track' }).click();
    await card.getByRole('link', { name: 'Open device' }).click();
    await page.getByRole('heading', { name: device }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('it is moved, zoomed and asked by keys alone', async () => {
    const { page } = await stage.open('/connections/fleet/map');
    await page.getByText(/devices where HERE last saw them/).waitFor();
    const map = page.getByRole('application', { name: 'Map of the devices' });
    await map.focus();
    const zoom = async (): Promise<number> => Number(await map.getAttribute('data-zoom'));
    const before = await zoom();
    await map.press('+');
    await expect.poll(zoom).toBeGreaterThan(before + 0.9);
    await map.press('-');
    await expect.poll(zoom).toBeLessThan(before + 0.1);
    // Each opens what is nearest to the middle, until it is one device.
    const chosen = page.getByRole('region', { name: /^Chosen: |devices at one place$/ });
    for (let n = 0; n < 20 && (await chosen.count()) === 0; n++) {
      await map.press('Enter');
      await page.waitForTimeout(350);
    }
    await chosen.waitFor();
    await map.press('Escape');
    await chosen.waitFor({ state: 'detached' });
  });

  test('a click on a mark opens it', async () => {
    const { page } = await stage.page();
    await answerWith(page, [{ device: '02F1EE00FFFF0001', lat: 48.2, lng: 16.4 }]);
    await page.goto(`${stage.url}/ui/connections/fleet/map`);
    await page.getByText('1 devices where HERE last saw them').waitFor();
    const box = await page.locator('.map-canvas').boundingBox();
    if (box === null) throw new Error('the map is not there');
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.getByRole('region', { name: 'Chosen: 02F1EE00FFFF0001' }).getByText('48.20000, 16.40000').waitFor();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height - 60);
    await page.getByRole('region', { name: 'Chosen: 02F1EE00FFFF0001' }).waitFor({ state: 'detached' });
  });

  test('without a position it says so, and what HERE refuses stands there in words', async () => {
    const { page } = await stage.open('/connections/empty/map');
    await page.getByText('HERE knows no position yet').waitFor();
    const { page: other } = await stage.page();
    await other.route('**/positions?*', (route) =>
      route.fulfill({ status: 503, json: { status: 503, detail: 'HERE cannot be asked now: it is asleep' } }),
    );
    await other.goto(`${stage.url}/ui/connections/fleet/map`);
    await other.getByRole('alert').getByText('it is asleep').waitFor();
  });

  test('10,000 devices are moved and zoomed at 60 frames a second', async () => {
    const chance = seededChance(3);
    const { page } = await stage.page();
    await timeFrames(page);
    // Half of them crowded into one region, half all over.
    const devices = Array.from({ length: MANY }, (_, i) => ({
      device: `02F1EE00${i.toString(16).toUpperCase().padStart(8, '0')}`,
      lat: i % 2 === 0 ? 44 + chance.random() * 8 : chance.random() * 120 - 50,
      lng: i % 2 === 0 ? chance.random() * 14 : chance.random() * 340 - 170,
    }));
    await answerWith(page, devices);
    await page.goto(`${stage.url}/ui/connections/fleet/map`);
    await page.getByText('10,000 devices where HERE last saw them').waitFor();
    const box = await page.locator('.map-canvas').boundingBox();
    if (box === null) throw new Error('the map is not there');
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await page.evaluate('frameTimes.length = 0');
    for (let n = 0; n < 12; n++) {
      await page.mouse.move(middle.x, middle.y);
      await page.mouse.wheel(0, n < 8 ? -240 : 240);
      await page.mouse.down();
      for (let step = 1; step <= 15; step++) await page.mouse.move(middle.x + step * 9, middle.y + step * 4);
      await page.mouse.up();
    }
    const times = ((await page.evaluate('frameTimes')) as number[]).sort((a, b) => a - b);
    const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? Infinity;
    console.log(`${times.length} frames: half within ${at(0.5).toFixed(1)} ms, 95 % within ${at(0.95).toFixed(1)} ms`);
    expect(times.length).toBeGreaterThan(60);
    expect(at(0.95)).toBeLessThan(FRAME_MS);
  });

  for (const scheme of ['light', 'dark'] as const) {
    test(`it is accessible (${scheme})`, async () => {
      const { page } = await stage.open('/connections/fleet/map', { scheme });
      await page.getByText(/devices where HERE last saw them/).waitFor();
      await page
        .getByRole('button', { name: /^Show .* on the map/ })
        .first()
        .click();
      await page
        .getByRole('region', { name: /^Chosen: / })
        .getByText(/\d+ records/)
        .waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  }
});

interface Placed {
  readonly device: string;
  readonly lat: number;
  readonly lng: number;
}

/** The bridge's answers about positions, made here. */
async function answerWith(page: Page, devices: readonly Placed[]): Promise<void> {
  await page.route('**/positions?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    if (query.has('after')) return route.fulfill({ json: { positions: [], next: null } });
    const from = Number(query.get('cursor') ?? 0);
    const positions = devices.slice(from, from + PAGE).map(({ device, lat, lng }, i) => ({
      device,
      reportedAt: new Date(Date.now() - ((from + i) % 50) * 3_600_000).toISOString(),
      position: { lat, lng, accuracy: 25 },
    }));
    return route.fulfill({ json: { positions, next: from + PAGE < devices.length ? String(from + PAGE) : null } });
  });
}

/** How long each frame's script takes, in ms, in `frameTimes` of the page. */
async function timeFrames(page: Page): Promise<void> {
  await page.addInitScript(`
    globalThis.frameTimes = [];
    const ask = globalThis.requestAnimationFrame.bind(globalThis);
    globalThis.requestAnimationFrame = (run) => ask((now) => {
      const begun = performance.now();
      run(now);
      frameTimes.push(performance.now() - begun);
    });
  `);
}
