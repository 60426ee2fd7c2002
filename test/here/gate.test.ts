// Permits: concurrency, order, the rate window, Retry-After, the plan's limits, coming back slowly. All on a manual clock.
import { expect, test } from 'vitest';
import { Gate, type GateLimits } from '../../src/here/gate.ts';
import type { HttpAnswer } from '../../src/here/http.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { never } from './support.ts';

const LIMITS: GateLimits = {
  requestsPerSecond: null,
  concurrency: 4,
  maxRecords: 500,
  maxBytes: 1_000_000,
  rampMs: 60_000,
  rateLimitPeriodMs: 1000,
};

function answer(status: number, headers: Record<string, string> = {}): HttpAnswer {
  return { kind: 'answer', status, headers, body: '', requestId: 'r' };
}

function setUp(limits: Partial<GateLimits> = {}) {
  const clock = new ManualClock();
  const gate = new Gate({ ...LIMITS, ...limits }, clock);
  const starts: number[] = [];
  /** A task of no length that notes its start and is answered `status`. */
  const quick = (status = 204, headers: Record<string, string> = {}) =>
    gate.run(1, never(), async () => {
      starts.push(clock.monotonic());
      gate.observe(answer(status, headers));
    });
  return { clock, gate, starts, quick };
}

/** Most starts in any window of `ms`. */
function densest(starts: readonly number[], ms: number): number {
  return Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at < from + ms).length));
}

test('at concurrency 1, a thousand waiting tasks run one after the other in the order asked', async () => {
  const { gate } = setUp({ concurrency: 1 });
  const order: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      gate.run(1, never(), async () => {
        most = Math.max(most, ++running);
        await Promise.resolve();
        order.push(index);
        running--;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(order).toEqual(Array.from({ length: 1000 }, (_, index) => index));
});

test('probes go before live batches, live batches before background', async () => {
  const { gate } = setUp({ concurrency: 1 });
  const order: string[] = [];
  let finish = (): void => {};
  const first = gate.run(1, never(), () => new Promise<void>((resolve) => (finish = resolve)));
  const rest = ([0, 1, 2, 1, 0] as const).map((priority, index) =>
    gate.run(priority, never(), async () => void order.push(`${priority}#${index}`)),
  );
  finish();
  await Promise.all([first, ...rest]);
  expect(order).toEqual(['2#2', '1#1', '1#3', '0#0', '0#4']);
});

test('a saturated gate does not starve the background', async () => {
  const { clock, gate } = setUp({ concurrency: 1 });
  let isDone = false;
  let live = 0;
  const signal = never();
  const keepBusy = (): void => {
    void gate.run(1, signal, async () => {
      live++;
      await new Promise<void>((resolve) => clock.after(100, resolve));
      if (!isDone) keepBusy();
    });
  };
  for (let index = 0; index < 3; index++) keepBusy();
  const background = gate.run(0, signal, async () => {
    isDone = true;
  });
  await clock.advance(1900);
  expect(isDone).toBe(false);
  await clock.advance(1000);
  expect(isDone).toBe(true);
  expect(live).toBeGreaterThan(15);
  await background;
});

test('a batch is built when the permit comes, not when it was asked for', async () => {
  const { gate } = setUp({ concurrency: 1 });
  const waiting: number[] = [];
  const sent: number[][] = [];
  const send = () => gate.run(1, never(), async () => void sent.push(waiting.splice(0)));
  let finish = (): void => {};
  const first = gate.run(1, never(), () => new Promise<void>((resolve) => (finish = resolve)));
  const others = [send(), send()];
  for (let index = 0; index < 1000; index++) waiting.push(index);
  finish();
  await Promise.all([first, ...others]);
  expect(sent.map((batch) => batch.length)).toEqual([1000, 0]);
});

test('at a rate, no second has more starts than it, and the whole rate is used', async () => {
  const { clock, starts, quick } = setUp({ requestsPerSecond: 5 });
  for (let index = 0; index < 50; index++) void quick();
  await clock.advance(9500);
  expect(starts).toHaveLength(50);
  expect(densest(starts, 1000)).toBe(5);
});

test('a rate below one a second spaces its starts', async () => {
  const { clock, starts, quick } = setUp({ requestsPerSecond: 0.5 });
  for (let index = 0; index < 4; index++) void quick();
  await clock.advance(6000);
  expect(starts).toEqual([0, 2000, 4000, 6000]);
});

test('steps of the wall clock, an hour back or forward, neither stall nor flood', async () => {
  for (const stepMs of [-3_600_000, 3_600_000]) {
    const { clock, starts, quick } = setUp({ requestsPerSecond: 5 });
    for (let index = 0; index < 30; index++) void quick();
    await clock.advance(1500);
    clock.stepWall(stepMs);
    await clock.advance(4000);
    expect(starts).toHaveLength(30);
    expect(densest(starts, 1000)).toBe(5);
  }
});

test('nothing starts before a Retry-After has passed, not even a probe', async () => {
  const { clock, gate, starts, quick } = setUp();
  await quick(429, { 'retry-after': '7' });
  const probe = gate.run(2, never(), async () => void starts.push(clock.monotonic()));
  await clock.advance(6999);
  expect(starts).toEqual([0]);
  await clock.advance(1);
  await probe;
  expect(starts).toEqual([0, 7000]);
});

test('a 429 that does not say how long pauses for a second, a 503 with Retry-After as it says', async () => {
  const { clock, starts, quick } = setUp();
  await quick(429);
  const second = quick(503, { 'retry-after': '3' });
  await clock.advance(1000);
  await second;
  void quick();
  await clock.advance(10_000);
  expect(starts).toEqual([0, 1000, 4000]);
});

test('after a 429 the rate comes back from a tenth, evenly over the ramp', async () => {
  const { clock, starts, quick } = setUp({ requestsPerSecond: 20, rampMs: 10_000 });
  await quick(429, { 'retry-after': '1' });
  for (let index = 0; index < 500; index++) void quick();
  await clock.advance(20_000);
  const within = (from: number, to: number) => starts.filter((at) => at >= from && at < to).length;
  expect(within(0, 1000)).toBe(1);
  expect(within(1000, 2000)).toBeLessThanOrEqual(4);
  expect(within(6000, 7000)).toBeGreaterThanOrEqual(8);
  expect(within(6000, 7000)).toBeLessThanOrEqual(13);
  expect(within(15_000, 16_000)).toBeGreaterThanOrEqual(19);
  expect(densest(starts, 1000)).toBeLessThanOrEqual(20);
});

test('without a rate the concurrency comes back from one', async () => {
  const { clock, gate } = setUp({ concurrency: 8, rampMs: 10_000 });
  let running = 0;
  let most = 0;
  const work = () =>
    gate.run(1, never(), async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => clock.after(100, resolve));
      running--;
      gate.observe(answer(204));
    });
  await gate.run(1, never(), async () => gate.observe(answer(503)));
  for (let index = 0; index < 2000; index++) void work();
  await clock.advance(1000);
  expect(most).toBe(1);
  await clock.advance(5000);
  expect(most).toBeGreaterThanOrEqual(3);
  expect(most).toBeLessThanOrEqual(6);
  await clock.advance(6000);
  expect(most).toBe(8);
});

test('one reset is no outage, three failures in a row are', async () => {
  const { gate } = setUp();
  const reset: HttpAnswer = { kind: 'noAnswer', cause: 'connection', maybeSent: true, message: '', requestId: 'r' };
  const mostAtOnce = async () => {
    let running = 0;
    let most = 0;
    const work = () =>
      gate.run(1, never(), async () => {
        most = Math.max(most, ++running);
        await settle(1);
        running--;
      });
    await Promise.all([work(), work(), work(), work()]);
    return most;
  };
  gate.observe(reset);
  expect(await mostAtOnce()).toBe(4);
  gate.observe(reset);
  gate.observe(reset);
  expect(await mostAtOnce()).toBe(1);
});

test('the rate that HERE tells is obeyed, and a used-up window waited for', async () => {
  const { clock, starts, quick } = setUp();
  await quick(204, { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9' });
  for (let index = 0; index < 40; index++) void quick(204, { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '5' });
  await clock.advance(5000);
  expect(starts).toHaveLength(41);
  expect(densest(starts.slice(1), 1000)).toBeLessThanOrEqual(10);

  await clock.advance(5000);
  await quick(204, { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' });
  const from = clock.monotonic();
  void quick();
  await clock.advance(2000);
  expect(starts.at(-1)).toBe(from + 1000);
});

test('a task whose signal aborts before its permit came is refused and never called', async () => {
  const { gate } = setUp({ concurrency: 1 });
  let finish = (): void => {};
  const first = gate.run(1, never(), () => new Promise<void>((resolve) => (finish = resolve)));
  const stop = new AbortController();
  let called = 0;
  const waiting = Array.from({ length: 100 }, () => gate.run(1, stop.signal, async () => void called++));
  stop.abort(new Error('enough'));
  const results = await Promise.allSettled(waiting);
  expect(results.every((result) => result.status === 'rejected' && result.reason.message === 'enough')).toBe(true);
  finish();
  await first;
  await settle();
  expect(called).toBe(0);
  expect(gate.load).toEqual({ waiting: 0, running: 0 });
  await expect(gate.run(1, stop.signal, async () => {})).rejects.toThrow('enough');
});

test('a running task keeps its permit when its signal aborts, until it has ended', async () => {
  const { gate } = setUp({ concurrency: 1 });
  const stop = new AbortController();
  let finish = (): void => {};
  const first = gate.run(1, stop.signal, () => new Promise<string>((resolve) => (finish = () => resolve('done'))));
  let isSecondRunning = false;
  const second = gate.run(1, never(), async () => {
    isSecondRunning = true;
  });
  stop.abort();
  await settle();
  expect(isSecondRunning).toBe(false);
  finish();
  expect(await first).toBe('done');
  await second;
});

test('what a task throws is what its caller gets, and the permit is free again', async () => {
  const { gate } = setUp({ concurrency: 1 });
  await expect(gate.run(1, never(), () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await gate.run(1, never(), async () => 'fine')).toBe('fine');
});

test('a stopped gate leaves no timer and nobody waiting', async () => {
  const { clock, gate, quick } = setUp({ requestsPerSecond: 1 });
  await quick();
  const waiting = quick();
  await settle();
  gate.stop();
  expect(clock.pendingTimers).toBe(0);
  await expect(waiting).rejects.toThrow('stopped');
  await expect(quick()).rejects.toThrow('stopped');
});
