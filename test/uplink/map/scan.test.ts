// What devices heard: how payloads write access points, and what must not become a scan.
import { describe, expect, test } from 'vitest';
import { accessPoint, macAddress, signalStrength } from '../../../src/uplink/map/access-point.ts';
import { explain } from '../../../src/uplink/prepare.ts';
import { ARRIVED, connection, DEVICE, message, recordOf, uplink } from '../prepare-support.ts';

const A = '2f:4a:0a:db:a6:c8';
const B = '08:bf:b8:8e:7c:a8';
const wifi = [
  { mac: A, powrx: -71 },
  { mac: B, powrx: -76 },
];
const bluetooth = [
  { mac: A, rss: -71 },
  { mac: B, rss: -76 },
];
const heard = (key = 'mac', signal = 'rssi') => [
  { [key]: A, [signal]: -71 },
  { [key]: B, [signal]: -76 },
];
const scanOf = (payload: unknown): unknown => recordOf(uplink(payload)).scan;

describe('Access points', () => {
  test.each([
    ['wifiBssids of bssid', { wifiBssids: heard('bssid') }, { wlan: wifi }],
    ['wifiBssids of mac below position', { position: { wifiBssids: heard() } }, { wlan: wifi }],
    ['wifi[]', { wifi: heard() }, { wlan: wifi }],
    ['wifi.wifi[]', { wifi: { wifi: heard() } }, { wlan: wifi }],
    ['wifiAccessPoints', { wifiAccessPoints: heard('macAddress', 'signalStrength') }, { wlan: wifi }],
    ['a list in a list of frames', { frames: [{ type: 'wifi', wifi_ap_list: heard() }] }, { wlan: wifi }],
    [
      'a kind told by a text beside the list',
      { scanType: 'WIFI_BSSIDS', macAddressData: heard('bssid') },
      { wlan: wifi },
    ],
    ['a kind told inside of the scan', { scan: { technology: 'wifi', macs: heard() } }, { wlan: wifi }],
    ['a kind told by the frame', { positionType: 'WIFI', mac_list: heard() }, { wlan: wifi }],
    ['a kind told by the entries', { scan: heard('bssid') }, { wlan: wifi }],
    ['upper case names', { WIFI: heard('MAC', 'RSSI') }, { wlan: wifi }],
    ['addresses as keys', { wifi: { [A]: -71, [B]: '-76' } }, { wlan: wifi }],
    ['numbered fields', { wifi: { mac1: A, rssi1: -71, mac2: B, rssi2: -76 } }, { wlan: wifi }],
    ['addresses alone', { wifi: [A, B.toUpperCase()] }, { wlan: [{ mac: A }, { mac: B }] }],
    ['typed lists', { messages: [[{ type: 'Wi-Fi Scan', measurementValue: heard() }]] }, { wlan: wifi }],
    ['typed lists without groups', { messages: [{ type: 'BLE Scan', measurementValue: heard() }] }, { bt: bluetooth }],
    ['bleBssids', { bleBssids: heard('bssid') }, { bt: bluetooth }],
    ['bleBeaconMacs', { position: { bleBeaconMacs: heard() } }, { bt: bluetooth }],
    [
      'a list with its kind beside it',
      { dataScanCollection: { scanType: 'BLE_BEACONS', again: true, macAddressData: heard('bssid') } },
      { bt: bluetooth },
    ],
    [
      'both kinds',
      { wifi: [{ mac: A, rssi: -71 }], bleScan: [{ mac: B, rssi: -76 }] },
      { wlan: [wifi[0]], bt: [bluetooth[1]] },
    ],
  ])('are read from %s', (_name, payload, scan) => {
    expect(scanOf(payload)).toEqual(scan);
  });

  test('iBeacons and Eddystone beacons are told by their ids', () => {
    const uuid = 'E2C56DB5-DFFB-48D2-B060-D0F5A71096E0';
    const beacons = [
      { uuid, major: 1, minor: '0x0002', rssi: -60, mac: A },
      { uuid: uuid.replaceAll('-', ''), major: '10', minor: 20, rssi: -61 },
      { namespace: 'edd1ebeac04e5defa017', instance: '0bdb87539b67', rssi: '-62 dBm' },
    ];
    const scan = scanOf({ beacons }) as { bt: { iBeaconId?: string; eddystoneId?: string }[] };
    expect(scan.bt.map(({ iBeaconId }) => iBeaconId?.length)).toEqual([28, 28, undefined]);
    expect(Buffer.from(scan.bt[0]?.iBeaconId as string, 'base64').toString('hex')).toBe(
      'e2c56db5dffb48d2b060d0f5a71096e000010002',
    );
    expect(Buffer.from(scan.bt[2]?.eddystoneId as string, 'base64').toString('hex')).toBe(
      'edd1ebeac04e5defa0170bdb87539b67',
    );
  });

  test('short beacon ids stay in the payload', () => {
    const record = recordOf(
      uplink({
        bleBeaconIds: [
          { beaconId: '99-00-00-00-04-03', rssi: -64 },
          { id: '42-41', rssi: -60 },
        ],
      }),
    );
    expect(record.scan).toBeUndefined();
    expect(record.payload.DevEUI_uplink.payload.bleBeaconIds).toHaveLength(2);
  });

  test('an address is written with colons in lower case; placeholders are none', () => {
    for (const text of [
      '2F4A0ADBA6C8',
      '2f-4a-0a-db-a6-c8',
      '2f4a.0adb.a6c8',
      '0x2F4A0ADBA6C8',
      ' 2F:4A:0A:DB:A6:C8 ',
    ]) {
      expect(macAddress(text)).toBe(A);
    }
    for (const text of [
      '00:00:00:00:00:00',
      'FFFFFFFFFFFF',
      '2f4a0adba6',
      'not an address',
      '2f4a0adba6c8ff',
      12,
      null,
    ]) {
      expect(macAddress(text)).toBeNull();
    }
  });

  test('a signal is rounded; outside of its range it is none', () => {
    expect([-70.6, '-71', '-71dBm', 0, -128].map(signalStrength)).toEqual([-71, -71, -71, 0, -128]);
    expect([1, -129, 'x', null, undefined, '71 %', true].map(signalStrength).every(Number.isNaN)).toBe(true);
  });

  test('Wi-Fi keeps an address without its signal, Bluetooth does not', () => {
    expect(scanOf({ wifi: [{ mac: A, rssi: 7 }, { mac: B }] })).toEqual({ wlan: [{ mac: A }, { mac: B }] });
    expect(scanOf({ ble: [{ mac: A, rssi: 7 }, { mac: B }] })).toBeUndefined();
  });

  test('the same one twice counts once, with its strongest signal', () => {
    expect(
      scanOf({
        wifi: [
          { mac: A, rssi: -80 },
          { mac: B, rssi: -76 },
          { mac: A.toUpperCase(), rssi: -71 },
        ],
      }),
    ).toEqual({
      wlan: wifi,
    });
    expect(
      scanOf({
        wifi: [
          { mac: A, rssi: -80 },
          { mac: A, rssi: -71 },
        ],
      }),
    ).toBeUndefined();
  });

  test('of more than 128 the strongest go, in their order', () => {
    const many = Array.from({ length: 200 }, (_, i) => ({
      mac: `02000000${i.toString(16).padStart(4, '0')}`,
      rssi: -100 + (i % 100),
    }));
    const { wlan } = scanOf({ wifi: many }) as { wlan: { mac: string; powrx: number }[] };
    expect(wlan).toHaveLength(128);
    expect(Math.min(...wlan.map(({ powrx }) => powrx))).toBe(-64);
    expect(wlan.map(({ mac }) => mac)).toEqual(wlan.map(({ mac }) => mac).toSorted());
  });

  test('one whose owner does not want it used for positioning is left out', () => {
    expect(accessPoint({ mac: A, ssid: 'home_nomap', rssi: -50 })).toBeNull();
  });
});

describe('No scan', () => {
  test('of a single access point', () => {
    expect(scanOf({ wifi: [{ mac: A, rssi: -71 }] })).toBeUndefined();
  });
  test('from gateways, receivers, earlier frames and configurations', () => {
    for (const key of ['gateways', 'rxInfo', 'rx_metadata', 'previousScan', 'wifiConfiguration', 'stations']) {
      expect(scanOf({ [key]: heard() })).toBeUndefined();
    }
  });
  test('of devices of which nothing tells the kind', () => {
    expect(scanOf({ scan: heard() })).toBeUndefined();
  });
  test('beside the place that was solved from it; beside a satellite fix it may be', () => {
    const resolved = { deviceEUI: DEVICE, time: '2024-06-20T12:51:53.243Z', coordinates: [7.06, 43.6] };
    const uplinkPayload = { wifiBssids: heard('bssid') };
    expect(recordOf({ ...resolved, uplinkPayload }).scan).toBeUndefined();
    expect(recordOf({ ...resolved, coordinates: undefined, uplinkPayload }).scan).toEqual({ wlan: wifi });
    expect(recordOf({ ...resolved, validityState: 'PREVIOUS', uplinkPayload }).scan).toBeUndefined();
    const place = { latitude: 43.6, longitude: 7.06 };
    expect(scanOf({ ...place, wifi: heard() })).toEqual({ wlan: wifi });
    expect(scanOf({ ...place, positionType: 'WIFI', wifi: heard() })).toBeUndefined();
  });
  test('and the trace says why', () => {
    const { fields } = explain(connection(), message(uplink({ wifi: [{ mac: A }] })), ARRIVED);
    expect(fields.find(({ field }) => field === 'scan')).toMatchObject({
      rule: null,
      passedOver: [{ rule: 'heard-access-points', why: 'HERE places no device by a single access point' }],
    });
  });
});
