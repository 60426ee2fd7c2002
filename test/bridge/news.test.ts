// What a worker tells of its group, of shared projects and of commands without a report.
import { expect, test } from 'vitest';
import { OwnershipNews } from '../../src/bridge/ownership-news.ts';
import type { Command } from '../../src/domain/command.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import type { ShadowStore } from '../../src/domain/ports/downlink.ts';
import { CommandNews } from '../../src/downlink/command-news.ts';
import type { WatchMember } from '../../src/downlink/deal-changes.ts';
import { DownlinkHub } from '../../src/downlink/downlink-hub.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';
import { modelProject } from '../support/model-project.ts';

function listen() {
  const told: NewEvent[] = [];
  return { told, events: { emit: (event: NewEvent) => void told.push(event) }, kinds: () => told.map((e) => e.kind) };
}

test('of its group: what it serves from now on, that the group is out of reach, and once that it is back', async () => {
  const { events, told, kinds } = listen();
  const owned = { onGained: () => {}, onLost: async () => {} };
  const news = new OwnershipNews({ owned, events, onChange: () => {}, onConfirmed: () => {} });
  news.onGained([1, 2]);
  news.onConfirmed(true);
  await news.onLost([2]);
  expect(told.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
    expect.stringMatching(/^ownershipChanged: Gained .*1, 2/),
    expect.stringMatching(/^ownershipChanged: Lost .*2.*: their connections stop here/),
  ]);
  told.length = 0;
  news.onTrouble({ reason: 'not authorized', fatal: true });
  news.onConfirmed(false);
  news.onConfirmed(true);
  news.onConfirmed(true);
  expect(kinds()).toEqual(['groupUnreachable', 'groupUnreachable', 'groupBack']);
  expect(told[0]?.message).toContain('not authorized');
});

test('of a HERE project that connections of two accounts ask for commands, each on its own', () => {
  const { events, told, kinds } = listen();
  const store = { forEachServed: () => {}, unclaimed: () => [] } as unknown as ShadowStore;
  const rest = { clock: new ManualClock(), chance: new SeededChance(), pollMs: { min: 1000, max: 1000 }, maxAgeMs: 1 };
  const hub = new DownlinkHub({ store, events, ...rest });
  const project = modelProject({});
  const join = (connectionId: string, email: string): unknown =>
    hub.join({ service: 's', realm: null, email }, project, { connectionId, project } as unknown as WatchMember);
  join('a', 'me@example.com');
  join('b', 'me@example.com');
  expect(told).toEqual([]);
  join('c', 'you@example.com');
  expect(kinds()).toEqual(['projectShared']);
  expect(told[0]).toMatchObject({ severity: 'warning', connectionId: 'c', key: project.key });
});

test('of commands that asked for a confirmation and got no report, and of no others', () => {
  const { events, kinds } = listen();
  const news = new CommandNews('a', events);
  const command = { device: 'd', state: 'unreported', cause: null, attempt: 1, version: 1 } as Command;
  news.changed({ ...command, confirmed: false });
  expect(kinds()).toEqual([]);
  news.changed({ ...command, confirmed: true });
  expect(kinds()).toEqual(['commandUnreported']);
});
