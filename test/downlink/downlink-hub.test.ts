// What connections share of a HERE project, for as long as one of them is in it.
import { expect, onTestFinished, test } from 'vitest';
import type { ShadowStore } from '../../src/domain/ports/downlink.ts';
import { DownlinkHub } from '../../src/downlink/downlink-hub.ts';
import type { ProjectShadows } from '../../src/downlink/project-shadows.ts';
import { TestStore } from '../store/support.ts';
import { SeededChance } from '../support/manual-clock.ts';

const DEVICE = '70B3D50000000001';

async function openHub(saveServed?: (save: () => void) => void) {
  const s = await TestStore.open();
  onTestFinished(() => s[Symbol.asyncDispose]());
  await s.connection('a');
  const kept = s.store.shadows;
  const store: ShadowStore = {
    cursor: (key) => kept.cursor(key),
    setCursor: (key, value) => kept.setCursor(key, value),
    handled: (...of) => kept.handled(...of),
    forEachServed: (...of) => kept.forEachServed(...of),
    saveServed: (...of) => (saveServed ?? ((save) => save()))(() => kept.saveServed(...of)),
    unclaimed: (of) => kept.unclaimed(of),
    saveUnclaimed: (...of) => kept.saveUnclaimed(...of),
    dropUnclaimed: (...of) => kept.dropUnclaimed(...of),
  };
  const rest = { clock: s.clock, chance: new SeededChance(), pollMs: { min: 1, max: 1 }, maxAgeMs: 1 };
  return new DownlinkHub({ store, events: { emit: () => {} }, ...rest });
}

function hear(project: ProjectShadows): void {
  project.heard(DEVICE, project.served.connectionNumber('a'), null);
}

test('a project where no connection is any more gives its memory back when another one comes, and is made anew from the disk', async () => {
  const hub = await openHub();
  const first = hub.enter('first');
  hear(first);
  first.keepWaiting([{ device: DEVICE, version: 1, desiredAt: 1, document: '{}', reported: null }]);
  hub.exit(first);
  // A connection that begins anew finds it as it was.
  expect(hub.enter('first')).toBe(first);
  hub.exit(first);
  hub.enter('second');
  expect([first.served.size, first.waiting.size]).toEqual([0, 0]);
  const again = hub.enter('first');
  expect(again).not.toBe(first);
  expect(again.served.connectionOf(DEVICE)).toBe('a');
  expect([...again.waiting.keys()]).toEqual([DEVICE]);
});

test('a project where a connection still is stays as it is', async () => {
  const hub = await openHub();
  const first = hub.enter('first');
  expect(hub.enter('first')).toBe(first);
  hear(first);
  hub.exit(first);
  hub.enter('second');
  expect(hub.enter('first')).toBe(first);
  expect(first.served.size).toBe(1);
});

test('a project stays while the disk does not take what was heard in it', async () => {
  let refuses = true;
  const hub = await openHub((save) => {
    if (refuses) throw new Error('database or disk is full');
    save();
  });
  const first = hub.enter('first');
  hear(first);
  hub.exit(first);
  hub.enter('second');
  expect(first.served.connectionOf(DEVICE)).toBe('a');
  refuses = false;
  hub.enter('third');
  expect(first.served.size).toBe(0);
  expect(hub.enter('first').served.connectionOf(DEVICE)).toBe('a');
});
