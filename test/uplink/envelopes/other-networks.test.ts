// ChirpStack, The Things Stack and plain JSON: each is told by its shape and becomes the same inner form as ThingPark's.
import { describe, expect, test } from 'vitest';
import { explain } from '../../../src/uplink/prepare.ts';
import { ARRIVED, connection, DEVICE, message, prepareOne, RECEIVED, recordOf } from '../prepare-support.ts';

const place = { lat: 43.6, lng: 7.06 };
const time = new Date(RECEIVED).toISOString();
const deviceInfo = {
  tenantId: '52f14cd4',
  applicationId: '17c82e96',
  deviceProfileName: 'Oyster3',
  deviceName: 'Truck 7',
  devEui: DEVICE.toLowerCase(),
  tags: { fleet: 'paris' },
};
const gateway = { gatewayId: '0016c001', rssi: -48, snr: 9, location: { latitude: 1, longitude: 2 } };
const chirpstack = (fields: object) => ({
  deduplicationId: '3ac7e3c4',
  time,
  deviceInfo,
  devAddr: '00189440',
  fCnt: 4,
  fPort: 1,
  data: 'AgH/',
  rxInfo: [gateway],
  ...fields,
});
const end_device_ids = { device_id: 'tracker-1', dev_eui: DEVICE, application_ids: { application_id: 'fleet' } };
const thingsStack = (fields: object) => ({
  end_device_ids,
  received_at: '2024-06-20T12:51:54.000Z',
  uplink_message: {
    f_port: 1,
    f_cnt: 4,
    frm_payload: 'AgH/',
    received_at: time,
    rx_metadata: [{ gateway_ids: { gateway_id: 'gw' }, rssi: -48, location: { latitude: 1, longitude: 2 } }],
    version_ids: { brand_id: 'abeeway', model_id: 'micro-tracker' },
    ...fields,
  },
});
const skipped = (reason: string) => ({ device: DEVICE, outcome: { kind: 'skipped', reason } });

describe('ChirpStack', () => {
  test('an uplink becomes the record that ThingPark’s would, with its payload in the same form', () => {
    const record = recordOf(chirpstack({ object: { latitude: 43.6, longitude: 7.06, battery: 80 } }));
    expect(record).toMatchObject({
      id: DEVICE,
      timestamp: RECEIVED,
      position: { ...place, type: 'gnss' },
      system: { client: { model: 'Oyster3' }, reportedSensorData: { batteryLevel: 80 } },
    });
    expect(record.payload.DevEUI_uplink).toEqual({
      Time: time,
      DevEUI: DEVICE,
      FPort: 1,
      FCntUp: 4,
      payload_hex: '0201ff',
      DevAddr: '00189440',
      LrrRSSI: -48,
      LrrSNR: 9,
      Lrrid: '0016c001',
      DevLrrCnt: 1,
      CustomerData: { name: 'Truck 7', tags: ['fleet:paris'] },
      payload: { latitude: 43.6, longitude: 7.06, battery: 80 },
    });
  });

  test('a gateway’s place never becomes the device’s', () => {
    expect(recordOf(chirpstack({ object: { temperature: 20 } })).position).toBeUndefined();
  });

  test('without an object the driver is asked for; MAC commands alone are skipped', () => {
    const prepared = prepareOne(chirpstack({}));
    expect(prepared.outcome).toBeNull();
    expect(prepared.notice).toMatchObject({ kind: 'noDecodedPayload' });
    expect(prepareOne(chirpstack({ fPort: 0 }))).toMatchObject(skipped('mac'));
    expect(prepareOne(chirpstack({ data: '' }))).toMatchObject(skipped('mac'));
  });

  test('a resolved location is a network’s position; a configured one is none', () => {
    const location = { latitude: 43.6, longitude: 7.06, altitude: 0, source: 'GEO_RESOLVER_TDOA', accuracy: 300 };
    const { position } = recordOf({ time, deviceInfo, location });
    expect(position).toEqual({ ...place, accuracy: 300 });
    expect(recordOf({ time, deviceInfo, location: { ...location, source: 'GEO_RESOLVER_WIFI' } }).position.type).toBe(
      'wlan',
    );
    expect(prepareOne({ time, deviceInfo, location: { ...location, source: 'CONFIG' } })).toMatchObject(
      skipped('report'),
    );
  });

  test('status, join, txack, ack and log are no telemetry; a codec’s failure is told', () => {
    const other = (fields: object) => prepareOne({ time, deviceInfo, ...fields });
    expect(other({ margin: 5, batteryLevel: 80.4 })).toMatchObject(skipped('notification'));
    expect(other({ devAddr: '00189440' })).toMatchObject(skipped('join'));
    expect(other({ downlinkId: 1, queueItemId: 'x', gatewayId: '1' })).toMatchObject(skipped('report'));
    expect(other({ queueItemId: 'x', acknowledged: true })).toMatchObject(skipped('report'));
    expect(other({ integrationName: 'loracloud', object: {} })).toMatchObject(skipped('report'));
    const log = other({ level: 'ERROR', code: 'UPLINK_CODEC', description: 'decode failed' });
    expect(log).toMatchObject({ ...skipped('notification'), notice: { kind: 'payloadDecodedError' } });
    expect(log.notice?.message).toContain('decode failed');
  });

  test('tags are matched as `key:value`', () => {
    const source = (tag: string) => ({ source: { matchers: [{ type: 'thing' as const, tags: [tag] }] } });
    expect(prepareOne(chirpstack({}), source('fleet:paris')).outcome).toBeNull();
    expect(prepareOne(chirpstack({}), source('fleet:rome')).outcome).toMatchObject({ reason: 'noMatch' });
  });
});

describe('The Things Stack', () => {
  test('an uplink becomes the record that ThingPark’s would', () => {
    const record = recordOf(thingsStack({ decoded_payload: { latitude: 43.6, longitude: 7.06, temperature: 21 } }));
    expect(record).toMatchObject({
      id: DEVICE,
      timestamp: RECEIVED,
      position: place,
      system: { client: { manufacturer: 'abeeway', model: 'micro-tracker' }, reportedSensorData: { temperatureC: 21 } },
    });
    expect(record.payload.DevEUI_uplink).toMatchObject({ FPort: 1, FCntUp: 4, payload_hex: '0201ff' });
  });

  test('normalized values count where the decoded ones are silent; its volts are no per cent', () => {
    const normalized_payload = [
      { air: { temperature: 21, relativeHumidity: 40 }, battery: 3 },
      { position: { latitude: 43.6, longitude: 7.06 } },
    ];
    for (const decoded_payload of [undefined, { x: 1 }]) {
      const record = recordOf(thingsStack({ decoded_payload, normalized_payload }));
      expect(record.position).toMatchObject(place);
      expect(record.system.reportedSensorData).toEqual({ temperatureC: 21, relativeHumidity: 40 });
    }
    const last_battery_percentage = { value: 99.2 };
    const { system } = recordOf(thingsStack({ normalized_payload, last_battery_percentage }));
    expect(system.reportedSensorData.batteryLevel).toBe(99);
  });

  test('of its locations the payload’s own counts, a configured or an earlier one does not', () => {
    const at = { latitude: 43.6, longitude: 7.06 };
    const of = (locations: object, decoded_payload: object = { x: 1 }) =>
      recordOf(thingsStack({ decoded_payload, locations })).position;
    expect(of({ 'frm-payload': { ...at, source: 'SOURCE_GPS' } })).toMatchObject({ ...place, type: 'gnss' });
    expect(of({ user: { ...at, source: 'SOURCE_REGISTRY' } })).toBeUndefined();
    expect(of({ 'lora-cloud': { ...at, source: 'SOURCE_WIFI_RSSI_GEOLOCATION' } })).toBeUndefined();
    expect(of({ 'frm-payload': { ...at, source: 'SOURCE_GPS' } }, { fix: false })).toBeUndefined();
  });

  test('a solved location, and what is no telemetry', () => {
    const other = (fields: object) => ({ end_device_ids, received_at: time, ...fields });
    const location = { latitude: 43.6, longitude: 7.06, accuracy: 40, source: 'SOURCE_WIFI_RSSI_GEOLOCATION' };
    expect(recordOf(other({ location_solved: { service: 's', location } })).position).toEqual({
      ...place,
      accuracy: 40,
      type: 'wlan',
    });
    expect(prepareOne(other({ join_accept: {} }))).toMatchObject(skipped('join'));
    for (const kind of ['downlink_ack', 'downlink_sent', 'downlink_failed', 'service_data']) {
      expect(prepareOne(other({ [kind]: {} }))).toMatchObject(skipped('report'));
    }
    expect(prepareOne(other({ uplink_normalized: {} }))).toMatchObject(skipped('secondCopy'));
    expect(prepareOne(thingsStack({ f_port: undefined }))).toMatchObject(skipped('mac'));
  });

  test('a device without a DevEUI is named by its id `eui-…`', () => {
    const ids = { device_id: `eui-${DEVICE.toLowerCase()}` };
    const content = { ...thingsStack({ decoded_payload: { x: 1 } }), end_device_ids: ids };
    expect(recordOf(content).id).toBe(DEVICE);
  });
});

describe('A plain JSON', () => {
  test.each([
    ['flat fields', { device_id: DEVICE, timestamp: time, lat: 43.6, lon: 7.06 }],
    ['a nested payload', { devEUI: DEVICE.toLowerCase(), ts: RECEIVED, payload: { latitude: 43.6, longitude: 7.06 } }],
    ['a device object', { device: { eui: DEVICE }, time, data: { gps: { lat: '43.6', lng: '7.06' } } }],
    ['times in seconds', { id: DEVICE, time: RECEIVED / 1000, location: { lat: 43.6, lng: 7.06 } }],
  ])('with %s', (_name, content) => {
    const record = recordOf(content);
    expect(record).toMatchObject({ id: DEVICE, position: place });
    expect(Math.abs(record.timestamp - RECEIVED)).toBeLessThan(1);
  });

  test('without a device id needs one in its topic', () => {
    expect(prepareOne({ lat: 43.6, lon: 7.06 }).outcome).toMatchObject({ reason: 'noDevice' });
  });
});

test('the trace names what each message is', () => {
  const { notes } = explain(connection(), message({ time, deviceInfo, queueItemId: 'x' }), ARRIVED);
  expect(notes[0]).toContain('ChirpStack');
});
