// When the console knows that the bridge is gone: on a clock of its own, for a busy machine draws its pages late.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SignsOfLife } from '../../src/console/app/signs-of-life.ts';

type Bridge = 'lives' | 'hangs' | 'refuses';

/** A bridge that can be told what to do, and what was said of it, with the ms at which it was. */
function watched(): { be(state: Bridge): void; signs: SignsOfLife; said: [number, boolean][]; asked: number[] } {
  let state: Bridge = 'lives';
  const said: [number, boolean][] = [];
  const asked: number[] = [];
  const signs = new SignsOfLife(
    (signal) => {
      asked.push(Date.now());
      if (state === 'refuses') return Promise.reject(new TypeError('Failed to fetch'));
      if (state === 'lives') return Promise.resolve(true);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    (live) => said.push([Date.now(), live]),
  );
  return { be: (next) => (state = next), signs, said, asked };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('signs of life', () => {
  test.each(['hangs', 'refuses'] as const)(
    'a bridge that %s is told within five seconds, whenever it began',
    async (how) => {
      for (let into = 0; into <= 1_600; into += 100) {
        vi.setSystemTime(0);
        const { be, signs, said } = watched();
        signs.start();
        await vi.advanceTimersByTimeAsync(4_500 + into);
        expect(said.length).toBeGreaterThan(2);
        expect(said.every(([, live]) => live)).toBe(true);
        be(how);
        await vi.advanceTimersByTimeAsync(5_000);
        expect(said.some(([at, live]) => !live && at <= 9_500 + into)).toBe(true);
        vi.clearAllTimers();
      }
    },
  );

  test('one whose stream breaks off is asked at once, and once', async () => {
    const { be, signs, said, asked } = watched();
    signs.start();
    await vi.advanceTimersByTimeAsync(100);
    be('refuses');
    signs.doubt();
    await vi.advanceTimersByTimeAsync(0);
    expect(said.at(-1)).toEqual([100, false]);
    be('hangs');
    await vi.advanceTimersByTimeAsync(1_500);
    // It is being asked already.
    signs.doubt();
    signs.doubt();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(asked).toEqual([0, 100, 1_600, 5_600]);
  });

  test('one that is back is told with its first answer', async () => {
    const { be, signs, said } = watched();
    be('refuses');
    signs.start();
    await vi.advanceTimersByTimeAsync(3_100);
    be('lives');
    await vi.advanceTimersByTimeAsync(1_500);
    expect(said).toEqual([
      [0, false],
      [1_500, false],
      [3_000, false],
      [4_500, true],
    ]);
  });
});
