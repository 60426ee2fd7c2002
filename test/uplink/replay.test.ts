import { describe, expect, test } from 'vitest';
import type {
  DeadLetterBox,
  DeadLetterFilter,
  DeadLetterQuery,
  ReplayEnd,
} from '../../src/domain/ports/dead-letters.ts';
import type { DeadLetter, ReplayLetter } from '../../src/domain/ports/store.ts';
import type { Prepared, UplinkOutcome } from '../../src/domain/uplink.ts';
import { type ReplayLine, type ReplayOptions, replayDeadLetters } from '../../src/uplink/replay.ts';
import { ManualClock } from '../support/manual-clock.ts';

const DEVICE = '70B3D50000000001';
const HOUR_MS = 3_600_000;

function letter(id: number, payload = 'good'): DeadLetter {
  return {
    ...{ id, key: String(id).padStart(16, '0'), seq: id, time: 0, arrivedAt: 0, topic: 't', device: null },
    ...{ payload: Buffer.from(payload), reason: 'refused', detail: { message: 'no' }, editedAt: null, original: null },
  };
}

/** Letters in memory. */
class Box implements DeadLetterBox {
  readonly letters = new Map<number, DeadLetter>();
  readonly busy = new Set<number>();

  constructor(letters: readonly DeadLetter[]) {
    for (const one of letters) this.letters.set(one.id, one);
  }

  totals() {
    return {
      ...{ count: this.letters.size, bytes: 0, maxBytes: 1, maxAgeMs: 1, keptUntil: null, oldestAt: null },
      lastId: Math.max(0, ...this.letters.keys()),
      dropped: { room: 0, age: 0, person: 0 },
    };
  }

  page({ filter, after = 0, limit }: DeadLetterQuery) {
    const wanted = [...this.letters.values()].filter(({ id }) => id > after && (filter.ids?.includes(id) ?? true));
    const letters = wanted.slice(0, limit);
    return { letters, next: wanted.length > limit ? (letters.at(-1)?.id ?? null) : null };
  }

  get(id: number): DeadLetter | null {
    return this.letters.get(id) ?? null;
  }

  edit(): 'notFound' {
    return 'notFound';
  }

  revert(): 'notFound' {
    return 'notFound';
  }

  isReplaying(id: number): boolean {
    return this.busy.has(id);
  }

  drop(): number {
    return 0;
  }
}

type Tell = (trace: { readonly seq: number; readonly outcome: UplinkOutcome }) => void;

/** Journals at once; uplinks get their final word by `settle`. */
class Line implements ReplayLine {
  readonly box: Box;
  readonly clock: ManualClock;
  readonly replayed: (ReplayLetter & { readonly seq: number; readonly at: number })[] = [];
  readonly waitingSeqs = new Set<number>();
  hasRoom = true;
  others = 0;
  failure: Error | null = null;
  #next = 1000;
  #tell: Tell = () => {};

  constructor(box: Box, clock: ManualClock) {
    this.box = box;
    this.clock = clock;
  }

  get waiting(): { readonly count: number } {
    return { count: this.waitingSeqs.size + this.others };
  }

  async replay(letters: readonly ReplayLetter[]): Promise<number> {
    if (this.failure !== null) throw this.failure;
    const first = this.#next;
    for (const one of letters) {
      this.box.letters.delete(one.id);
      this.waitingSeqs.add(this.#next);
      this.replayed.push({ ...one, seq: this.#next, at: this.clock.monotonic() });
      this.#next += 1;
    }
    return first;
  }

  follow(listener: Tell): () => void {
    this.#tell = listener;
    return () => {
      this.#tell = () => {};
    };
  }

  settle(outcome: UplinkOutcome = { kind: 'delivered' }): void {
    for (const seq of [...this.waitingSeqs]) {
      this.waitingSeqs.delete(seq);
      this.#tell({ seq, outcome });
    }
  }
}

function prepare({ payload }: { readonly payload: Buffer }, nowMs: number): Prepared {
  const text = payload.toString();
  if (text === 'unreadable') {
    return { device: null, outcome: { kind: 'deadLettered', reason: 'notJson', detail: { message: 'no' } } };
  }
  if (text === 'elsewhere') return { device: DEVICE, outcome: { kind: 'filtered', reason: 'noMatch' } };
  const emittedAt = text === 'old' ? nowMs - 2 * HOUR_MS : nowMs;
  return { device: DEVICE, outcome: null, records: [], emittedAt };
}

function start(letters: readonly DeadLetter[], extra: Partial<ReplayOptions> = {}) {
  const clock = new ManualClock();
  const box = new Box(letters);
  const line = new Line(box, clock);
  const stop = new AbortController();
  const told: Omit<ReplayEnd, 'end'>[] = [];
  const filter: DeadLetterFilter = {};
  const state: { end: ReplayEnd | null } = { end: null };
  const options = { line, box, prepare, clock, filter, perSecond: 10, signal: stop.signal, uplinkTimeValidityMs: null };
  const ended = replayDeadLetters({ ...options, onProgress: (progress) => told.push(progress), ...extra }).then(
    (end) => {
      state.end = end;
    },
  );
  /** Time passes; what was replayed is delivered meanwhile. */
  const run = async (ms: number, outcome?: UplinkOutcome): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      await clock.advance(100);
      line.settle(outcome);
    }
  };
  return { clock, box, line, stop, told, state, ended, run };
}

describe('a replay', () => {
  test('takes the oldest first, at its rate, and tells how far it is', async () => {
    const { line, state, told, run } = start(Array.from({ length: 35 }, (_, i) => letter(i + 1)));
    await run(2_000);
    expect(line.replayed.length).toBeGreaterThanOrEqual(19);
    expect(line.replayed.length).toBeLessThanOrEqual(21);
    await run(3_000);
    expect(line.replayed.map(({ id }) => id)).toEqual(Array.from({ length: 35 }, (_, i) => i + 1));
    expect(line.replayed.every(({ device }) => device === DEVICE)).toBe(true);
    expect(state.end).toEqual({ replayed: 35, kept: {}, outcomes: { delivered: 35 }, waiting: 0, end: 'done' });
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told[0]?.replayed).toBeLessThan(told.at(-1)?.replayed ?? 0);
  });

  test('is slow while live traffic waits, and waits itself while HERE takes nothing or the journal is full', async () => {
    const { line, clock, run } = start(Array.from({ length: 100 }, (_, i) => letter(i + 1)));
    line.others = 1_000;
    await run(5_000);
    expect(line.replayed.length).toBeLessThanOrEqual(7);
    expect(line.replayed.length).toBeGreaterThanOrEqual(3);
    line.others = 0;
    const before = line.replayed.length;
    await clock.advance(60_000);
    expect(line.replayed.length - before).toBeLessThanOrEqual(20);
    line.hasRoom = false;
    line.settle();
    const full = line.replayed.length;
    await run(5_000);
    expect(line.replayed.length).toBe(full);
    line.hasRoom = true;
    await run(20_000);
    expect(line.replayed.length).toBe(100);
  });

  test('leaves letters that would only come back, or are too old by now; what a rule drops goes the way of the rule', async () => {
    const letters = [letter(1, 'unreadable'), letter(2, 'old'), letter(3, 'elsewhere'), letter(4)];
    const { line, box, state, run } = start(letters, { uplinkTimeValidityMs: HOUR_MS });
    await run(2_000, { kind: 'filtered', reason: 'noMatch' });
    expect(state.end).toMatchObject({
      replayed: 2,
      kept: { notJson: 1, tooOld: 1 },
      outcomes: { filtered: 2 },
      end: 'done',
    });
    expect(line.replayed.map(({ id }) => id)).toEqual([3, 4]);
    expect([...box.letters.keys()]).toEqual([1, 2]);
  });

  test('looks at each letter when its turn comes: edited ones go as they are then, dropped and busy ones do not', async () => {
    const { line, box, state, run } = start(Array.from({ length: 30 }, (_, i) => letter(i + 1)));
    box.letters.set(20, letter(20, 'mended'));
    box.letters.delete(21);
    box.busy.add(22);
    await run(6_000);
    expect(line.replayed.find(({ id }) => id === 20)?.payload.toString()).toBe('mended');
    expect(line.replayed.map(({ id }) => id).filter((id) => id === 21 || id === 22)).toEqual([]);
    expect(state.end).toMatchObject({ replayed: 28, end: 'done' });
  });

  test('does not chase letters that come meanwhile: what is refused again is for the next replay', async () => {
    const { line, box, state, run } = start([letter(1), letter(2)]);
    const refused: UplinkOutcome = { kind: 'deadLettered', reason: 'refused', detail: { message: 'no' } };
    box.letters.set(3, letter(3));
    await run(3_000, refused);
    expect(line.replayed.map(({ id }) => id)).toEqual([1, 2]);
    expect(state.end).toMatchObject({ replayed: 2, outcomes: { deadLettered: 2 }, end: 'done' });
  });

  test('ends when it is told to, between two letters', async () => {
    const { line, box, state, stop, run } = start(Array.from({ length: 50 }, (_, i) => letter(i + 1)));
    await run(1_000);
    stop.abort();
    await run(300);
    expect(state.end).toMatchObject({ end: 'stopped', replayed: line.replayed.length });
    expect(box.letters.size + line.replayed.length).toBe(50);
    expect(line.replayed.length).toBeLessThan(20);
  });

  test('says what broke it off, and ends without HERE after a while', async () => {
    const failing = start([letter(1), letter(2)]);
    failing.line.failure = new Error('no space left on device');
    await failing.clock.advance(1_000);
    expect(failing.state.end).toMatchObject({ end: 'failed', message: 'no space left on device', replayed: 1 });
    expect([...failing.box.letters.keys()]).toEqual([2]);

    const away = start([letter(1), letter(2)]);
    await away.clock.advance(30_000);
    expect(away.state.end).toEqual({ replayed: 2, kept: {}, outcomes: {}, waiting: 2, end: 'done' });
  });
});
