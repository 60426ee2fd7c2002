// Events after a restart: who comes back with the last id that it saw gets what came since, also when the clock was set back.
import { expect, test } from 'vitest';
import { EventLog } from '../../src/connections/event-log.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import { SeededChance } from '../support/manual-clock.ts';
import { TestStore } from './support.ts';

test('a clock that was an hour ahead hides nothing from those who follow', async () => {
  await using s = await TestStore.open();
  expect(s.store.events.highestId()).toBeNull();
  const seen: BridgeEvent[] = [];
  const start = (seed: number): EventLog =>
    new EventLog({
      ...{ clock: s.clock, chance: new SeededChance(seed), store: s.store.events },
      onEvent: (event) => seen.push(event),
    });
  const tell = (log: EventLog, key: string): void =>
    log.emit({ kind: 'sourceDown', severity: 'warning', connectionId: 'a', message: key, key });
  s.clock.stepWall(3_600_000);
  tell(start(1), 'before');
  const afterId = seen[0]?.id ?? '';
  s.clock.stepWall(-3_600_000);
  await s.store.close();
  await s.moveOn();
  const log = start(2);
  tell(log, 'first');
  await s.clock.advance(1000);
  tell(log, 'second');
  expect(s.store.events.list({ afterId, limit: 10 }).map(({ message }) => message)).toEqual(['first', 'second']);
  expect(s.store.events.highestId()).toBe(seen.at(-1)?.id);
});
