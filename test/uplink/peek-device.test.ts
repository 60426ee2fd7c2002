// The device of a message without parsing it: the same one that the parser finds, on every network; and its frame's counter.
import { expect, test } from 'vitest';
import { createFleet } from '../../src/sandbox/fleet/fleet.ts';
import { peekDevice } from '../../src/uplink/peek-device.ts';
import { compilePrepare } from '../../src/uplink/prepare.ts';
import { ARRIVED, connection, message } from './prepare-support.ts';

test('every message of a mixed fleet shows its device at first sight', () => {
  const networks = ['thingpark', 'chirpstack', 'thingsStack'] as const;
  const fleet = createFleet({ seed: 8, devices: 30, networks });
  for (let n = 0; n < 600; n++) {
    const { payload, devEui } = fleet.next(ARRIVED + n * 100);
    expect(peekDevice(Buffer.from(payload))).toBe(devEui);
  }
});

test('the names of other networks count in their own messages alone', () => {
  expect(peekDevice(Buffer.from('{"devEui":"20635f0108000e09"}'))).toBeNull();
  expect(peekDevice(Buffer.from('{"dev_eui":"20635F0108000E09","end_device_ids":{}}'))).toBeNull();
  expect(peekDevice(Buffer.from('{"deviceInfo":{"devEui":12}}'))).toBeNull();
});

test('the counter of a frame is known on every network, the first one’s too', () => {
  const prepare = compilePrepare(connection());
  const deviceInfo = { devEui: '20635f0108000e09' };
  const end_device_ids = { device_id: 'a', dev_eui: '20635F0108000E09' };
  const counterOf = (content: object) => (prepare(message(content), ARRIVED) as { fCnt?: number }).fCnt;
  const chirpStack = { deviceInfo, fPort: 2, data: 'AQ==', object: { temperature: 20 } };
  expect(counterOf({ ...chirpStack, fCnt: 71 })).toBe(71);
  expect(counterOf(chirpStack)).toBe(0);
  const uplink_message = { f_port: 2, decoded_payload: { temperature: 20 } };
  expect(counterOf({ end_device_ids, uplink_message: { ...uplink_message, f_cnt: 72 } })).toBe(72);
  expect(counterOf({ end_device_ids, uplink_message })).toBe(0);
  expect(counterOf({ id: '20635F0108000E09', temperature: 20, fcnt: '73' })).toBe(73);
});
