// When held devices are released: those that are named each in their time, the others together with the first of them.
import { expect, test } from 'vitest';
import { Holds } from '../../src/uplink/holds.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const released: (string | number)[][] = [];
  const startedMs = clock.monotonic();
  const holds = new Holds(clock, (devices, andOthers) => {
    released.push([clock.monotonic() - startedMs, ...devices, ...(andOthers ? ['others'] : [])]);
  });
  return { clock, holds, released };
}

test('named devices are released when they are due', async () => {
  const { clock, holds, released } = setUp();
  holds.add(['a'], 600_000);
  holds.add(['b', 'c'], 5_000);
  holds.drop(['c']);
  await clock.advance(700_000);
  expect(released).toEqual([
    [5_000, 'b'],
    [600_000, 'a'],
  ]);
});

test('the others are released when the first of them is due, also where it was held for less than those before it', async () => {
  const { clock, holds, released } = setUp();
  holds.addOthers(600_000);
  await clock.advance(10_000);
  holds.addOthers(5_000);
  holds.add(['a'], 100_000);
  await clock.advance(700_000);
  expect(released).toEqual([
    [15_000, 'others'],
    [110_000, 'a'],
  ]);
});
