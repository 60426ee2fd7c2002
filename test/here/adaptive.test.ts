// A plan with an unpublished limit is used as far as it goes: the gate against a model of HERE whose limit changes.
import { expect, test } from 'vitest';
import { Adaptive } from '../../src/here/adaptive.ts';
import { Gate } from '../../src/here/gate.ts';
import type { HttpAnswer } from '../../src/here/http.ts';
import { figures } from '../support/bridge.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';
import { never } from './support.ts';

const PHASE_MS = 350_000;
/** After each change the gate may look for the new limit. */
const SETTLE_MS = 150_000;

function answer(status: number, headers: Record<string, string> = {}): HttpAnswer {
  return { kind: 'answer', status, headers, body: '', requestId: 'r' };
}

/** What HERE does with a request that comes now: its status and how long it takes. */
interface Model {
  limit: number;
  /** The most that could be accepted in `ms`. */
  capacity(ms: number): number;
  take(
    nowMs: number,
    inFlight: number,
  ): { readonly status: number; readonly ms: number; readonly headers?: Record<string, string> };
}

/** So many requests in each period, as by a fixed window; a 429 says nothing but how long to wait. */
function byRate(periodMs: number, chance: SeededChance, tells = false): Model {
  let windowAt = -1;
  let used = 0;
  return {
    limit: 0,
    capacity(ms) {
      return (this.limit * ms) / 1000;
    },
    take(nowMs) {
      const at = Math.floor(nowMs / periodMs);
      if (at !== windowAt) [windowAt, used] = [at, 0];
      const most = Math.round((this.limit * periodMs) / 1000);
      const ms = 60 + chance.random() * 40;
      const left = tells
        ? { 'x-ratelimit-limit': String(most), 'x-ratelimit-remaining': String(Math.max(0, most - used - 1)) }
        : {};
      if (++used <= most) return { status: 204, ms, headers: left };
      const waitS = Math.max(1, Math.ceil(((at + 1) * periodMs - nowMs) / 1000));
      return { status: 429, ms: 20, headers: { ...left, 'retry-after': String(waitS) } };
    },
  };
}

/** So many requests at once; one more is a 503 without a word. */
function byPlaces(chance: SeededChance): Model {
  return {
    limit: 0,
    capacity(ms) {
      return (this.limit * ms) / 400;
    },
    take(_nowMs, inFlight) {
      if (inFlight > this.limit) return { status: 503, ms: 20 };
      return { status: 204, ms: 320 + chance.random() * 160 };
    },
  };
}

/** So many requests are worked on at once; the others queue inside, which shows in their duration alone. */
function byQueue(chance: SeededChance): Model {
  let freeAt: number[] = [];
  return {
    limit: 0,
    capacity(ms) {
      return (this.limit * ms) / 400;
    },
    take(nowMs) {
      freeAt = freeAt.slice(0, this.limit);
      while (freeAt.length < this.limit) freeAt.push(nowMs);
      const place = freeAt.indexOf(Math.min(...freeAt));
      const start = Math.max(nowMs, freeAt[place] as number);
      freeAt[place] = start + 320 + chance.random() * 160;
      return { status: 204, ms: (freeAt[place] as number) - nowMs };
    },
  };
}

interface Steady {
  readonly limit: number;
  /** Of what could have been accepted. */
  readonly used: number;
  readonly refused: number;
  readonly meanMs: number;
}

async function run(model: Model, limits: readonly number[], concurrency: number): Promise<readonly Steady[]> {
  const clock = new ManualClock();
  const gate = new Gate(
    { requestsPerSecond: null, concurrency, maxRecords: 500, maxBytes: 1e6, rampMs: 60_000, rateLimitPeriodMs: 1000 },
    clock,
  );
  let inFlight = 0;
  let counts = { good: 0, refused: 0, ms: 0 };
  const signal = never();
  // Always more to send than there are permits.
  const work = (): void => {
    void gate
      .run(1, signal, async () => {
        const startedMs = clock.monotonic();
        inFlight += 1;
        const { status, ms, headers = {} } = model.take(startedMs, inFlight);
        await new Promise<void>((resolve) => clock.after(ms, resolve));
        inFlight -= 1;
        if (status === 204) {
          counts.good += 1;
          counts.ms += ms;
          gate.tookBatch(500, 500_000);
        } else counts.refused += 1;
        work();
        gate.observe(answer(status, headers), startedMs, 500);
      })
      .catch(() => {});
  };
  model.limit = limits[0] as number;
  for (let i = 0; i < concurrency * 3; i++) work();
  const steady: Steady[] = [];
  for (const limit of limits) {
    model.limit = limit;
    await clock.advance(SETTLE_MS);
    counts = { good: 0, refused: 0, ms: 0 };
    const lengthMs = PHASE_MS - SETTLE_MS;
    await clock.advance(lengthMs);
    const { good, refused, ms } = counts;
    steady.push({
      limit,
      used: good / model.capacity(lengthMs),
      refused: refused / (good + refused),
      meanMs: ms / good,
    });
  }
  gate.stop();
  return steady;
}

function expectGood(name: string, phases: readonly Steady[]): void {
  figures(name, { phases });
  for (const phase of phases) {
    expect.soft([name, phase.limit, phase.used >= 0.95, phase.used]).toEqual([name, phase.limit, true, phase.used]);
    expect
      .soft([name, phase.limit, phase.refused <= 0.01, phase.refused])
      .toEqual([name, phase.limit, true, phase.refused]);
  }
}

test('a rate that HERE does not tell is used to 95 % with 1 % of refusals at most, also as it changes', async () => {
  expectGood('rate', await run(byRate(1000, new SeededChance()), [20, 40, 12, 30], 16));
});

test('so is a rate that HERE tells', async () => {
  expectGood('told rate', await run(byRate(1000, new SeededChance(), true), [20, 40, 12, 30], 16));
});

test('so is a number of requests at once, where one more is a 503', async () => {
  expectGood('places', await run(byPlaces(new SeededChance()), [10, 14, 5, 8], 16));
});

test('where HERE queues, fewer go at once: answers take at most about twice as long as its quickest, for the same throughput', async () => {
  const phases = await run(byQueue(new SeededChance()), [16, 6, 4, 8], 16);
  expectGood('queue', phases);
  // Sixteen at four places would take 1,600 ms.
  for (const { limit, meanMs } of phases) expect.soft([limit, meanMs < 1000]).toEqual([limit, true]);
});

test('where HERE has become slower without a queue, all permits stay in use', async () => {
  const chance = new SeededChance();
  const model: Model = {
    limit: 0,
    capacity(ms) {
      return (16 * ms) / this.limit;
    },
    take() {
      return { status: 204, ms: this.limit * (0.8 + chance.random() * 0.4) };
    },
  };
  expectGood('slower', await run(model, [200, 2000, 400], 16));
});

test('a 429 to a trickle of requests teaches no rate: a request a minute was not the limit', () => {
  const adaptive = new Adaptive(1, 4);
  const answer = { startedMs: null, pauseMs: 1_000, full: false, saturated: false, rateTold: false };
  for (let minute = 1; minute <= 60; minute++) adaptive.answered({ ...answer, kind: 'good' }, minute * 60_000);
  expect(adaptive.answered({ ...answer, kind: 'refused' }, 61 * 60_000)).toBe(false);
  expect(adaptive.ratePerSecond).toBeNull();
});

test('a 429 with a long pause after few requests teaches no rate: the pause is obeyed, and then all is as before', () => {
  const adaptive = new Adaptive(1, 4);
  const answer = { startedMs: null, full: false, saturated: true, rateTold: false };
  for (let n = 0; n < 25; n++) adaptive.answered({ ...answer, kind: 'good', pauseMs: 0 }, n * 500);
  // 25 requests in 12 s and a pause of 46 s would make less than one a second.
  expect(adaptive.answered({ ...answer, kind: 'refused', pauseMs: 46_000 }, 12_500)).toBe(false);
  expect(adaptive.ratePerSecond).toBeNull();
});

test('what little came before a backlog is no limit that a 429 could teach', () => {
  const limits = new Adaptive(1, 8);
  let nowMs = 0;
  const answered = (kind: 'good' | 'refused', saturated: boolean, passedMs: number, times = 1): void => {
    for (let n = 0; n < times; n++) {
      nowMs += passedMs;
      limits.answered({ kind, saturated, startedMs: null, rateTold: false, pauseMs: 1_000, full: false }, nowMs);
    }
  };
  answered('good', false, 1_000, 30);
  // A few requests wait now, and HERE, which allows more, refuses one for some other reason.
  answered('good', true, 100, 2);
  answered('refused', true, 100);
  expect(limits.ratePerSecond).toBeNull();
  // Of a backlog that is under way it is one.
  answered('good', true, 200, 40);
  answered('refused', true, 100);
  expect(limits.ratePerSecond).toBeGreaterThan(4);
  expect(limits.ratePerSecond).toBeLessThanOrEqual(5.1);
});
