// A batch at its delivery, against a model of HERE at its port: what the tests of deliveries stand on.
import { expect } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import type { UplinkOutcome } from '../../src/domain/uplink.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { recordsOf } from '../../src/uplink/batch-parts.ts';
import { Circuits } from '../../src/uplink/circuit.ts';
import { Delivery, type Verdict } from '../../src/uplink/deliver.ts';
import { LinePace } from '../../src/uplink/line-pace.ts';
import { NotFound } from '../../src/uplink/not-found.ts';
import { Probe } from '../../src/uplink/probe.ts';
import { WaitingRoom } from '../../src/uplink/waiting.ts';
import { answer, type ModelProject } from '../support/model-project.ts';

const chance = { random: () => 0.5, uuid: () => answer(0).requestId };
const circuits = new Circuits(systemClock, chance, { minMs: 500, maxMs: 20_000 });

/** `count` uplinks that wait, of one record each: `r1`, `r2` … */
export function setUp(count: number, createsDevices = false, deviceOf = (seq: number) => `d${seq % 50}`) {
  const room = new WaitingRoom();
  for (let seq = 1; seq <= count; seq++) {
    const json = `r${seq}`;
    const device = deviceOf(seq);
    room.push({ seq, device, records: [json], bytes: 4, emittedAt: 0, arrivedAt: 0, late: false, attempts: 0 });
  }
  const settled = new Map<number, UplinkOutcome>();
  const unknown: string[] = [];
  const probe = new Probe();
  const delivery = new Delivery({
    room,
    pace: new LinePace(circuits, { onFailing: () => {} }, () => {}),
    clock: systemClock,
    probe,
    settle: (item, outcome) => {
      expect(settled.has(item.seq)).toBe(false);
      settled.set(item.seq, outcome);
    },
    commit: () => {},
    createsDevices,
    notFound: new NotFound(),
    onUnknownDevice: (device) => unknown.push(device),
    onAccepted: () => {},
  });
  /** What may go of it in one request, up to `maxRecords`, and what comes of that. */
  const send = async (project: ModelProject, maxRecords = 10_000): Promise<Verdict> => {
    const { items } = room.take({ maxRecords, maxBytes: 1e9, admit: () => 'send', isTooOld: () => false });
    if (items.length === 0) return { kind: 'done' };
    const signals = { ask: new AbortController(), send: new AbortController() };
    return delivery.conclude(project, items, await project.send(recordsOf(items), signals.send.signal), 0, signals);
  };
  return { room, settled, unknown, send, probe };
}

export const refusing =
  (bad: ReadonlySet<string>, withHint = false) =>
  (records: readonly string[]): RequestOutcome | null => {
    const at = records.findIndex((record) => bad.has(record));
    return at < 0 ? null : { kind: 'refused', unknownDevice: false, hint: withHint ? at : null, answer: answer(400) };
  };
