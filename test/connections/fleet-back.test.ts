// A thousand connections of one host that failed together: they do not come back as one burst.
import { expect, test } from 'vitest';
import type { Chance } from '../../src/domain/ports/clock.ts';
import { ConnectionsWorker } from '../support/fakes/connections-worker.ts';
import { SeededChance } from '../support/manual-clock.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

const MINUTE = 60_000;
const FLEET = 1000;

const UNAVAILABLE = {
  kind: 'retry',
  cause: 'unavailable',
  afterMs: null,
  answer: { status: 503, hereErrorCode: null, message: 'HTTP 503.', requestId: 'r' },
} as const;

/** Each on an account of its own: log-ins of one account are one. All have failed for 5 min, and closed, at this moment. */
async function closedTogether(count: number, chance: Chance = new SeededChance()): Promise<ConnectionsWorker> {
  const worker = new ConnectionsWorker({ box: markBox, defaults, chance });
  worker.gateway.healthy = false;
  for (let i = 0; i < count; i += 1) {
    const email = `me${i}@example.com`;
    worker.gateway.passwords.set(email, 'right');
    worker.config.put(`hb/connections/c${i}`, JSON.stringify(sample({ email })));
  }
  await worker.clock.advance(0);
  const opened = [...worker.statuses.values()].filter(({ state }) => state === 'OPENED');
  expect(opened).toHaveLength(count);
  for (let i = 0; i < count; i += 1) worker.line(`c${i}`).observer.onFailing(UNAVAILABLE, 5 * MINUTE);
  await worker.clock.advance(0);
  return worker;
}

/** The moments of log-ins from now on; HERE answers none of them well. */
function failedLogIns({ gateway, clock }: ConnectionsWorker): number[] {
  const from = clock.monotonic();
  const moments: number[] = [];
  gateway.logIn = () => {
    moments.push(clock.monotonic() - from);
    return { kind: 'retry', afterMs: 10 * MINUTE, message: 'HTTP 503.' };
  };
  return moments;
}

test.each([0, 0.5, 0.999])(
  'the attempt of a strategy comes up to 60 s later than it says (chance %d)',
  async (random) => {
    const worker = await closedTogether(1, { random: () => random, uuid: () => 'u' });
    const moments = failedLogIns(worker);
    await worker.clock.advance(6 * MINUTE);
    expect(moments).toEqual([5 * MINUTE + random * MINUTE]);
  },
);

test('the attempts of a thousand connections are spread evenly over that minute', async () => {
  const worker = await closedTogether(FLEET);
  const moments = failedLogIns(worker);
  await worker.clock.advance(6 * MINUTE);
  expect(moments).toHaveLength(FLEET);
  for (let second = 0; second < 60; second += 6) {
    const from = 5 * MINUTE + second * 1000;
    const share = moments.filter((at) => at >= from && at < from + 6000).length;
    // A tenth each, as far as chance goes.
    expect(share).toBeGreaterThan(60);
    expect(share).toBeLessThan(140);
  }
});

test('after the health probe the first logs in and opens its line at once, the others as a ramp', async () => {
  const worker = await closedTogether(FLEET);
  const { clock, gateway } = worker;
  const logIns: number[] = [];
  const opened: number[] = [];
  gateway.logIn = () => {
    logIns.push(clock.monotonic());
    return { kind: 'ok', reused: false };
  };
  for (let i = 0; i < FLEET; i += 1) {
    const line = worker.line(`c${i}`);
    const open = line.open.bind(line);
    line.open = (project, mode) => {
      opened.push(clock.monotonic());
      open(project, mode);
    };
  }
  await clock.advance(MINUTE);
  const [asked, back] = [gateway.healthAsked, clock.monotonic()];
  gateway.healthy = true;
  while (gateway.healthAsked === asked) await clock.advance(100);
  await clock.advance(15_000);
  expect(logIns).toHaveLength(FLEET);
  // A request needs an open line, and a line opens with its log-in: first requests come as the log-ins do.
  expect(opened).toEqual(logIns);
  const from = logIns[0] as number;
  expect(from - back).toBeLessThanOrEqual(20_000);
  expect(logIns.filter((at) => at < from + 100).length).toBeLessThan(5);
  const perSecond = Array.from({ length: 10 }, (_, second) => {
    return logIns.filter((at) => Math.floor((at - from) / 1000) === second).length;
  });
  for (const [second, count] of perSecond.entries()) {
    expect(count).toBeLessThan(210);
    if (second > 0) expect(count).toBeGreaterThan(perSecond[second - 1] as number);
  }
});

test('closed while the health page says that all is well, they follow when HERE takes records of one of them', async () => {
  const count = 200;
  const worker = await closedTogether(count);
  const { clock, gateway } = worker;
  gateway.healthy = true;
  const ids = Array.from({ length: count }, (_, i) => `c${i}`);
  const areOpen = (): string[] => ids.filter((id) => worker.statuses.get(id)?.state === 'OPENED');
  await clock.advance(40_000);
  expect(areOpen()).toHaveLength(count);
  // Reopened in vain: health alone brings back a few at a time.
  for (const id of ids) worker.line(id).observer.onFailing(UNAVAILABLE, 5 * MINUTE);
  await clock.advance(30_000);
  const few = areOpen();
  expect(few).toHaveLength(10);
  await clock.advance(5_000);
  expect(areOpen()).toEqual(few);

  const backMs = clock.monotonic();
  const perSecond: number[] = [];
  worker.line(few[0] as string).observer.onAccepted();
  for (let second = 0, before = few.length; second < 9; second += 1) {
    // Each that comes back finds that it works as well: that must not hurry the others.
    await clock.advance(1_000);
    for (const id of areOpen()) worker.line(id).observer.onAccepted();
    perSecond.push(areOpen().length - before);
    before = areOpen().length;
  }
  expect(areOpen()).toHaveLength(count);
  expect(clock.monotonic() - backMs).toBeLessThanOrEqual(9_000);
  // The first at once, and then a ramp.
  expect(perSecond[0]).toBeLessThan(20);
  expect(Math.max(...perSecond)).toBeLessThan(count / 3);
});
