// "Where is my message": each stage of an uplink's way as the line itself tells it.
import { expect, it } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import { Trail } from '../../src/uplink/trail.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

function setUp(maxItems = 1e5) {
  const clock = new ManualClock();
  const window = { maxBytes: 1e6, maxItems };
  const line = modelLine(clock, { createDevices: false, window, trail: new Trail(800) });
  const publish = async (...texts: string[]): Promise<void> => {
    line.publish(...texts);
    await clock.advance(20);
  };
  const of = (device: string) => line.flow.messages({ device, limit: 100 }).messages;
  return { clock, flow: line.flow, publish, of };
}

it('tells what waits, what HERE answered meanwhile, and what became of it', async () => {
  const { clock, flow, publish, of } = setUp();
  const came = clock.now();
  await publish('d1 r7', 'd1 join');
  expect(of('d1')).toMatchObject([
    { fCnt: 7, state: 'waiting', sentAt: null, attempts: 0, receivedAt: came, outcome: null },
    { fCnt: 1, state: 'settled', outcome: { kind: 'skipped', reason: 'join' }, attempts: 0, requestId: null },
  ]);

  let outcome: RequestOutcome | null = { kind: 'retry', cause: 'unavailable', afterMs: null, answer: answer(503) };
  const project = modelProject({ judge: () => outcome });
  flow.open(project);
  await clock.advance(100);
  expect(of('d1')[0]).toMatchObject({ state: 'waiting', attempts: 1, lastAnswer: answer(503).message });
  expect(of('d1')[0]?.sentAt).toBeGreaterThanOrEqual(came);

  outcome = null;
  await clock.advance(30_000);
  expect(of('d1')[0]).toMatchObject({
    fCnt: 7,
    state: 'settled',
    attempts: 2,
    outcome: { kind: 'delivered' },
    requestId: expect.stringMatching(/./),
    lastAnswer: null,
  });
  const wanted = (fCnt: number) => flow.messages({ device: 'd1', fCnt, limit: 10 }).messages;
  expect(wanted(7)).toHaveLength(1);
  expect(wanted(8)).toEqual([]);
  expect(flow.messages({ outcomes: ['skipped'], limit: 10 }).messages).toMatchObject([{ device: 'd1', fCnt: 1 }]);
});

it('tells of a request under way', async () => {
  const { clock, flow, publish, of } = setUp();
  const gate = Promise.withResolvers<void>();
  const project = modelProject({});
  const send = project.send.bind(project);
  flow.open({
    ...project,
    gate: project.gate,
    send: async (...args) => {
      await gate.promise;
      return send(...args);
    },
  });
  await publish('d1 r1');
  expect(of('d1')).toMatchObject([{ state: 'inFlight', attempts: 1, sentAt: expect.any(Number), requestId: null }]);
  gate.resolve();
  await clock.advance(100);
  expect(of('d1')).toMatchObject([{ state: 'settled' }]);
});

it('counts what is still in the journal alone', async () => {
  const { flow, publish } = setUp(3);
  await publish('d1 r1', 'd1 r2', 'd1 r3', 'd1 r4', 'd1 r5', 'd1 r6');
  const { messages, inJournal } = flow.messages({ device: 'd1', limit: 100 });
  expect(messages.length + inJournal).toBe(6);
  expect(inJournal).toBeGreaterThan(0);
});
