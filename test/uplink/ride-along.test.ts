// State versions in records: as if the record had been made with it, whatever the record holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import { rideAlong, withVersion } from '../../src/uplink/ride-along.ts';
import type { Item } from '../../src/uplink/waiting.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

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
  rideAlong(items, versions, 'p');
  rideAlong(items, versions, 'p');
  expect(items[0]?.rider?.version).toBe(4);
  expect(items[0]?.records[1]).toBe('{"id":"a","timestamp":2,"system":{"stateVersion":4},"payload":{}}');
  expect(items[0]?.records[0]).not.toContain('stateVersion');
  expect(items[1]?.records.join()).not.toContain('stateVersion');
  expect(asked).toEqual([
    ['A', 7],
    ['B', 7],
    ['B', 7],
  ]);
});

test('a record that has waited goes to another project without the version of the former one', async () => {
  const clock = new ManualClock();
  const due: Record<string, number> = { d1: 4 };
  const versions = { any: true, dueFor: (device: string) => due[device] ?? null, onTold: () => {} };
  const { flow, publish } = modelLine(clock, {
    versions,
    prepare: ({ payload }) => {
      const json = `{"id":"${payload}","timestamp":1}`;
      const records = [{ device: String(payload), json, bytes: json.length, timestamp: 1 }];
      return { device: String(payload), fCnt: 1, outcome: null, records, emittedAt: 1 };
    },
  });
  const failed: RequestOutcome = { kind: 'retry', cause: 'unavailable', afterMs: null, answer: answer(503) };
  const former = modelProject({ appId: 'former', judge: () => failed });
  publish('d1', 'd2');
  flow.open(former);
  await clock.advance(2_000);
  const sentOf = ({ requests }: typeof former) => [...new Set(requests.flat())].filter((text) => text.includes('"d1"'));
  expect(sentOf(former)).toEqual(['{"id":"d1","timestamp":1,"system":{"stateVersion":4}}']);
  await flow.close(AbortSignal.abort());
  // The next one may have none under way, or one of its own.
  due.d1 = 7;
  for (const any of [false, true]) {
    versions.any = any;
    const project = modelProject({ appId: `next ${any}`, judge: () => failed });
    flow.open(project);
    await clock.advance(60_000);
    const system = any ? ',"system":{"stateVersion":7}' : '';
    expect(sentOf(project)).toEqual([`{"id":"d1","timestamp":1${system}}`]);
    await flow.close(AbortSignal.abort());
  }
  await flow.stop(AbortSignal.timeout(1_000));
});
