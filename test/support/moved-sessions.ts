// The sessions of a connection "a" at brokers of the test's, with a line that writes down what it is handed.

import { SourceSessions } from '../../src/connections/source-sessions.ts';
import type { ConnectionSource } from '../../src/domain/connection.ts';
import type { Broker } from '../../src/domain/ports/broker.ts';
import type { Clock } from '../../src/domain/ports/clock.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { RecordingListener } from '../brokers/outside.ts';

export function movedSessions(brokers: Readonly<Record<string, Broker>>, clock: Clock = systemClock) {
  const states = new Map<string, string | null>();
  /** Its statuses are those of the session that is read from. */
  const heard = new RecordingListener();
  const sessions = new SourceSessions({
    connectionId: 'a',
    store: { getState: (key) => states.get(key) ?? null, setState: (key, value) => void states.set(key, value) },
    broker: (name) => brokers[name] ?? null,
    clientId: (id, generation) => `${id}-${generation}`,
    line: { onMessages: (messages, done) => heard.onMessages(messages, done), onLeftOut: () => {}, hasRoom: true },
    concern: null,
    onMessages: () => {},
    onStatus: (status) => heard.onStatus(status),
    events: { emit: () => {} },
    clock,
  });
  const source = (broker: string, ...topics: string[]): ConnectionSource => {
    return { broker, topics, topicPattern: null, matchers: [], from: 'earliest' };
  };
  /** The generations that are on record. */
  const generations = (): number[] => {
    const kept = JSON.parse(states.get('sessions') ?? '[]') as { generation: number }[];
    return kept.map(({ generation }) => generation);
  };
  return { sessions, heard, source, generations };
}
