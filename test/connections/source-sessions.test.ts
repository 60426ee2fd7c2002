// The sessions of a connection at its brokers: the last word to those that keep messages by themselves, and the end of former ones.
import { expect, test, vi } from 'vitest';
import { SourceSessions } from '../../src/connections/source-sessions.ts';
import type { Broker, SourceListener, UplinkSource } from '../../src/domain/ports/broker.ts';
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

test('a session of former topics is read empty before it is ended, however long that takes', async () => {
  const clock = new ManualClock();
  const cleared: string[] = [];
  const listeners = new Map<string, SourceListener>();
  const openSource: Broker['openSource'] = ({ clientId }, listener) => {
    listeners.set(clientId, listener);
    const source: UplinkSource = {
      start: () => listener.onStatus({ kind: 'up', sessionLost: false }),
      pause: () => {},
      resume: () => {},
      stop: async () => {},
      unsubscribe: () => {},
      clear: async () => void cleared.push(clientId),
    };
    return source;
  };
  const states = new Map<string, string | null>();
  let answer = (): void => {};
  const line = {
    onMessages: (_messages: unknown, done: (error: null) => void) => (answer = () => done(null)),
    onLeftOut: () => {},
    hasRoom: true,
  };
  const sessions = new SourceSessions({
    connectionId: 'a',
    store: { getState: (key) => states.get(key) ?? null, setState: (key, value) => void states.set(key, value) },
    broker: () => ({ kind: 'mqtt', openSource }) as unknown as Broker,
    clientId: (id, generation) => `${id}-${generation}`,
    line,
    concern: null,
    onMessages: () => {},
    onStatus: () => {},
    events: { emit: () => {} },
    clock,
  });
  const source = { broker: 'main', topicPattern: null, matchers: [], from: 'now' } as const;
  sessions.start({ ...source, topics: ['former'] });
  sessions.move({ ...source, topics: ['new'] });
  // A long queue: after minutes there is more of it still.
  for (let second = 0; second < 180; second++) {
    listeners.get('a-0')?.onMessages([], () => {});
    await clock.advance(1_000);
    answer();
  }
  // What the line fails at is answered by no one, and comes again.
  vi.spyOn(line, 'onMessages').mockImplementationOnce(() => {
    throw new Error('full of holes');
  });
  expect(() => listeners.get('a-0')?.onMessages([], () => {})).toThrow('full of holes');
  // A slow disk: its whole window is unanswered, so that the broker is silent.
  listeners.get('a-0')?.onMessages([], () => {});
  await clock.advance(10_000);
  expect(cleared).toEqual([]);
  answer();
  // A full journal, for which the embedded broker waits.
  line.hasRoom = false;
  await clock.advance(10_000);
  expect(cleared).toEqual([]);
  line.hasRoom = true;
  await clock.advance(3_000);
  expect(cleared).toEqual(['a-0']);
  await sessions.stop();
});
