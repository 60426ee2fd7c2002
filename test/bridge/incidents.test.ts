// What the store has to tell, as events with their severity; what passes by itself is for the log alone.
import { expect, test } from 'vitest';
import { Incidents } from '../../src/bridge/incidents.ts';
import { EventLog } from '../../src/connections/event-log.ts';
import type { BridgeEvent, NewEvent } from '../../src/domain/events.ts';
import { createLogger } from '../../src/ops/logger.ts';
import type { StoreIncident } from '../../src/store/incidents.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';

async function listen() {
  const told: NewEvent[] = [];
  const lines: { level: string; incident?: string; msg: string }[] = [];
  const output = { write: (line: string) => lines.push(JSON.parse(line)) };
  const incidents = new Incidents(await createLogger({ level: 'info', pretty: 'never', colour: false, output }));
  return { incidents, told, lines, events: { emit: (event: NewEvent) => void told.push(event) } };
}

const OF_A = { connectionId: 'a', message: 'words' } as const;

test.each<StoreIncident>([
  { kind: 'databaseSetAside', connectionId: null, message: 'words' },
  { kind: 'databaseDamaged', ...OF_A },
  { kind: 'journalDamaged', lost: 3, ...OF_A },
  { kind: 'ledgerRestarted', ...OF_A },
  { kind: 'secretUnreadable', connectionId: null, message: 'words' },
])('damage is an error, each kind of it an event of its own: $kind', async (incident) => {
  const { incidents, told, lines, events } = await listen();
  incidents.tellBy(events);
  incidents.report(incident);
  const { kind, connectionId } = incident;
  expect(told).toEqual([{ kind: 'storeSetAside', severity: 'error', connectionId, key: kind, message: 'words' }]);
  expect(lines).toEqual([]);
});

test('dead letters that are gone are an error, those that will go before long a warning', async () => {
  const { incidents, told, events } = await listen();
  incidents.tellBy(events);
  incidents.report({ kind: 'deadLettersDropped', dropped: 2, ...OF_A });
  incidents.report({ kind: 'deadLettersNearlyFull', ...OF_A });
  incidents.report({ kind: 'deadLettersAgeing', ...OF_A });
  expect(told).toEqual([
    { kind: 'deadLettersDropped', severity: 'error', count: 2, ...OF_A },
    { kind: 'deadLettersNearlyFull', severity: 'warning', ...OF_A },
    { kind: 'deadLettersAgeing', severity: 'warning', ...OF_A },
  ]);
});

test('in a storm the event counts the letters that were dropped, not the reports of them', async () => {
  const { incidents } = await listen();
  const clock = new ManualClock();
  const told: BridgeEvent[] = [];
  const onEvent = (event: BridgeEvent) => void told.push(event);
  const log = new EventLog({ clock, chance: new SeededChance(), store: new ModelStore().events, onEvent });
  incidents.tellBy(log);
  // As letters go by their age: 500 a second.
  for (let second = 0; second < 3600; second += 1) {
    incidents.report({ kind: 'deadLettersDropped', dropped: 500, ...OF_A });
    await clock.advance(1000);
  }
  log.stop();
  expect(told.slice(0, 3).map(({ count }) => count)).toEqual([500, 9 * 500, 60 * 500]);
  expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(3600 * 500);
  expect(told.at(-1)?.details).toEqual({ total: 3600 * 500 });
});

test('what the opening store tells waits for the event log, and is told once', async () => {
  const { incidents, told, events } = await listen();
  incidents.report({ kind: 'databaseSetAside', connectionId: null, message: 'first' });
  incidents.report({ kind: 'journalDamaged', lost: 1, ...OF_A });
  expect(told).toEqual([]);
  incidents.tellBy(events);
  incidents.tellBy(events);
  incidents.report({ kind: 'ledgerRestarted', ...OF_A });
  expect(told.map(({ key }) => key)).toEqual(['databaseSetAside', 'journalDamaged', 'ledgerRestarted']);
});

test('a torn tail and upkeep that is tried again are lines of the log', async () => {
  const { incidents, told, lines, events } = await listen();
  incidents.tellBy(events);
  incidents.report({ kind: 'tornTail', bytes: 7, ...OF_A });
  incidents.report({ kind: 'upkeepFailed', connectionId: null, message: 'no room' });
  expect(told).toEqual([]);
  expect(lines).toMatchObject([
    { level: 'warn', incident: 'tornTail', connectionId: 'a', msg: 'words' },
    { level: 'warn', incident: 'upkeepFailed', msg: 'no room' },
  ]);
});
