// What is remembered of the last uplinks of each device, and for how long.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TracedMessage } from '../../src/domain/ports/messages.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { DeviceActivity } from '../../src/uplink/activity.ts';
import { Trail, type UplinkTrace } from '../../src/uplink/trail.ts';

const DELIVERED: UplinkOutcome = { kind: 'delivered' };
const REFUSED: UplinkOutcome = {
  kind: 'deadLettered',
  reason: 'refused',
  detail: { message: 'no', status: 400, requestId: 'r-2', record: 'x'.repeat(100_000) },
};

const seqs = (messages: readonly TracedMessage[]) => messages.map(({ seq }) => seq);

function filled(maxUplinks: number, count: number, devices: number): Trail {
  const trail = new Trail(maxUplinks);
  for (let seq = 1; seq <= count; seq++) {
    const uplink = { seq, device: `d${seq % devices}`, fCnt: seq + 100, arrivedAt: seq, sentAt: seq + 1, attempts: 1 };
    trail.settled(uplink, DELIVERED, `r-${seq}`, seq + 2);
  }
  return trail;
}

describe('the trail', () => {
  it('remembers the last eight uplinks of a device with all that is known of them', () => {
    const trail = filled(1000, 30, 3);
    expect(seqs(trail.of('d1'))).toEqual([28, 25, 22, 19, 16, 13, 10, 7]);
    expect(trail.of('d1')[0]).toEqual({
      seq: 28,
      device: 'd1',
      fCnt: 128,
      state: 'settled',
      receivedAt: 28,
      sentAt: 29,
      attempts: 1,
      requestId: 'r-28',
      lastAnswer: null,
      outcome: DELIVERED,
      settledAt: 30,
    });
    expect(trail.of('nobody')).toEqual([]);
  });

  it('remembers the way of what the matchers leave to other connections, which is no device of this one', () => {
    const activity = new DeviceActivity();
    const trail = new Trail(1000, activity);
    const settle = (device: string, outcome: UplinkOutcome) =>
      trail.settled({ seq: 1, device, arrivedAt: 1, attempts: 0 }, outcome, null, 2);
    settle('theirs', { kind: 'filtered', reason: 'noMatch' });
    settle('ours', { kind: 'filtered', reason: 'legacyFormat' });
    settle('ours', DELIVERED);
    expect(trail.of('theirs').map(({ outcome }) => outcome)).toEqual([{ kind: 'filtered', reason: 'noMatch' }]);
    expect(activity.page(null, 10)).toEqual([{ device: 'ours', firstAt: 2, lastAt: 2, uplinks: 2 }]);
  });

  it('keeps what has no device, no counter and no request apart', () => {
    const trail = new Trail(80);
    const outcome: UplinkOutcome = { kind: 'deadLettered', reason: 'notJson', detail: { message: 'no JSON' } };
    trail.settled({ seq: 1, device: null, arrivedAt: 5, attempts: 0 }, outcome, null, 6);
    expect(trail.of(null)).toMatchObject([{ device: null, fCnt: null, sentAt: null, requestId: null, outcome }]);
  });

  it('leaves the record of a refused uplink to its dead letter', () => {
    const trail = new Trail(80);
    trail.settled({ seq: 1, device: 'a', arrivedAt: 5, attempts: 1 }, REFUSED, 'r-2', 6);
    expect(trail.of('a')[0]?.outcome).toEqual({
      kind: 'deadLettered',
      reason: 'refused',
      detail: { message: 'no', status: 400, requestId: 'r-2' },
    });
  });

  it('gives pages over all devices, the latest first, each uplink once', () => {
    const trail = filled(1000, 30, 10);
    const all: number[] = [];
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      const page = trail.latest(7, before, () => true);
      all.push(...seqs(page.messages));
      if (page.next === null) break;
      before = page.next;
    }
    expect(all).toEqual(Array.from({ length: 30 }, (_, i) => 30 - i));
    expect(seqs(trail.latest(100, Number.POSITIVE_INFINITY, (_, fCnt) => fCnt === 117).messages)).toEqual([17]);
  });

  it('makes room by forgetting a device that was quiet, never one that was just heard', () => {
    const trail = filled(80, 10, 10);
    for (let seq = 11; seq <= 19; seq++) {
      trail.settled({ seq, device: 'd5', arrivedAt: seq, attempts: 1 }, DELIVERED, null, seq);
    }
    for (let seq = 20; seq < 25; seq++) {
      trail.settled({ seq, device: `new${seq}`, arrivedAt: seq, attempts: 1 }, DELIVERED, null, seq);
      trail.settled({ seq, device: 'd5', arrivedAt: seq, attempts: 1 }, DELIVERED, null, seq);
      expect(seqs(trail.of(`new${seq}`))).toEqual([seq]);
      expect(trail.of('d5')).toHaveLength(8);
    }
  });

  it('forgets a device on request, and knows it again when it comes again', () => {
    const trail = filled(80, 20, 2);
    expect(trail.forget('d1')).toBe(8);
    expect(trail.of('d1')).toEqual([]);
    trail.settled({ seq: 99, device: 'd1', arrivedAt: 1, attempts: 1 }, DELIVERED, null, 2);
    expect(seqs(trail.of('d1'))).toEqual([99]);
    expect(trail.of('d0')).toHaveLength(8);
  });

  it('remembers nothing when it may not, and tells followers all the same', () => {
    const trail = new Trail(0);
    const heard: UplinkTrace[] = [];
    const stop = trail.follow((trace) => heard.push(trace));
    trail.settled({ seq: 1, device: 'a', fCnt: 3, arrivedAt: 10, attempts: 1 }, DELIVERED, 'r', 35);
    stop();
    trail.settled({ seq: 2, device: 'a', arrivedAt: 10, attempts: 1 }, DELIVERED, 'r', 35);
    expect(heard).toEqual([{ seq: 1, device: 'a', fCnt: 3, outcome: DELIVERED, requestId: 'r', latencyMs: 25 }]);
    expect(trail.of('a')).toEqual([]);
  });

  it('is for each device what a list of its last uplinks would be, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(14), fc.boolean()), { maxLength: 400, size: 'max' }), (steps) => {
        const trail = new Trail(16 * 8);
        const model = new Map<string, number[]>();
        for (const [seq, [n, forget]] of steps.entries()) {
          const device = `d${n}`;
          if (forget && n === 3) {
            trail.forget(device);
            model.delete(device);
            continue;
          }
          trail.settled({ seq, device, arrivedAt: seq, attempts: 1 }, DELIVERED, null, seq);
          model.set(device, [seq, ...(model.get(device) ?? [])].slice(0, 8));
        }
        for (const [device, list] of model) expect(seqs(trail.of(device))).toEqual(list);
      }),
    );
  });
});
