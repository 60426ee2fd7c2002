// The other pages, each with what it is for, in a real browser.
import fs from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/requirements.ts';
import { accessibilityFaults, Stage } from './support/stage.ts';

/** How many different colours a line across the middle of the map has: nothing drawn has one. */
async function inkOf(page: Page): Promise<number> {
  return (await page.evaluate(`(() => {
    const canvas = document.querySelector('.map-canvas');
    const { data } = canvas.getContext('2d').getImageData(0, canvas.height >> 1, canvas.width, 1);
    return new Set(new Uint32Array(data.buffer)).size;
  })()`)) as number;
}

describeWith('chromium', 'the pages of the console', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.build();
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 3, ratePerSecond: 10 });
  });
  afterAll(() => stage.tearDown());

  test('an uplink that is pasted shows the record and the rules; one without a position says why', async () => {
    const { page, complaints } = await stage.open('/try');
    await page.getByRole('button', { name: 'Take an example' }).click();
    await page.getByText('Device 20635F0101000042: 1 record(s) for HERE').waitFor();
    await page.getByText('abeeway-gps-fields').waitFor();
    // Where it is, in figures and on the map, which follows what is typed.
    await page.getByText('latitude 52.52008°, longitude 13.40495° · within 12 m').waitFor();
    const map = page.getByRole('application', { name: 'Map of the devices' });
    await map.and(page.locator('[data-middle="52.520 13.405"]')).waitFor();
    expect(await inkOf(page)).toBeGreaterThan(5);
    const moved = (await page.getByRole('textbox').inputValue())
      .replace('52.52008', '48.85660')
      .replace('13.40495', '2.35220');
    await page.getByRole('textbox').fill(moved);
    await map.and(page.locator('[data-middle="48.857 2.352"]')).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('textbox').fill(moved.replace('gpsLatitude', 'somethingElse'));
    await page.getByText('There is no position').waitFor();
    await map.waitFor({ state: 'detached' });
    await page.getByRole('textbox').fill('no JSON at all');
    await page.getByText(/Nothing would be sent: a dead letter \(notJson\)/).waitFor();
    expect(complaints).toEqual([]);
  });

  test('events are listed, and narrowed by connection, kind, severity and time; the address keeps it', async () => {
    await stage.connect('second', 'Second');
    const { page, complaints } = await stage.open('/events');
    await page.getByRole('heading', { name: 'Events' }).waitFor();
    const rows = page.locator('.event-list li');
    const ofFleet = rows.getByRole('link', { name: 'Fleet', exact: true });
    const ofSecond = rows.getByRole('link', { name: 'Second', exact: true });
    await ofFleet.first().waitFor();
    await ofSecond.first().waitFor();

    // By keyboard alone: what is typed is searched, and the arrow chooses.
    await page.getByRole('combobox', { name: 'Connection' }).focus();
    await page.keyboard.type('seco');
    await page.getByRole('option', { name: 'Second' }).waitFor();
    expect(await page.getByRole('option').count()).toBe(1);
    // The rest of the page is hidden from screen readers meanwhile, and the focus does not get there before the list is closed.
    expect(await accessibilityFaults(page, '.picker-list')).toEqual([]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await ofFleet.first().waitFor({ state: 'detached' });
    await ofSecond.first().waitFor();
    await page.waitForURL(/[?&]connection=second/);
    expect(await page.evaluate('document.activeElement.role')).toBe('combobox');

    await page.getByLabel('Kind').selectOption({ label: 'Connection opened' });
    await page.waitForURL(/kind=connectionOpened/);
    await page.getByLabel('Time', { exact: true }).selectOption({ label: 'Last hour' });
    await page.waitForURL(/span=hour/);
    await page.reload();
    await ofSecond.first().waitFor();
    expect(await rows.count()).toBe(1);
    await page.waitForFunction("document.querySelector('[role=combobox]').value === 'Second'");
    expect(await page.getByLabel('Kind').inputValue()).toBe('connectionOpened');

    await page.getByLabel('Kind').selectOption({ label: 'Journal full' });
    await page.getByText('No event is like that.').waitFor();
    await page.getByLabel('Kind').selectOption({ label: 'All' });
    await page.getByRole('combobox', { name: 'Connection' }).fill('');
    await page.keyboard.press('Escape');
    await ofFleet.first().waitFor();
    await page.getByLabel('Severity').selectOption('error');
    await page.locator('.event-list .badge', { hasText: 'Info' }).first().waitFor({ state: 'detached' });
    await page.getByLabel('Severity').selectOption({ label: 'All' });

    await page.getByLabel('Time', { exact: true }).selectOption({ label: 'From – to' });
    await ofFleet.first().waitFor();
    await page.getByLabel('From', { exact: true }).fill('2020-07-01T10:00');
    await page.getByLabel('Until', { exact: true }).fill('2020-07-01T11:00');
    // As the viewer's clock said then: summer in Berlin.
    await page.waitForURL(/from=2020-07-01T08%3A00%3A00.000Z&to=2020-07-01T09%3A00%3A00.000Z/);
    await page.getByText('Your time, GMT+2').first().waitFor();
    await page.getByText('No event is like that.').waitFor();
    await page.getByLabel('From', { exact: true }).fill('2020-07-01T12:00');
    await page.getByText('This ends before it begins.').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByLabel('Until', { exact: true }).fill('');
    await ofFleet.first().waitFor();
    expect(complaints).toEqual([]);
    await stage.request('DELETE', '/connections/second');
  });

  test('the events of a connection lead to all of them, and those to who changed it', async () => {
    const { page } = await stage.open('/connections/fleet');
    await page.getByRole('link', { name: 'All events of this connection' }).click();
    await page.waitForURL(/\/ui\/events\?connection=fleet/);
    await page.getByRole('link', { name: 'Who changed what' }).click();
    const audit = page.getByRole('region', { name: 'Audit: who changed what' });
    await audit.getByText('PUT /connections/:id fleet').waitFor();
    expect(await audit.getByLabel('Of what').inputValue()).toBe('fleet');
    // Another page's address clears the filter.
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await page.waitForFunction("document.querySelector('input[name=target]').value === ''");
  });

  test('a dead letter shows what HERE said, is mended and sent again', async () => {
    await stage.publish('mqtt/things/20635F0101000099/uplink', '{"DevEUI_uplink": {"broken": ');
    await stage.until('there is a dead letter', async () => {
      const { letters } = (await stage.request('GET', '/connections/fleet/dead-letters')) as { letters: unknown[] };
      return letters.length > 0;
    });
    const { page } = await stage.open('/connections/fleet/dead-letters');
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export all' }).click();
    const lines = fs
      .readFileSync(await (await saved).path(), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { reason: 'notJson', payload: '{"DevEUI_uplink": {"broken": ' },
    ]);
    await page.getByRole('button', { name: /Not JSON/ }).click();
    const uplink = {
      DevEUI_uplink: { Time: new Date().toISOString(), DevEUI: '20635F0101000099', FPort: 2, payload_hex: '00' },
    };
    // What is wrong with it is looked at where uplinks are tried; the letter is as it was.
    await page
      .getByRole('region', { name: /^Dead letter/ })
      .getByRole('button', { name: 'Try an uplink' })
      .click();
    await page.getByText(/Nothing would be sent: a dead letter \(notJson\)/).waitFor();
    expect(await page.getByRole('textbox').inputValue()).toBe('{"DevEUI_uplink": {"broken": ');
    await page.goBack();
    await page.getByRole('button', { name: /Not JSON/ }).click();
    await page.locator('[name=payload]').fill(JSON.stringify(uplink));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The dead letter has been changed').waitFor();
    await page.getByRole('button', { name: 'Send this one again' }).click();
    await page.getByText('1 on their way again, 0 without a final word yet.').waitFor();
    await page.getByRole('button', { name: /Not JSON/ }).waitFor({ state: 'detached' });
    await stage.until(
      'HERE has it',
      async () => [...stage.sandbox.received({ device: '20635F0101000099' })].length > 0,
    );
  });

  for (const [what, route, shown] of [
    ['try an uplink', '/try', 'Nothing pasted yet'],
    ['events', '/events', 'Severity'],
    ['dead letters', '/connections/fleet/dead-letters', 'Reason'],
  ] as const) {
    for (const scheme of ['light', 'dark'] as const) {
      test(`${what} is accessible (${scheme})`, async () => {
        const { page } = await stage.open(route, { scheme });
        await page.getByText(shown).first().waitFor();
        expect(await accessibilityFaults(page)).toEqual([]);
      });
    }
  }
});
