// Downlinks in ChirpStack's and The Things Stack's form, and their confirmations read back.
import { describe, expect, test } from 'vitest';
import {
  chirpstackCommandTopic,
  correlationIdOfItem,
  encodeChirpstackDownlink,
  queueItemId,
  readChirpstackConfirmation,
} from '../../src/domain/chirpstack-downlink.ts';
import type { NetworkDownlink } from '../../src/domain/network-downlink.ts';
import {
  encodeThingsStackDownlink,
  readThingsStackConfirmation,
  thingsStackDeviceTopic,
} from '../../src/domain/things-stack-downlink.ts';

const DOWNLINK: NetworkDownlink = {
  device: '20635F0108000E09',
  fPort: 2,
  payload: { hex: '0201ff' },
  confirmed: true,
  flushQueue: false,
  correlationId: '4434704901C7450B',
};
const APPLICATION = '6b7cbd83-2c60-4a6f-9f6c-6b0a3c3f6f11';
const deviceInfo = { devEui: '20635f0108000e09', applicationId: APPLICATION };
const end_device_ids = {
  device_id: 'tracker-1',
  dev_eui: '20635F0108000E09',
  application_ids: { application_id: 'fleet' },
};

describe('ChirpStack', () => {
  test('a command goes to the topic beside the uplink’s own', () => {
    const uplink = `eu868/application/${APPLICATION}/device/20635f0108000e09/event/up`;
    expect(chirpstackCommandTopic(uplink, {})).toBe(
      `eu868/application/${APPLICATION}/device/20635f0108000e09/command/down`,
    );
    expect(chirpstackCommandTopic('elsewhere', { deviceInfo })).toBe(
      `application/${APPLICATION}/device/20635f0108000e09/command/down`,
    );
    expect(chirpstackCommandTopic('elsewhere', { deviceInfo: { ...deviceInfo, applicationId: 'a/#' } })).toBeNull();
  });

  test('hex digits go as base64, an object to the codec, and the id comes back as it went', () => {
    const { topic, body } = encodeChirpstackDownlink(DOWNLINK, 'application/1/device/2/command/down');
    expect(topic).toBe('application/1/device/2/command/down');
    const { id, ...rest } = JSON.parse(body);
    expect(rest).toEqual({ devEui: '20635f0108000e09', confirmed: true, fPort: 2, data: 'AgH/' });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(correlationIdOfItem(id)).toBe(DOWNLINK.correlationId);
    const codec = encodeChirpstackDownlink({ ...DOWNLINK, payload: { object: { led: true } } }, 't');
    expect(JSON.parse(codec.body)).toMatchObject({ object: { led: true } });
  });

  test('txack, ack, a missing acknowledgement and a failure are told', () => {
    const queueItemIdOurs = queueItemId(DOWNLINK.correlationId);
    const told = { device: DOWNLINK.device, correlationId: DOWNLINK.correlationId, fPort: null, cause: null };
    const txack = { downlinkId: 1, deviceInfo, queueItemId: queueItemIdOurs, fCntDown: 3, gatewayId: '01' };
    expect(readChirpstackConfirmation(txack)).toEqual({ ...told, outcome: 'sent' });
    const ack = { deviceInfo, queueItemId: queueItemIdOurs, acknowledged: true };
    expect(readChirpstackConfirmation(ack)).toEqual({ ...told, outcome: 'acknowledged' });
    expect(readChirpstackConfirmation({ deviceInfo, queueItemId: queueItemIdOurs })).toMatchObject({
      outcome: 'notAcknowledged',
    });
    const log = {
      deviceInfo,
      level: 'ERROR',
      code: 'DOWNLINK_PAYLOAD_SIZE',
      description: 'Device queue-item discarded',
      context: { queue_item_id: queueItemIdOurs },
    };
    expect(readChirpstackConfirmation(log)).toEqual({
      ...told,
      outcome: 'failed',
      cause: 'Device queue-item discarded',
    });
    expect(readChirpstackConfirmation({ deviceInfo, code: 'UPLINK_CODEC' })).toBeNull();
    expect(readChirpstackConfirmation({ deviceInfo, object: {} })).toBeNull();
    expect(readChirpstackConfirmation({ deviceInfo, queueItemId: 'x', acknowledged: true })).toMatchObject({
      correlationId: null,
    });
  });
});

describe('The Things Stack', () => {
  test('push, or replace where the queue is to be flushed, beside the uplink’s topic with its tenant', () => {
    const device = thingsStackDeviceTopic('v3/fleet@ttn/devices/tracker-1/up', { end_device_ids });
    expect(device).toBe('v3/fleet@ttn/devices/tracker-1');
    expect(thingsStackDeviceTopic('other', { end_device_ids })).toBe('v3/fleet/devices/tracker-1');
    expect(thingsStackDeviceTopic('other', { end_device_ids: { device_id: 'a/+' } })).toBeNull();
    const push = encodeThingsStackDownlink(DOWNLINK, device as string);
    expect(push.topic).toBe('v3/fleet@ttn/devices/tracker-1/down/push');
    expect(JSON.parse(push.body)).toEqual({
      downlinks: [
        {
          f_port: 2,
          frm_payload: 'AgH/',
          confirmed: true,
          priority: 'NORMAL',
          correlation_ids: ['here-bridge:4434704901C7450B'],
        },
      ],
    });
    const replace = encodeThingsStackDownlink({ ...DOWNLINK, flushQueue: true }, device as string);
    expect(replace.topic).toBe('v3/fleet@ttn/devices/tracker-1/down/replace');
  });

  test('queued, sent, ack, nack and failed are told', () => {
    const correlation_ids = ['as:downlink:01', 'here-bridge:4434704901C7450B'];
    const told = { device: DOWNLINK.device, correlationId: DOWNLINK.correlationId, fPort: 2, cause: null };
    const item = { f_port: 2, correlation_ids };
    const read = (fields: object) => readThingsStackConfirmation({ end_device_ids, ...fields });
    expect(read({ downlink_queued: item })).toEqual({ ...told, outcome: 'queued' });
    expect(read({ downlink_sent: item })).toEqual({ ...told, outcome: 'sent' });
    expect(read({ downlink_ack: { f_port: 2 }, correlation_ids })).toEqual({ ...told, outcome: 'acknowledged' });
    expect(read({ downlink_nack: item })).toEqual({ ...told, outcome: 'notAcknowledged' });
    const error = { namespace: 'pkg/networkserver', name: 'x', message_format: 'no session' };
    expect(read({ downlink_failed: { downlink: item, error } })).toEqual({
      ...told,
      outcome: 'failed',
      cause: 'no session',
    });
    expect(read({ uplink_message: {} })).toBeNull();
    expect(readThingsStackConfirmation(null)).toBeNull();
  });
});
