// State versions in records: as if the record had been made with it, whatever the record holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rideAlong, withVersion } from '../../src/uplink/ride-along.ts';
import type { Item } from '../../src/uplink/waiting.ts';

test('a record has its version beside what it had', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom(',"payload":', '","payload":{', ',"system":{', '"stateVersion":1'),
  );
  fc.assert(
    fc.property(
      fc.option(fc.record({ lat: fc.integer(), type: texts }), { nil: undefined }),
      fc.option(fc.record({ client: fc.record({ model: texts }) }), { nil: undefined }),
      fc.dictionary(texts, fc.jsonValue()),
      fc.nat(),
      (position, system, payload, version) => {
        const record = { id: 'x', timestamp: 5, ...(position && { position }), ...(system && { system }), payload };
        const ridden = JSON.parse(withVersion(JSON.stringify(record), version));
        expect(ridden).toEqual(JSON.parse(JSON.stringify({ ...record, system: { ...system, stateVersion: version } })));
      },
    ),
  );
});

test('the last record of an uplink carries the version that is due, once', () => {
  const item = (device: string): Item => ({
    ...{ seq: 1, device, records: ['{"id":"a","timestamp":1}', '{"id":"a","timestamp":2,"payload":{}}'], bytes: 9 },
    ...{ emittedAt: 1, arrivedAt: 7, late: false, attempts: 0 },
  });
  const items = [item('A'), item('B')];
  const asked: unknown[] = [];
  const versions = {
    any: true,
    dueFor: (device: string, arrivedAt: number) => {
      asked.push([device, arrivedAt]);
      return device === 'A' ? 4 : null;
    },
    onTold: () => {},
  };
  rideAlong(items, versions);
  rideAlong(items, versions);
  expect(items[0]?.version).toBe(4);
  expect(items[0]?.records[1]).toBe('{"id":"a","timestamp":2,"system":{"stateVersion":4},"payload":{}}');
  expect(items[0]?.records[0]).not.toContain('stateVersion');
  expect(items[1]?.records.join()).not.toContain('stateVersion');
  expect(asked).toEqual([
    ['A', 7],
    ['B', 7],
    ['B', 7],
  ]);
});
