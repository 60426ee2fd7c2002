// The console in German and French in a real browser: chosen by the browser or by hand, and nothing overflows on a telephone.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogue as de } from '../../src/console/text/de.ts';
import { en } from '../../src/console/text/en.ts';
import { describeWith } from '../support/requirements.ts';
import { PLACES } from './support/places.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

const CATALOGUE = /\/assets\/(de|fr)-[^/]+\.js$/;

/** Every string with what would be put into it left out, English beside German. */
function pairs(ours: unknown, theirs: unknown): [string, string][] {
  if (typeof ours === 'string') return [[ours, theirs as string]];
  if (typeof ours === 'function') {
    const [a, b] = [ours, theirs] as ((...parts: string[]) => string)[];
    return [[a?.('', '', '').trim() ?? '', b?.('', '', '').trim() ?? '']];
  }
  return Object.keys(ours as object).flatMap((key) => {
    return pairs((ours as Record<string, unknown>)[key], (theirs as Record<string, unknown>)[key]);
  });
}

const translated = pairs(en, de);

/** The text by which a page is known to be complete, in German; names stay as they are. */
function inGerman(shown: string): string {
  const exact = translated.find(([english]) => english === shown);
  return (exact ?? translated.find(([english]) => english.includes(shown)))?.[1] ?? shown;
}

/** What reaches out of the window, or out of a box that hides it without a sign. Scrollers may be wider within. */
async function overflowing(page: Page): Promise<string[]> {
  return (await page.evaluate(`(() => {
    const wide = [];
    if (document.documentElement.scrollWidth > innerWidth) wide.push('the page itself: ' + document.documentElement.scrollWidth);
    for (const element of document.querySelectorAll('main *, header *, nav *')) {
      const style = getComputedStyle(element);
      if (style.visibility === 'hidden' || element.closest('.vt, pre, .scroller, .visually-hidden, canvas, svg, .uplot') !== null) continue;
      const { right, left, width } = element.getBoundingClientRect();
      if (width > 0 && left < innerWidth && right > innerWidth + 1) {
        let parent = element.parentElement;
        while (parent !== null && !/auto|scroll/.test(getComputedStyle(parent).overflowX)) parent = parent.parentElement;
        if (parent === null) wide.push(element.outerHTML.slice(0, 120) + ' to ' + Math.round(right));
      }
      const isHidden = style.clipPath !== 'none';
      const isCut = !isHidden && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
      if (isCut && style.overflowX === 'hidden' && style.textOverflow !== 'ellipsis') wide.push('cut: ' + element.outerHTML.slice(0, 120));
    }
    return wide;
  })()`)) as string[];
}

describeWith('chromium', 'the languages of the console', () => {
  let stage: Stage;
  let device = '';

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 5, ratePerSecond: 10 });
    await stage.until('a device was heard', async () => {
      const heard = (await stage.request('GET', '/connections/fleet/devices')) as { device: string }[];
      device = heard[0]?.device ?? '';
      return device !== '';
    });
  });
  afterAll(() => stage.tearDown());

  test('the browser’s language is spoken, and only its catalogue is loaded', async () => {
    for (const [locale, title, catalogues] of [
      ['en-GB', 'Connections', []],
      ['it-IT', 'Connections', []],
      ['de-AT', 'Verbindungen', ['de']],
      ['fr-CA', 'Connexions', ['fr']],
    ] as const) {
      const { page, complaints } = await stage.page({ locale });
      const loaded: string[] = [];
      page.on('request', (request) => loaded.push(...(CATALOGUE.exec(request.url())?.slice(1, 2) ?? [])));
      await page.goto(`${stage.url}/ui/connections`);
      await page.getByRole('heading', { name: title }).waitFor();
      expect(loaded).toEqual(catalogues);
      expect(await page.locator('html').getAttribute('lang')).toBe(title === 'Connections' ? 'en' : locale.slice(0, 2));
      expect(complaints).toEqual([]);
    }
  });

  test('another one is chosen in the settings, stays over a reload, and can be given back to the browser', async () => {
    const { page } = await stage.open('/settings');
    await page.getByRole('combobox', { name: 'Language' }).selectOption('fr');
    await page.getByRole('heading', { name: 'Réglages' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Réglages' }).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('combobox', { name: 'Langue' }).selectOption('');
    await page.getByRole('heading', { name: 'Settings', exact: true }).waitFor();
  });

  test('numbers and times are written as the reader writes them', async () => {
    const { page } = await stage.open('/try', { locale: 'de-DE' });
    await page.getByRole('button', { name: 'Beispiel nehmen' }).click();
    await page.getByText('Breite 52,52008°, Länge 13,40495° · auf 12 m genau').waitFor();
    await page.goto(`${stage.url}/ui/connections/fleet`);
    await page
      .getByText(/vor \d+ (s|Sek|Min)/)
      .first()
      .waitFor();
  });

  for (const { name, route, shown } of PLACES) {
    test(`${name}: nothing overflows at 360 px in German`, async () => {
      const { page } = await stage.open(route.replace('{device}', device), { width: 360, locale: 'de-DE' });
      await page.getByText(inGerman(shown)).first().waitFor();
      expect(await overflowing(page)).toEqual([]);
    });
  }
});
