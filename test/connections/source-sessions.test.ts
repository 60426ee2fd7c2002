// The last word to a broker that keeps messages by itself: said once all is settled, however often the sources are stopped before.
import { expect, test } from 'vitest';
import { SourceSessions } from '../../src/connections/source-sessions.ts';
import type { Broker, UplinkSource } from '../../src/domain/ports/broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('sources that were stopped twice are still told what was settled since', async () => {
  const said: string[] = [];
  const source: UplinkSource = {
    start: () => void said.push('start'),
    pause: () => {},
    resume: () => {},
    stop: async () => void said.push('stop'),
    unsubscribe: () => {},
    clear: async () => {},
    commit: async (timeoutMs) => void said.push(`commit ${timeoutMs}`),
  };
  const states = new Map<string, string | null>();
  const sessions = new SourceSessions({
    connectionId: 'a',
    store: { getState: (key) => states.get(key) ?? null, setState: (key, value) => void states.set(key, value) },
    broker: () => ({ kind: 'kafka', openSource: () => source }) as unknown as Broker,
    clientId: (id, generation) => `${id}-${generation}`,
    line: { onMessages: (_messages, done) => done(null), onLeftOut: () => {}, hasRoom: true },
    concern: null,
    onMessages: () => {},
    onStatus: () => {},
    events: { emit: () => {} },
    clock: new ManualClock(),
  });
  sessions.start({ broker: 'log', topics: ['uplinks'], topicPattern: null, matchers: [], from: 'now' });
  await sessions.stop();
  await sessions.stop();
  await sessions.commit(3_000);
  expect(said).toEqual(['start', 'stop', 'commit 3000']);
});
