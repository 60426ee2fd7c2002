// What wakes a line that waits, and what ends its requests.
import { expect, test } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import { Wake } from '../../src/uplink/wake.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { modelLine } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

test('the earliest of the times that were asked for counts', async () => {
  const clock = new ManualClock();
  const ran: number[] = [];
  const wake = new Wake(clock, () => void ran.push(clock.monotonic()));
  const began = clock.monotonic();
  wake.in(20_000);
  wake.in(500);
  wake.in(3_000);
  await clock.advance(30_000);
  expect(ran.map((at) => at - began)).toEqual([500]);
  wake.in(1_000);
  wake.cancel();
  await clock.advance(2_000);
  wake.in(1_000);
  await clock.advance(1_000);
  expect(ran).toHaveLength(2);
});

test('a line that was opened anew after a log-in still ends the requests of before when it is closed in a hurry', async () => {
  const clock = new ManualClock();
  const { flow, publish } = modelLine(clock);
  const hanging = (_records: readonly string[], signal: AbortSignal): Promise<RequestOutcome> =>
    new Promise((resolve) => {
      const stopped = { kind: 'retry', cause: 'stopped', afterMs: null, answer: answer(0) } as const;
      signal.addEventListener('abort', () => resolve(stopped));
    });
  const project = { ...modelProject({}), send: hanging };
  flow.open(project);
  publish('d1 r1');
  await settle();
  expect(flow.requestsInFlight).toBe(1);
  flow.open(project);
  let isClosed = false;
  void flow.close(AbortSignal.abort()).then(() => (isClosed = true));
  await settle();
  expect(isClosed).toBe(true);
});
