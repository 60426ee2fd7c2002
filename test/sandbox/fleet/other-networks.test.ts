// A fleet on all networks: each message is read as its network's, and gives the record that ThingPark's would.
import { describe, expect, test } from 'vitest';
import { createFleet } from '../../../src/sandbox/fleet/fleet.ts';
import { compilePrepare } from '../../../src/uplink/prepare.ts';
import { connection } from '../../uplink/prepare-support.ts';

const NOW = Date.UTC(2026, 10, 1);
const networks = ['thingpark', 'chirpstack', 'thingsStack'] as const;

/** By the shape of its messages. */
function networkOf(root: Readonly<Record<string, unknown>>): (typeof networks)[number] {
  if ('deviceInfo' in root) return 'chirpstack';
  return 'end_device_ids' in root ? 'thingsStack' : 'thingpark';
}

describe('A fleet on all networks', () => {
  test('has the same devices and the same kinds of messages in another form', () => {
    const plain = createFleet({ seed: 5, devices: 30 });
    const mixed = createFleet({ seed: 5, devices: 30, networks });
    const prepare = compilePrepare(connection());
    const seen = new Set<string>();
    const outcomes = { records: 0, skipped: 0, other: 0 };
    for (let n = 0; n < 3000; n++) {
      const one = plain.next(NOW + n * 100);
      const other = mixed.next(NOW + n * 100);
      expect({ ...other, topic: '', payload: '' }).toEqual({ ...one, topic: '', payload: '' });
      const payload = Buffer.from(other.payload);
      const kind = networkOf(JSON.parse(payload.toString()));
      seen.add(`${kind} ${other.kind}`);
      const arrivedAt = NOW + n * 100;
      const prepared = prepare({ topic: other.topic, payload, arrivedAt, retain: false }, arrivedAt);
      const expected = prepare(
        { topic: one.topic, payload: Buffer.from(one.payload), arrivedAt, retain: false },
        arrivedAt,
      );
      if (prepared.outcome === null) outcomes.records += 1;
      else if (prepared.outcome.kind === 'skipped') outcomes.skipped += 1;
      else outcomes.other += 1;
      if (other.kind !== 'uplink' || prepared.outcome !== null || expected.outcome !== null) continue;
      const [record, same] = [prepared, expected].map(
        (each) => each.outcome === null && JSON.parse(each.records.at(-1)?.json as string),
      );
      expect({ id: record.id, timestamp: record.timestamp, scan: record.scan }).toEqual({
        id: same.id,
        timestamp: same.timestamp,
        scan: same.scan,
      });
      if (record.position !== undefined && same.position !== undefined)
        expect(record.position.lat).toBe(same.position.lat);
    }
    expect(outcomes.other).toBe(0);
    expect(outcomes.records).toBeGreaterThan(2700);
    for (const kind of networks)
      expect([...seen].filter((one) => one.startsWith(kind)).length).toBeGreaterThanOrEqual(5);
  });
});
