// Changes that wait for their connection: the newest are kept, in memory as on disk, and a person hears of those that are not.
import { expect, onTestFinished, test } from 'vitest';
import type { NewEvent } from '../../src/domain/events.ts';
import type { ShadowChange } from '../../src/domain/ports/downlink.ts';
import { DownlinkHub } from '../../src/downlink/downlink-hub.ts';
import { TestStore } from '../store/support.ts';
import { SeededChance } from '../support/manual-clock.ts';

const KEY = 'here|app';
const MAX = 10_000;
const NOW = 1_800_000_000_000;

/** The n-th newest; two of a time. */
function change(n: number, desiredAt = NOW - Math.floor(n / 2)): ShadowChange {
  const device = `70B3D500${n.toString(16).padStart(8, '0').toUpperCase()}`;
  return { device, version: 1, desiredAt, document: '{}', reported: null };
}

async function openProject() {
  const s = await TestStore.open();
  onTestFinished(() => s[Symbol.asyncDispose]());
  const told: NewEvent[] = [];
  const events = { emit: (event: NewEvent) => void told.push(event) };
  const rest = { clock: s.clock, chance: new SeededChance(), pollMs: { min: 1, max: 1 }, maxAgeMs: 1 };
  const hub = () => new DownlinkHub({ store: s.store.shadows, events, ...rest });
  const kept = (): string[] => s.store.shadows.unclaimed(KEY).map(({ device }) => device);
  return { shadows: hub().project(KEY), restarted: () => hub().project(KEY), kept, told };
}

/** As they come: the newest first, in pages. */
function keepAll(keep: (page: readonly ShadowChange[]) => void, changes: readonly ShadowChange[]): void {
  for (let from = 0; from < changes.length; from += 1_000) keep(changes.slice(from, from + 1_000));
}

test('beyond 10,000 the oldest go, whatever the order in which they came, and the disk has the same', async () => {
  const { shadows, restarted, kept, told } = await openProject();
  const changes = Array.from({ length: MAX + 1_501 }, (_, n) => change(n));
  const newest = changes.slice(0, MAX).map(({ device }) => device);
  keepAll((page) => shadows.keepWaiting(page), changes);
  expect([...shadows.waiting.keys()].sort()).toEqual(newest);
  expect(kept().sort()).toEqual(newest);
  expect([...restarted().waiting.keys()].sort()).toEqual(newest);
  shadows.tellDropped();
  expect(told).toMatchObject([{ kind: 'commandsDropped', severity: 'warning', key: KEY, count: 1_501 }]);
  expect(told[0]?.message).toContain('1501');

  // The next look finds the same ones.
  keepAll((page) => shadows.keepWaiting(page), changes);
  shadows.tellDropped();
  expect(told).toHaveLength(1);
  // A newer one takes the place of one that was kept.
  shadows.keepWaiting([change(MAX + 2_000, NOW + 1)]);
  shadows.tellDropped();
  expect(told.at(-1)).toMatchObject({ kind: 'commandsDropped', count: 1 });
  expect(kept().sort()).toEqual([...shadows.waiting.keys()].sort());
  expect(kept()).toHaveLength(MAX);
});

test('of more than 10,000 that were desired at one time, 10,000 are kept', async () => {
  const { shadows, kept } = await openProject();
  keepAll(
    (page) => shadows.keepWaiting(page),
    Array.from({ length: MAX + 7 }, (_, n) => change(n, NOW)),
  );
  expect(shadows.waiting.size).toBe(MAX);
  expect(kept().sort()).toEqual([...shadows.waiting.keys()].sort());
});
