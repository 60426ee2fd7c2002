// Events: news at once, storms counted and told again at growing intervals.
import { describe, expect, it } from 'vitest';
import { EventLog } from '../../src/connections/event-log.ts';
import type { BridgeEvent, NewEvent } from '../../src/domain/events.ts';
import { ModelStore } from '../support/fakes/model-store.ts';
import { ManualClock, SeededChance } from '../support/manual-clock.ts';

function make(): { clock: ManualClock; log: EventLog; told: BridgeEvent[]; store: ModelStore; errors: unknown[] } {
  const clock = new ManualClock();
  const store = new ModelStore();
  const told: BridgeEvent[] = [];
  const errors: unknown[] = [];
  const log = new EventLog({
    clock,
    chance: new SeededChance(),
    store: store.events,
    onEvent: (event) => told.push(event),
    onStoreError: (error) => errors.push(error),
  });
  return { clock, log, told, store, errors };
}

const event = (more: Partial<NewEvent> = {}): NewEvent => ({
  kind: 'sourceDown',
  severity: 'warning',
  connectionId: 'a',
  message: 'The broker is away.',
  ...more,
});

describe('the event log', () => {
  it('gives each event an id and a time, and hands it to store and listener', () => {
    const { log, told, store } = make();
    log.emit(event());
    expect(told).toEqual([
      { ...event(), count: 1, time: '2026-01-01T00:00:00.000Z', id: expect.stringMatching(/^[0-9a-z]{9}-0000-/) },
    ]);
    expect(store.eventsKept).toEqual(told);
  });

  it('makes one growing event of a storm, told again ever more seldom', async () => {
    const { clock, log, told } = make();
    for (let second = 0; second < 7200; second += 1) {
      log.emit(event());
      await clock.advance(1000);
    }
    expect(told.length).toBeLessThanOrEqual(7);
    expect(told.slice(0, 3).map(({ count }) => count)).toEqual([1, 9, 60]);
    log.stop();
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(7200);
    expect(told.at(-1)?.details).toEqual({ total: 7200 });
  });

  it('keeps kinds, connections and keys apart, and takes what comes after a quiet time as news', async () => {
    const { clock, log, told } = make();
    log.emit(event());
    log.emit(event({ connectionId: 'b' }));
    log.emit(event({ key: 'k' }));
    log.emit(event({ kind: 'sourceUp' }));
    expect(told).toHaveLength(4);
    await clock.advance(10_000);
    log.emit(event());
    expect(told).toHaveLength(5);
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('keeps ids in order while the clock steps back, and messages to one line', () => {
    const { clock, log, told } = make();
    log.emit(event({ key: '1', message: 'a\r\nb\u0000c' }));
    clock.stepWall(-3_600_000);
    log.emit(event({ key: '2', message: 'x'.repeat(5000) }));
    const [first, second] = told;
    expect((first?.id ?? '') < (second?.id ?? '')).toBe(true);
    expect(first?.message).toBe('a b c');
    expect(second?.message.length).toBe(1001);
  });

  it('goes on behind what is in the store, also when the clock was ahead before', () => {
    const { clock, log, told, store, errors } = make();
    clock.stepWall(3_600_000);
    for (let key = 0; key < 40; key += 1) log.emit(event({ key: String(key) }));
    clock.stepWall(-3_600_000);
    const more: BridgeEvent[] = [];
    const again = (): EventLog =>
      new EventLog({ clock, chance: new SeededChance(), store: store.events, onEvent: (e) => more.push(e) });
    again().emit(event());
    again().emit(event());
    const ids = [...told, ...more].map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(42);
    // Told at the time that the clock shows, whatever the id says.
    expect(more[0]?.time).toBe('2026-01-01T00:00:00.000Z');
    expect(errors).toEqual([]);
  });

  it('keeps ids in order when a millisecond has no room for more, and starts on a store that cannot be read', () => {
    const { clock, told, store, errors } = make();
    const options = {
      clock,
      chance: new SeededChance(),
      store: store.events,
      onEvent: (e: BridgeEvent) => told.push(e),
    };
    const full = `${(clock.now() + 5).toString(36).padStart(9, '0')}-zzzz-0000`;
    store.eventsKept.push({ ...event(), id: full, time: '2026-01-01T00:00:00.000Z', count: 1 });
    new EventLog(options).emit(event());
    expect((told[0]?.id ?? '') > full).toBe(true);
    store.events.highestId = () => {
      throw new Error('malformed');
    };
    new EventLog({ ...options, onStoreError: (error) => errors.push(error) }).emit(event());
    expect([told.length, errors.length]).toEqual([2, 1]);
  });

  it('stays bounded, and tells on although the store fails', () => {
    const { log, told, store, errors, clock } = make();
    store.events.append = () => {
      throw new Error('ENOSPC');
    };
    for (let key = 0; key < 10_050; key += 1) log.emit(event({ key: String(key) }));
    expect(told).toHaveLength(10_050);
    expect(errors).toHaveLength(10_050);
    expect(clock.pendingTimers).toBe(10_000);
  });
});
