// What goes no further than the filter, and in which order the rules speak.
import { describe, expect, test } from 'vitest';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { ARRIVED, connection, DEVICE, message, prepareOne, RECEIVED, uplink } from './prepare-support.ts';

const location = { DevEUI_location: { DevEUI: DEVICE, Time: '2024-06-20T12:51:53.243Z', DevLAT: 43.6, DevLON: 7.06 } };
const resolved = { deviceEUI: DEVICE, time: '2024-06-20T12:51:53.243Z', coordinates: [7.06, 43.6] };
const nobody = { source: { matchers: [{ type: 'key' as const, key: 'lora:0000000000000000' }] } };

describe('The filter', () => {
  test('skips retained copies before it reads them', () => {
    const prepared = compilePrepare(connection())({ ...message('no JSON'), retain: true }, ARRIVED);
    expect(prepared).toEqual({ device: null, outcome: { kind: 'skipped', reason: 'retained' } });
  });

  test('leaves out what no matcher takes', () => {
    expect(prepareOne(uplink({ a: 1 }), nobody)).toEqual({
      device: DEVICE,
      fCnt: 265,
      outcome: { kind: 'filtered', reason: 'noMatch' },
    });
    const tags = { source: { matchers: [{ type: 'thing' as const, tags: ['paris', 'TRUCKS'] }] } };
    expect(
      prepareOne(uplink({ a: 1 }, { CustomerData: { tags: ['Paris'] }, ModelCfg: '1:Trucks' }), tags).outcome,
    ).toBeNull();
    expect(prepareOne(resolved, tags).outcome).toEqual({ kind: 'filtered', reason: 'noMatch' });
    expect(prepareOne({ ...resolved, customerData: { tags: ['PARIS', 'trucks'] } }, tags).outcome).toBeNull();
  });

  test('a message without telemetry is skipped, whatever the matchers say', () => {
    expect(prepareOne({ DevEUI_alarm: { DevEUI: DEVICE } }, nobody).outcome).toEqual({
      kind: 'skipped',
      reason: 'alarm',
    });
  });

  test('the legacy format takes uplinks only', () => {
    for (const content of [location, resolved]) {
      expect(prepareOne(content, { format: 'flat' }).outcome).toEqual({ kind: 'filtered', reason: 'legacyFormat' });
      expect(prepareOne(content).outcome).toBeNull();
    }
    expect(prepareOne(uplink({ a: 1 }), { format: 'flat' }).outcome).toBeNull();
  });

  test('expires what was older than its validity when it arrived, to the ms', () => {
    const prepare = compilePrepare(connection({ uplinkTimeValidityMs: 60_000 }));
    const arriving = (afterMs: number) =>
      prepare({ ...message(uplink({ a: 1 })), arrivedAt: RECEIVED + afterMs }, Number.MAX_SAFE_INTEGER);
    expect(arriving(60_000)).toMatchObject({ outcome: null, emittedAt: RECEIVED });
    expect(arriving(60_001)).toEqual({
      device: DEVICE,
      fCnt: 265,
      outcome: { kind: 'expired', reason: 'tooOld', emittedAt: RECEIVED },
    });
    expect(arriving(-3_600_000).outcome).toBeNull();
  });

  test('without a readable time the arrival counts, so nothing is too old', () => {
    const prepared = prepareOne(uplink({ a: 1 }, { Time: 'yesterday' }), { uplinkTimeValidityMs: 1000 });
    expect(prepared).toMatchObject({ outcome: null, emittedAt: ARRIVED });
  });

  test('a location without a place is no telemetry', () => {
    expect(prepareOne({ DevEUI_location: { DevEUI: DEVICE, DevLAT: '', DevLON: '' } }).outcome).toEqual({
      kind: 'skipped',
      reason: 'report',
    });
  });

  test('a transformed message without anything that a rule knows is no telemetry', () => {
    expect(prepareOne({ DevEUI: DEVICE, FCntUp: 7, note: 'x' }).outcome).toEqual({ kind: 'skipped', reason: 'mac' });
    expect(prepareOne({ DevEUI: DEVICE, FCntUp: 7, latitude: 43, longitude: 7 }).outcome).toBeNull();
  });
});
