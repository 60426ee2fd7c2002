// The simulated networks take the bridge's own downlinks, and the bridge reads what they say of them.
import { expect, test } from 'vitest';
import { inFormOf } from '../../../src/downlink/network-form.ts';
import { downlinkOf, reportOf } from '../../../src/sandbox/fleet/network-downlinks.ts';
import { compilePrepare } from '../../../src/uplink/prepare.ts';
import { connection } from '../../uplink/prepare-support.ts';

const DEVICE = '70B3D50000000001';
const CORRELATION = '0123456789ABCDEF';
const content = { DevEUI: DEVICE, FPort: 2, payload_hex: '01', CorrelationID: CORRELATION };
const TOPICS = {
  chirpstack: `application/5d1c0de0-0000-4000-8000-000000000042/device/${DEVICE.toLowerCase()}/command/down`,
  thingsStack: `v3/fleet@simulated/devices/eui-${DEVICE.toLowerCase()}`,
};

for (const network of ['chirpstack', 'thingsStack'] as const) {
  test(`${network}: each report is matched, and neither it nor the command is telemetry`, () => {
    const told: object[] = [];
    const ear = { onUplink: () => {}, onReport: (report: object) => told.push(report) };
    const prepare = compilePrepare(connection(), {}, ear);
    const read = (topic: string, text: string) =>
      prepare({ topic, payload: Buffer.from(text), arrivedAt: 0, retain: false }, 0).outcome;
    const formed = inFormOf({ network, topic: TOPICS[network] }, content);
    if (!formed.ok) throw new Error(formed.cause);
    expect(read(formed.topic, formed.body)).toEqual({ kind: 'skipped', reason: 'report' });
    const downlink = downlinkOf(formed.topic, Buffer.from(formed.body));
    expect(downlink).toMatchObject({ network, devEui: DEVICE, fPort: 2 });
    expect(downlink?.correlationId.at(-1)?.toUpperCase()).toBe('F');
    for (const fate of ['sent', 'rejected', 'notSent'] as const) {
      const { topic, body } = reportOf(downlink as NonNullable<typeof downlink>, fate);
      expect(read(topic, JSON.stringify(body))).toMatchObject({ kind: 'skipped' });
    }
    expect(told).toMatchObject([
      { kind: 'sent', device: DEVICE, correlationId: CORRELATION, status: 1 },
      { kind: 'rejected', device: DEVICE, correlationId: CORRELATION },
      { kind: 'rejected', device: DEVICE, correlationId: CORRELATION },
    ]);
  });
}

test('what a network does not know is refused by its name, and so is a device whose uplinks tell no way back', () => {
  const cause = (more: object, network: 'chirpstack' | 'thingsStack' = 'chirpstack') => {
    const formed = inFormOf({ network, topic: 't' }, { ...content, ...more });
    return formed.ok ? null : formed.cause;
  };
  expect(cause({ ValidityTime: 60 })).toBe('ChirpStack knows no ValidityTime');
  expect(cause({ FCntDn: 1 }, 'thingsStack')).toBe('The Things Stack knows no FCntDn');
  expect(cause({ FlushDownlinkQueue: 1 })).toBe('ChirpStack knows no FlushDownlinkQueue');
  expect(cause({ FlushDownlinkQueue: 0 })).toBeNull();
  expect(cause({ FPort: 224 })).toContain('1 to 223');
  expect(inFormOf({ network: 'chirpstack', topic: null }, content)).toMatchObject({ ok: false });
});
