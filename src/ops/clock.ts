// The real clock and the real chance: the only place of the worker that reads time or draws numbers.
import { randomUUID } from 'node:crypto';
import type { Chance, Clock } from '../domain/ports/clock.ts';

/** The longest delay that a Node timer takes; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A wait of which something may be left in Node's memory for long. */
const LONG_MS = 60_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const dueMs = performance.now() + Math.max(0, ms);
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = dueMs - performance.now();
      timer =
        leftMs > LONGEST_TIMER_MS ? setTimeout(arm, LONGEST_TIMER_MS) : setTimeout(run, Math.ceil(Math.max(0, leftMs)));
      timer.unref();
    };
    arm();
    return () => {
      // Node keeps the list of an unreferenced timer until it would have fired: hours, where no other waits just as long.
      if (ms > LONG_MS) timer.ref();
      clearTimeout(timer);
    };
  },
};

export const systemChance: Chance = {
  random: () => Math.random(),
  uuid: () => randomUUID(),
};
