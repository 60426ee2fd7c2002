// Device jobs whose answers come from something else than HERE.
import { expect, test } from 'vitest';
import type { AuthorizedCalls } from '../../src/here/authorized.ts';
import { DeviceCalls, type GateWithEyes } from '../../src/here/device-calls.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { eui, never } from './support.ts';

const PORTAL = '<html>portal</html>';
const HERES = JSON.stringify({ error: 'Not Found', code: 404, message: 'There is no such project.', id: '1' });

/** Answers one call after the other with these statuses and bodies, the last one again and again. */
function callsAnsweredWith(...answers: readonly [number, string][]): { calls: DeviceCalls; asked: string[] } {
  const asked: string[] = [];
  const gate: Pick<GateWithEyes, 'run' | 'observe' | 'again'> = {
    run: (_, __, task) => task(),
    observe: () => {},
    again: async () => {},
  };
  const call: AuthorizedCalls['call'] = async ({ method, path }) => {
    asked.push(`${method} ${path}`);
    const [status, body] = answers[Math.min(asked.length, answers.length) - 1] as [number, string];
    return { kind: 'answer', status, body, headers: {}, requestId: 'r' };
  };
  const calls = new DeviceCalls({
    appId: 'app',
    projectId: null,
    calls: { call } as AuthorizedCalls,
    gate: gate as GateWithEyes,
    clock: systemClock,
    signal: never(),
  });
  return { calls, asked };
}

test('a 404 of a portal on the way says nothing of the quota: the devices are asked for again soon', async () => {
  const { calls } = callsAnsweredWith([404, PORTAL]);
  expect((await calls.create([eui(1)])).get(eui(1))).toMatchObject({ kind: 'retry' });
  expect(await calls.claim(eui(1))).toMatchObject({ kind: 'retry' });
});

test("a 404 in HERE's form is its word", async () => {
  const { calls } = callsAnsweredWith([404, HERES]);
  expect((await calls.create([eui(1)])).get(eui(1))).toMatchObject({ kind: 'refused' });
  expect(await calls.claim(eui(1))).toMatchObject({ kind: 'unclaimable' });
});

test('a job that a portal answers for is asked about again, not given up', async () => {
  const complete: [number, string] = [200, JSON.stringify({ status: 'complete' })];
  const job: [number, string] = [202, JSON.stringify({ jobId: 'j1' })];
  const { calls, asked } = callsAnsweredWith(job, [404, PORTAL], complete, [200, '{"data":[]}']);
  expect((await calls.create([eui(1)])).get(eui(1))).toEqual({ kind: 'created' });
  expect(asked.filter((each) => each.startsWith('POST'))).toHaveLength(1);
});

test('a job whose end is not heard of may have created its devices; one that was not begun has not', async () => {
  const job: [number, string] = [202, JSON.stringify({ jobId: 'j1' })];
  const complete: [number, string] = [200, JSON.stringify({ status: 'complete' })];
  const busy: [number, string] = [503, ''];
  const failed: [number, string] = [200, JSON.stringify({ errors: [{ id: eui(1), error: { code: 500 } }] })];
  const cases: [string, ...[number, string][]][] = [
    ['unheard', busy],
    ['unheard', [202, '{}']],
    ['unheard', job, [400, HERES]],
    ['unheard', job, complete, busy],
    ['unheard', job, complete, failed],
    ['retry', [429, '']],
    ['retry', [401, '']],
  ];
  for (const [kind, ...answers] of cases) {
    const { calls } = callsAnsweredWith(...answers);
    expect([answers, (await calls.create([eui(1)])).get(eui(1))?.kind]).toEqual([answers, kind]);
  }
});
