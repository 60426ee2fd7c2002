// One frame that comes twice gives one record; devices without pairs never wait.
import { describe, expect, test } from 'vitest';
import type { FrameCopy } from '../../src/domain/uplink.ts';
import { PairWait } from '../../src/uplink/pair-wait.ts';
import type { Item } from '../../src/uplink/waiting.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { prepareOne, uplink } from './prepare-support.ts';

const UPLINK: FrameCopy = { kind: 'uplink', hasPosition: false };
const PLACED_UPLINK: FrameCopy = { kind: 'uplink', hasPosition: true };
const RESOLVED: FrameCopy = { kind: 'resolved', hasPosition: true };
const STALE: FrameCopy = { kind: 'resolved', hasPosition: false };
const WAIT_MS = 2000;

function setup() {
  const clock = new ManualClock();
  const log: string[] = [];
  const wait = new PairWait(clock, WAIT_MS, {
    push: ({ seq }) => log.push(`push ${seq}`),
    secondCopy: ({ seq }) => log.push(`second ${seq}`),
    waiting: () => log.push('waiting'),
  });
  let seq = 0;
  /** Frame `n` of a device. */
  const take = (n: number, copy: FrameCopy | null, device = 'a', changes: Partial<Item> = {}): void => {
    seq += 1;
    const item = { seq, device, records: [], bytes: 0, emittedAt: n * 60_000, arrivedAt: 0, late: false, attempts: 0 };
    wait.take({ ...item, sentAt: 0, fCnt: n, ...changes } as Item, copy);
  };
  const told = (): string[] => log.splice(0);
  /** After it, device `a` is one whose frames come in pairs. */
  const pairUp = (): void => {
    take(1, STALE);
    take(1, UPLINK);
    told();
  };
  /** The message `readBack` of frame `n`, read back from the journal. */
  const takeAgain = (readBack: number, n: number, copy: FrameCopy): void => {
    const next = seq;
    seq = readBack - 1;
    take(n, copy, 'a', { late: true });
    seq = next;
  };
  return { clock, take, takeAgain, told, pairUp, wait };
}

describe('A frame that comes twice', () => {
  test('goes at once, both messages, while its device is not known for it', () => {
    const { take, told } = setup();
    take(1, UPLINK);
    take(2, UPLINK);
    expect(told()).toEqual(['push 1', 'push 2']);
  });

  test('the second message is sent only if it alone has a position', () => {
    const { take, told } = setup();
    take(0, STALE, 'other');
    told();
    take(1, UPLINK);
    take(1, RESOLVED);
    take(2, PLACED_UPLINK, 'b');
    take(2, RESOLVED, 'b');
    take(3, PLACED_UPLINK, 'c');
    take(3, STALE, 'c');
    expect(told()).toEqual(['push 2', 'push 3', 'push 4', 'second 5', 'push 6', 'second 7']);
  });

  test('of a device with pairs the first waits, and one record goes: the resolved one if it has a place', () => {
    const { take, told, pairUp } = setup();
    pairUp();
    take(2, UPLINK);
    expect(told()).toEqual([]);
    take(2, RESOLVED);
    expect(told()).toEqual(['second 3', 'push 4']);
    take(3, RESOLVED);
    take(3, PLACED_UPLINK);
    expect(told()).toEqual(['second 6', 'push 5']);
    take(4, PLACED_UPLINK);
    take(4, STALE);
    expect(told()).toEqual(['second 8', 'push 7']);
  });

  test('keeps its record when that is read back from the journal', () => {
    const { take, takeAgain, told, pairUp } = setup();
    pairUp();
    take(2, PLACED_UPLINK);
    take(2, RESOLVED);
    expect(told()).toEqual(['second 3', 'push 4']);
    takeAgain(4, 2, RESOLVED);
    takeAgain(4, 2, RESOLVED);
    expect(told()).toEqual(['push 4', 'push 4']);
    // Another copy of it is none.
    take(2, RESOLVED);
    expect(told()).toEqual(['second 5']);
  });

  test('waits no longer than it may', async () => {
    const { take, told, pairUp, clock } = setup();
    pairUp();
    take(2, UPLINK);
    await clock.advance(WAIT_MS - 1);
    expect(told()).toEqual([]);
    await clock.advance(1);
    expect(told()).toEqual(['push 3', 'waiting']);
    take(2, RESOLVED);
    expect(told()).toEqual(['push 4']);
  });

  test('never lets a newer frame of its device go before', () => {
    const { take, told, pairUp } = setup();
    pairUp();
    take(2, UPLINK);
    take(3, UPLINK);
    expect(told()).toEqual(['push 3']);
    take(4, null);
    expect(told()).toEqual(['push 4', 'push 5']);
  });

  test('is told by its time or its counter', () => {
    const { take, told, pairUp } = setup();
    pairUp();
    take(2, UPLINK);
    take(2, RESOLVED, 'a', { fCnt: undefined });
    expect(told()).toEqual(['second 3', 'push 4']);
    take(3, UPLINK);
    take(3, RESOLVED, 'a', { emittedAt: 3 * 60_000 + 500 });
    expect(told()).toEqual(['second 5', 'push 6']);
    take(4, UPLINK);
    take(4, RESOLVED, 'a', { emittedAt: 86_400_000 });
    expect(told()).toEqual(['push 7']);
  });

  test('of a device that had no pair for a week, and what was read back, does not wait', async () => {
    const { take, told, pairUp, clock } = setup();
    pairUp();
    take(2, UPLINK, 'a', { late: true });
    expect(told()).toEqual(['push 3']);
    await clock.advance(8 * 86_400_000);
    take(3, UPLINK);
    expect(told()).toEqual(['push 4']);
  });

  test('where there are more devices than are remembered, one that goes on speaking is not forgotten', () => {
    const { take, told, pairUp } = setup();
    pairUp();
    for (let n = 0; n < 30_000; n++) take(1, UPLINK, `early ${n}`);
    take(2, UPLINK);
    take(2, RESOLVED);
    for (let n = 0; n < 30_000; n++) take(1, UPLINK, `late ${n}`);
    told();
    take(3, UPLINK);
    take(3, RESOLVED);
    // It waited for the second message, which is the better one.
    expect(told()).toEqual(['second 60005', 'push 60006']);
  });

  test('what is held when the line stops stays in the journal', async () => {
    const { take, told, pairUp, clock, wait } = setup();
    pairUp();
    take(2, UPLINK);
    wait.stop();
    await clock.advance(WAIT_MS);
    expect(told()).toEqual([]);
  });
});

describe('The mapping tells', () => {
  const copyOf = (content: unknown) => (prepareOne(content) as { copy?: FrameCopy }).copy;
  test('which message of a frame each is', () => {
    expect(copyOf(uplink({ a: 1 }))).toEqual(UPLINK);
    expect(copyOf(uplink({ latitude: 43.6, longitude: 7.06 }))).toEqual(PLACED_UPLINK);
    const resolved = { deviceEUI: '20635F0108000E09', time: '2024-06-20T12:51:53Z', coordinates: [7, 43] };
    expect(copyOf(resolved)).toEqual(RESOLVED);
    expect(copyOf({ ...resolved, validityState: 'PREVIOUS' })).toEqual(STALE);
    expect(copyOf({ device_id: '20635F0108000E09', lat: 43.6, lon: 7.06 })).toBeUndefined();
  });
});
