// Lines of one project while HERE fails: together they send no more than one would.
import { describe, expect, it } from 'vitest';
import type { RequestOutcome } from '../../src/domain/ports/here.ts';
import type { Failure } from '../../src/uplink/circuit.ts';
import { LinePace } from '../../src/uplink/line-pace.ts';
import { Pace } from '../../src/uplink/pace.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';
import { modelCircuits, modelLine } from '../support/model-line.ts';
import { answer, modelProject } from '../support/model-project.ts';

const MINUTE = 60_000;
/** No request was made: there is no token, and the next try to get one is in a second. */
const tokenless: RequestOutcome = {
  kind: 'retry',
  cause: 'unavailable',
  afterMs: 1000,
  answer: { ...answer(503), requestId: '' },
};
const unavailable: RequestOutcome = { kind: 'retry', cause: 'unavailable', afterMs: null, answer: answer(503) };

/** `judge`: by the records of a request; HERE takes 100 ms for an answer. */
function setUp(lines: number, judge: (records: readonly string[]) => RequestOutcome | null) {
  const clock = new ManualClock();
  const circuits = modelCircuits(clock);
  const project = modelProject({ judge });
  const requests: { readonly at: number; readonly records: readonly string[] }[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const slow = {
    ...project,
    send: async (records: readonly string[], signal: AbortSignal) => {
      requests.push({ at: clock.monotonic(), records });
      underWay += 1;
      mostUnderWay = Math.max(mostUnderWay, underWay);
      await new Promise<void>((resolve) => clock.after(100, resolve));
      underWay -= 1;
      return project.send(records, signal);
    },
  };
  const failingMs: number[] = Array.from({ length: lines }, () => 0);
  const all = failingMs.map((_, index) => {
    const onFailing = (_outcome: RequestOutcome, ms: number): void => {
      failingMs[index] = ms;
    };
    const observer = { onAccepted: () => {}, onFailing, onReauthenticate: () => {}, onHold: () => {} };
    const line = modelLine(clock, { circuits, observer });
    line.flow.open(slow);
    return line;
  });
  const delivered = () => all.map(({ store }) => store.settled.length);
  const takeMost = () => {
    const most = mostUnderWay;
    mostUnderWay = underWay;
    return most;
  };
  return { clock, all, requests, failingMs, delivered, takeMost, slow };
}

describe('the lines of one project', () => {
  it('try one small request at a time while HERE fails for all, and all go on when one is accepted', async () => {
    let isAway = true;
    const { clock, all, requests, failingMs, delivered, takeMost } = setUp(50, () => (isAway ? unavailable : null));
    for (const [at, { publish }] of all.entries()) publish(...[1, 2, 3].map((n) => `d${n} r${at}${n}`));
    await clock.advance(5000);
    // Each had sent one before anybody knew.
    expect(takeMost()).toBe(50);
    const before = requests.length;
    await clock.advance(10 * MINUTE);
    const tries = requests.slice(before);
    expect(takeMost()).toBe(1);
    // Steps of 0.5 to 20 s, 10 s in the middle; a single line's 600 s have as many.
    expect(tries.length).toBeGreaterThan(25);
    expect(tries.length).toBeLessThan(120);
    expect(tries.every(({ records }) => records.length === 1)).toBe(true);
    // Each has its turn, and those that wait know how long HERE has failed.
    expect(new Set(tries.map(({ records }) => records[0])).size).toBeGreaterThan(25);
    for (const ms of failingMs) expect(ms).toBeGreaterThan(9 * MINUTE);
    isAway = false;
    await clock.advance(25_000);
    expect(delivered()).toEqual(all.map(() => 3));
  });

  it('are not held up by one whose requests alone fail', async () => {
    const { clock, all, requests, delivered } = setUp(2, (records) =>
      records.some((record) => record.startsWith('bad')) ? unavailable : null,
    );
    const [bad, good] = all as [(typeof all)[0], (typeof all)[0]];
    bad.publish('d1 bad1');
    for (let n = 1; n <= 600; n++) {
      good.publish(`d2 good${n}`);
      await clock.advance(200);
    }
    expect(delivered()).toEqual([0, 600]);
    // None of them waited.
    for (const { at, records } of requests) {
      for (const record of records.filter((each) => each.startsWith('good'))) {
        expect(at).toBe((Number(record.slice(4)) - 1) * 200);
      }
    }
    expect(requests.filter(({ records }) => records.includes('bad1')).length).toBeLessThan(40);
  });

  it('try in turn: one that closes in the midst of its try, or has nothing left, holds up nobody', async () => {
    let isAway = true;
    const { clock, all, requests, delivered } = setUp(3, () => (isAway ? unavailable : null));
    for (const { publish } of all) publish('d1 r1');
    await clock.advance(MINUTE);
    const seen = requests.length;
    while (requests.length === seen) await clock.advance(50);
    // One is under way; two of three close, whoever it is.
    for (const { flow } of all.slice(0, 2)) void flow.close(AbortSignal.abort());
    isAway = false;
    await clock.advance(25_000);
    expect(delivered()[2]).toBe(1);
  });

  it('pass a turn on that one of them cannot use', async () => {
    const clock = new ManualClock();
    const { gate } = modelProject({});
    const circuits = modelCircuits(clock);
    const turns: string[] = [];
    const lines = ['a', 'b', 'c'].map((name) => {
      const pace: LinePace = new LinePace(circuits, { onFailing: () => {} }, () => {
        turns.push(name);
        // The disk of the first has failed meanwhile: it sends nothing.
        if (name !== 'a') pace.take();
      });
      pace.enter(gate);
      return pace;
    });
    for (const pace of lines) pace.failed(0, unavailable as Failure);
    expect(lines.map((pace) => pace.take())).toEqual([false, false, false]);
    await clock.advance(20_000);
    expect(turns).toEqual(['a', 'b']);
    lines[1]?.done();
    await clock.advance(20_000);
    expect(turns).toEqual(['a', 'b', 'c']);
  });

  it('wait as long as they have no token, each by itself, also where HERE fails for all', async () => {
    let outcome: RequestOutcome | null = unavailable;
    const { clock, all, requests, delivered } = setUp(2, () => outcome);
    for (const { publish } of all) publish('d1 r1');
    await clock.advance(MINUTE);
    outcome = tokenless;
    await clock.advance(MINUTE);
    const before = requests.length;
    await clock.advance(MINUTE);
    expect(requests.length - before).toBeGreaterThan(20);
    expect(requests.length - before).toBeLessThanOrEqual(120);
    void all[0]?.flow.close(AbortSignal.abort());
    const alone = requests.length;
    await clock.advance(MINUTE);
    expect(requests.length - alone).toBeGreaterThan(20);
    expect(requests.length - alone).toBeLessThanOrEqual(60);
    outcome = null;
    await clock.advance(25_000);
    expect(delivered()[1]).toBe(1);
  });

  it('that opens while HERE still fails waits for its turn as well', async () => {
    const { clock, all, requests, slow, takeMost } = setUp(20, () => unavailable);
    for (const { publish } of all) publish('d1 r1');
    await clock.advance(MINUTE);
    takeMost();
    const before = requests.length;
    for (const { flow } of all) {
      await flow.close(AbortSignal.abort());
      flow.open(slow);
    }
    await clock.advance(5000);
    expect(takeMost()).toBeLessThanOrEqual(1);
    expect(requests.length - before).toBeLessThan(12);
  });
});

it('a line that opens anew no longer waits for a permit of the round before', async () => {
  const clock = new ManualClock();
  const { flow, publish } = modelLine(clock);
  const project = modelProject({});
  // After a `Retry-After`, perhaps: no permit comes.
  const run = <T>(_priority: number, signal: AbortSignal): Promise<T> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  flow.open({ ...project, gate: { ...project.gate, run } });
  publish('d1 r1');
  await clock.advance(100);
  expect(flow.requestsInFlight).toBe(1);
  flow.open(project);
  await clock.advance(100);
  expect(project.accepted).toEqual(['r1']);
  expect(flow.requestsInFlight).toBe(0);
});

describe('the back-off', () => {
  const options = { minMs: 500, maxMs: 20_000 };
  const paceAt = (random: number) => {
    const clock = new ManualClock();
    return { clock, pace: new Pace(clock, { ...new SeededChance(), random: () => random, uuid: () => '' }, options) };
  };

  it('has full jitter between 0.5 s and a ceiling that doubles up to 20 s', async () => {
    for (const [random, waits] of [
      [0, [500, 500, 500, 500, 500, 500, 500, 500]],
      [0.999_999, [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]],
    ] as const) {
      const { clock, pace } = paceAt(random);
      for (const expected of waits) {
        pace.failed(clock.monotonic(), null);
        expect(Math.round(pace.waitMs)).toBe(expected);
        await clock.advance(expected);
        expect(Math.round(pace.waitMs)).toBe(0);
      }
    }
  });

  it("obeys HERE's Retry-After, and begins anew after a success", async () => {
    const { clock, pace } = paceAt(0.999_999);
    pace.failed(0, 90_000);
    expect(pace.waitMs).toBe(90_000);
    // A shorter word of another request does not shorten it.
    pace.failed(0, 1000);
    expect(pace.waitMs).toBe(90_000);
    expect(pace.probing).toBe(true);
    await clock.advance(30_000);
    expect(pace.failingMs).toBe(30_000);
    pace.succeeded();
    expect([pace.waitMs, pace.probing, pace.failingMs]).toEqual([0, false, 0]);
    pace.failed(clock.monotonic(), null);
    expect(Math.round(pace.waitMs)).toBe(1000);
    pace.succeeded();
    pace.failed(clock.monotonic(), 0);
    expect(pace.waitMs).toBe(500);
  });

  it('counts requests that were under way together as one failure', async () => {
    const { clock, pace } = paceAt(0.999_999);
    await clock.advance(100);
    for (let i = 0; i < 8; i++) pace.failed(50, null);
    expect(Math.round(pace.waitMs)).toBe(1000);
  });
});
