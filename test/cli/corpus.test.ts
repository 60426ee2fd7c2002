// `corpus` on captures of all forms, and `map --mapping`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cli } from '../support/cli.ts';

const cwd = mkdtempSync(path.join(tmpdir(), 'here-bridge-corpus-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const write = (name: string, text: string): void => writeFileSync(path.join(cwd, name), text);
const DEVICE = '0018B20000000B20';
const uplink = (payload: unknown) => ({
  DevEUI_uplink: {
    Time: '2026-11-01T10:00:00Z',
    DevEUI: DEVICE,
    FPort: 1,
    payload_hex: '00',
    payload,
    DriverCfg: { mod: { pId: 'acme', mId: 'box' } },
  },
});
write('one.json', JSON.stringify(uplink({ latitude: 48.1, longitude: 2.2 })));
const capture = {
  topic: 'application/1/device/2/event/up',
  payload: {
    deviceInfo: { devEui: DEVICE, deviceProfileName: 'Oyster' },
    fPort: 1,
    data: 'AQ==',
    object: { fixFailed: true, latitude: 1, longitude: 2 },
  },
};
write('capture.jsonl', `${JSON.stringify(capture)}\n${JSON.stringify({ topic: 'x', payload: 'nonsense' })}\n`);
write(
  'cases.json',
  JSON.stringify([
    { vendor: 'v', model: 'm', decoded: { lat: 48.1, lng: 2.2 }, expect: { lat: 48.1, lng: 2.2 } },
    { vendor: 'v', model: 'm', decoded: { lat: 48.1, lng: 2.2 }, expect: null },
  ]),
);
write('mapping.json', JSON.stringify([{ set: { '/system/reportedSensorData/batteryLevel': '/payload/longitude' } }]));

describe('corpus', () => {
  test('prints a table by model: with position, without and why, unreadable, not as expected', async () => {
    const { code, out } = await cli(['corpus', '.', '--json'], { cwd });
    expect(code).toBe(1);
    const tallies = Object.fromEntries(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map((tally) => [tally.model, tally]),
    );
    expect(tallies['acme/box']).toMatchObject({ messages: 1, withPosition: 1 });
    expect(tallies['?/Oyster']).toMatchObject({ without: 1, reasons: { 'fixFailed is true': 1 } });
    expect(tallies['v/m']).toMatchObject({ messages: 2, withPosition: 2, unexpected: 1 });
    // The nonsense, and the overrides, which lie in the same folder and are no uplink.
    expect(tallies['(no model)']).toMatchObject({ unreadable: 2 });
  });

  test('is a table for people, and ends with 0 where all is well', async () => {
    const { code, out } = await cli(['corpus', 'one.json'], { cwd });
    expect(code).toBe(0);
    expect(out).toMatch(/^MODEL +MESSAGES +POSITION/);
    expect(out).toMatch(/^all +1 +1/m);
  });

  test('says what it cannot read', async () => {
    expect(await cli(['corpus', 'none'], { cwd })).toMatchObject({ code: 66 });
    expect(await cli(['corpus', '-'], { cwd, stdin: '{"a":1}\nnonsense\n' })).toMatchObject({ code: 65 });
  });
});

describe('map --mapping', () => {
  test('tries overrides, and names the one that gave a field', async () => {
    const { code, out } = await cli(['map', 'one.json', '--mapping', 'mapping.json'], { cwd });
    expect(code).toBe(0);
    expect(JSON.parse(out.split('\n')[0] as string).system.reportedSensorData.batteryLevel).toBe(2);
    expect(out).toMatch(/^system\.reportedSensorData\.batteryLevel +mapping\/0 /m);
  });

  test('refuses wrong ones by pointer', async () => {
    write('wrong.txt', JSON.stringify([{ set: { '/position/lat': '/a' } }, { when: { port: 1 }, skip: [] }]));
    const { code, err } = await cli(['map', 'one.json', '--mapping', 'wrong.txt'], { cwd });
    expect(code).toBe(65);
    expect(err).toContain('/0/set: must set /position/lat and /position/lng together');
    expect(err).toContain('/1/when/port: is not a known field');
  });
});
