import { describe, expect, test } from 'vitest';
import { readThingPark } from '../../../src/uplink/envelopes/thingpark.ts';

const device = '0018B20000000B20';
const time = '2024-06-20T14:51:53.243+02:00';
const frameOf = (root: Record<string, unknown>) => {
  const envelope = readThingPark(root);
  if (envelope?.kind !== 'frame') throw new Error(`no frame: ${JSON.stringify(envelope)}`);
  return envelope.frame;
};

describe("ThingPark's envelopes", () => {
  test.each([
    [{ DevEUI_uplink: { DevEUI: device, rawJoinRequest: '00' } }, 'join'],
    [{ DevEUI_uplink: { DevEUI: device, FCntUp: 1 } }, 'mac'],
    [{ DevEUI_uplink: { DevEUI: device, payload_hex: '' } }, 'mac'],
    [{ DevEUI_uplink: { DevEUI: device, FPort: '0', payload_hex: '0203' } }, 'mac'],
    [{ DevEUI: device, FCntUp: 1, rawMacCommands: '02' }, 'mac'],
    [{ DevEUI_downlink_Sent: { DevEUI: device } }, 'report'],
    [{ DevEUI_downlink_Rejected: { DevEUI: device } }, 'report'],
    [{ DevEUI_downlink: { DevEUI: device } }, 'report'],
    [{ DevEUI: device, DeliveryStatus: '1' }, 'report'],
    [{ DevEUI_notification: { DevEUI: device, Type: 'reset' } }, 'notification'],
    [{ DevEUI: device, Type: 'reset', Var1: 'x' }, 'notification'],
    [{ DevEUI_alarm: { DevEUI: device } }, 'alarm'],
    [{ BS_alarm: {} }, 'alarm'],
    [{ DevEUI_multicast_summary: { DevEUI: device } }, 'multicast'],
    [{ DevEUI_downlink_Sent: 'x' }, 'report'],
  ])('%j carries no telemetry: %s', (root, reason) => {
    expect(readThingPark(root)).toMatchObject({ kind: 'noTelemetry', reason });
  });

  test('an uplink reads the same with and without its root', () => {
    const body = { DevEUI: device, Time: time, payload_hex: '00', payload: { a: 1 } };
    expect({ ...frameOf(body) }).toEqual({ ...frameOf({ DevEUI_uplink: body }) });
    expect(frameOf(body)).toMatchObject({
      kind: 'uplink',
      device,
      rootKey: 'DevEUI_uplink',
      receivedAt: Date.parse(time),
    });
  });

  test('maker and model come from DriverCfg.mod, else from CustomerData.alr, also as a text of JSON', () => {
    const body = { DevEUI: device, payload_hex: '00' };
    const alr = { alr: { pro: 'ABEE/APY', ver: '1' } };
    const mod = { DriverCfg: { mod: { pId: 'abeeway', mId: 'micro-tracker' } } };
    expect(frameOf({ ...body, ...mod, CustomerData: alr })).toMatchObject({ maker: 'abeeway', model: 'micro-tracker' });
    expect(frameOf({ ...body, CustomerData: alr })).toMatchObject({ maker: 'ABEE', model: 'APY' });
    expect(frameOf({ ...body, CustomerData: JSON.stringify(alr) })).toMatchObject({ maker: 'ABEE', model: 'APY' });
    for (const CustomerData of [null, '{', 7, [], { alr: 7 }, { alr: { pro: 7 } }]) {
      expect(frameOf({ ...body, CustomerData })).toMatchObject({ maker: null, model: null });
    }
  });

  test('a resolved position is recognised by its shape; its DevEUI is in lower case', () => {
    const frame = frameOf({
      deviceEUI: device.toLowerCase(),
      time: '2025-01-13T12:46:30.201000+00:00',
      coordinates: [2.3, 48.8, null],
      age: -1,
      horizontalAccuracy: 0,
      rawPosition: { rawPositionType: 'RawPositionByWifiSolver' },
    });
    expect(frame).toMatchObject({
      kind: 'resolved',
      device,
      receivedAt: 1736772390201,
      located: { lat: 48.8, lng: 2.3, technology: 'wlan', stale: null },
    });
    expect(frame.located?.alt).toBeNaN();
  });

  test.each([
    ['NEW', null, null],
    [undefined, null, null],
    [null, null, null],
    ['PREVIOUS', /PREVIOUS/, null],
    ['ODD', /ODD/, 'ODD'],
    [7, /unknown kind/, 'of an unknown kind'],
  ])('validityState %s', (validityState, stale, unknownState) => {
    const { located } = frameOf({ deviceEUI: device, coordinates: [2, 48], validityState });
    if (stale === null) expect(located?.stale).toBeNull();
    else expect(located?.stale).toMatch(stale);
    expect(located?.unknownState).toBe(unknownState);
  });

  test('a location without a readable Time takes DevLocTime', () => {
    const body = { DevEUI: device, DevLAT: '10', DevLON: '7', Time: '2015-01-27T10:00.123:46+01:00', DevLocTime: time };
    expect(frameOf({ DevEUI_location: body }).receivedAt).toBe(Date.parse(time));
  });

  test('a device status tells the battery: 0 and 255 tell nothing', () => {
    const level = (Var1: unknown) => {
      const envelope = readThingPark({ DevEUI_notification: { DevEUI: device, Type: 'devstatusans', Var1 } });
      return envelope?.kind === 'noTelemetry' ? envelope.batteryLevel : undefined;
    };
    expect([0, '1', 128, '254', 255, '', 'x', undefined].map(level)).toEqual([
      null,
      0,
      50,
      100,
      null,
      null,
      null,
      null,
    ]);
  });

  test('another shape is not ThingPark’s', () => {
    expect(readThingPark({ deviceInfo: { devEui: device } })).toBeNull();
    expect(readThingPark({})).toBeNull();
  });
});
