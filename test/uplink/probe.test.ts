// A held connection is tried with one uplink at a time: what HERE refuses then is settled by nobody, and others have their turn.
import { expect, it } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

function setUp(uplinks: number, devices: number) {
  const clock = new ManualClock();
  const holds: string[] = [];
  let accepted = 0;
  const { flow, store, publish } = modelLine(clock, {
    observer: {
      onAccepted: () => void accepted++,
      onFailing: () => {},
      onReauthenticate: () => {},
      onHold: (reason) => void holds.push(reason),
    },
  });
  publish(...Array.from({ length: uplinks }, (_, i) => `d${i % devices} r${i + 1}`));
  const probe = async (project: ReturnType<typeof modelProject>): Promise<void> => {
    flow.open(project, 'probe');
    await clock.advance(100);
    if (holds.length > 0) await flow.close(AbortSignal.timeout(1000));
  };
  return { clock, store, flow, holds, probe, accepted: () => accepted };
}

const refusing =
  (bad: (record: string) => boolean) =>
  (records: readonly string[]): RequestOutcome | null =>
    records.some(bad) ? { kind: 'refused', unknownDevice: false, hint: null, answer: answer(400, 'bad') } : null;

it('sends one uplink; refused, it waits again and nothing is settled', async () => {
  const { store, holds, probe } = setUp(60, 20);
  const project = modelProject({ judge: refusing(() => true) });
  await probe(project);
  expect(project.requests).toEqual([['r1']]);
  expect(holds).toEqual(['HERE has refused the uplink that was tried: bad']);
  expect(store.settled).toEqual([]);
});

it('sends one uplink; accepted, all the others follow in full batches', async () => {
  const { store, holds, probe, clock, accepted } = setUp(60, 20);
  const project = modelProject({});
  await probe(project);
  await clock.advance(1000);
  expect(project.requests.map((records) => records.length)).toEqual([1, 59]);
  expect(holds).toEqual([]);
  expect(accepted()).toBe(2);
  expect(store.settled).toHaveLength(60);
});

it('tries uplinks of other devices at the next probes, and begins anew when each had its turn', async () => {
  const { holds, probe, store } = setUp(9, 3);
  const project = modelProject({ judge: refusing(() => true) });
  for (let turn = 0; turn < 7; turn += 1) await probe(project);
  expect(project.requests.flat()).toEqual(['r1', 'r2', 'r3', 'r1', 'r2', 'r3', 'r1']);
  expect(holds).toHaveLength(7);
  expect(store.settled).toEqual([]);
});

it('passes by an uplink that stays bad: the others go, and it becomes a dead letter', async () => {
  const { probe, store, clock } = setUp(9, 3);
  const project = modelProject({ judge: refusing((record) => record === 'r1') });
  await probe(project);
  await probe(project);
  await clock.advance(5000);
  expect(store.settled.filter(({ outcome }) => outcome.kind === 'delivered')).toHaveLength(8);
  expect(store.settled.filter(({ outcome }) => outcome.kind === 'deadLettered').map(({ seq }) => seq)).toEqual([1]);
});

it('opened for all, it holds nothing back', async () => {
  const { flow, probe, store, clock } = setUp(9, 3);
  await probe(modelProject({ judge: refusing(() => true) }));
  const good = modelProject({});
  flow.open(good);
  await clock.advance(100);
  expect(good.requests.map((records) => records.length)).toEqual([9]);
  expect(store.settled).toHaveLength(9);
});
