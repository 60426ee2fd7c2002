// `npm run screenshots -- DIR [name …]`: a picture of every page of the built console, in light, dark and on a narrow screen.
import fs from 'node:fs';
import path from 'node:path';
import { PLACES } from '../support/places.ts';
import { type Look, Stage } from '../support/stage.ts';

const LOOKS: Readonly<Record<string, Look>> = {
  light: { scheme: 'light' },
  dark: { scheme: 'dark' },
  narrow: { scheme: 'light', width: 360, height: 780 },
};

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) {
  console.error('npm run screenshots -- DIR [name …]');
  process.exit(2);
}
fs.mkdirSync(folder, { recursive: true });
const stage = await Stage.build();
try {
  const device = await furnish(stage);
  for (const place of PLACES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    for (const [look, how] of Object.entries(LOOKS)) {
      const { page, complaints } = await stage.open(place.route.replace('{device}', device), how);
      await page.getByText(place.shown).first().waitFor();
      // Charts and maps are drawn after the text.
      await page.waitForTimeout(600);
      const file = path.join(folder, `${place.name}-${look}.png`);
      await page.screenshot({ path: file, fullPage: true });
      const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
      console.log(file, wide ? 'WIDER THAN THE SCREEN' : '', ...complaints);
      await page.context().close();
    }
  }
} finally {
  await stage.tearDown();
}

/** Connections of all kinds with long, foreign and ordinary names; the id of a device that was heard. */
async function furnish(to: Stage): Promise<string> {
  const appId = to.sandbox.appIds[1];
  await to.connect('fleet', 'Fleet');
  await to.connect(
    'long',
    'Refrigerated containers of the northern depots, leased, second contract of 2024 (do not stop)',
    {
      appId,
    },
  );
  await to.connect('rtl', 'أسطول الشاحنات (north) 17', { appId });
  await to.request('POST', '/connections/rtl/stop');
  await to.request('PUT', '/connections/refused', {
    connectorId: 'actility-here-iot',
    name: 'Refused',
    configuration: { email: 'nobody@sandbox.example', password: 'wrong', appId },
  });
  to.startFleet({ devices: 60, ratePerSecond: 40 });
  for (let n = 0; n < 4; n++)
    await to.publish('mqtt/things/20635F0101000099/uplink', `{"DevEUI_uplink": {"broken": ${n}`);
  let device = '';
  await to.until('devices are heard and HERE has them', async () => {
    const devices = (await to.request('GET', '/connections/fleet/devices')) as { device: string }[];
    device = devices[0]?.device ?? '';
    return devices.length >= 50 && [...to.sandbox.received({ device })].length > 2;
  });
  return device;
}
