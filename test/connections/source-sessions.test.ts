// The sessions of a connection at its brokers: the last word to those that keep messages by themselves, and the end of former ones.
import { expect, test, vi } from 'vitest';
import { SourceSessions } from '../../src/connections/source-sessions.ts';
import type { Broker, SourceListener, UplinkSource } from '../../src/domain/ports/broker.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { movedSessions } from '../support/moved-sessions.ts';

test('sources that were stopped twice are still told what was settled since', async () => {
  const said: string[] = [];
  const source: UplinkSource = {
    start: () => void said.push('start'),
    pause: () => {},
    resume: () => {},
    stop: async () => void said.push('stop'),
    unsubscribe: () => {},
    drained: async () => false,
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
      drained: async () => true,
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

function moved() {
  const clock = new ManualClock();
  const broker = new ModelBroker();
  const { sessions, source, generations } = movedSessions({ main: broker }, clock);
  sessions.start(source('main', 'former'));
  sessions.move(source('main', 'new'));
  const [old] = broker.sources;
  if (old === undefined) throw new Error('there is no source');
  return { clock, broker, sessions, generations, old };
}

test('a session that is silent is not ended before its source says that it is drained', async () => {
  const { clock, broker, sessions, generations, old } = moved();
  old.isDrained = false;
  await clock.advance(10_000);
  expect(broker.cleared).toEqual([]);
  expect(generations()).toEqual([0, 1]);
  old.isDrained = true;
  await clock.advance(4_000);
  expect(broker.cleared).toEqual(['a-0']);
  expect(generations()).toEqual([1]);
  await sessions.stop();
});

test('what comes, or a connection that goes, makes its word void: it is asked again', async () => {
  const { clock, broker, sessions, old } = moved();
  const answers: PromiseWithResolvers<boolean>[] = [];
  vi.spyOn(old, 'drained').mockImplementation(() => {
    const answer = Promise.withResolvers<boolean>();
    answers.push(answer);
    return answer.promise;
  });
  // It is asked once until it has answered, however long that takes.
  await clock.advance(30_000);
  expect(answers).toHaveLength(1);
  void old.uplink('it came while the question was under way');
  answers[0]?.resolve(true);
  await clock.advance(1_500);
  expect(answers).toHaveLength(2);
  answers[1]?.resolve(true);
  await clock.advance(1_000);
  void old.uplink('it came behind the answer');
  await clock.advance(1_500);
  expect(answers).toHaveLength(3);
  old.tell({ kind: 'down', reason: 'gone', fatal: false });
  answers[2]?.resolve(true);
  await clock.advance(10_000);
  old.tell({ kind: 'up', sessionLost: false });
  await clock.advance(1_500);
  expect(answers).toHaveLength(4);
  answers[3]?.reject(new Error('it cannot be asked'));
  await clock.advance(1_500);
  expect(answers).toHaveLength(5);
  expect(broker.cleared).toEqual([]);
  answers[4]?.resolve(true);
  await clock.advance(2_500);
  expect(broker.cleared).toEqual(['a-0']);
  await sessions.stop();
});

test('a source that never answers does not keep the sessions from being stopped', async () => {
  const { clock, sessions, generations, old } = moved();
  vi.spyOn(old, 'drained').mockReturnValue(new Promise(() => {}));
  await clock.advance(5_000);
  await sessions.stop();
  expect(generations()).toEqual([0, 1]);
  expect(clock.pendingTimers).toBe(0);
});
