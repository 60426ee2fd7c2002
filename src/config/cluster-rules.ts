// What the values of a worker among several must not be, and what follows from those given.
import type { Conflict } from './broker-rules.ts';
import type { BrokerConfig, Config } from './config.ts';

interface Given {
  readonly roles: Config['roles'];
  readonly ownership: Config['ownership'];
  /** The broker of the bridge's topics; null: not known. */
  readonly topicsBroker: string | null;
  readonly kinds: Readonly<Record<string, BrokerConfig['kind']>>;
}

/** Where nothing is named, workers share their connections as soon as the bridge's own topics are on Kafka. */
export function ownershipBroker({ ownership, topicsBroker, kinds }: Omit<Given, 'roles'>): string | null {
  if (ownership.broker !== null) return ownership.broker;
  return topicsBroker !== null && kinds[topicsBroker] === 'kafka' ? topicsBroker : null;
}

export function* clusterConflicts(given: Given): Generator<Conflict> {
  const { roles, ownership, kinds } = given;
  if (roles.length === 0) yield { keys: ['roles'], message: 'a process needs at least one role' };
  const broker = ownershipBroker(given);
  if (broker === null) {
    if (roles.length > 0 && !roles.includes('worker')) {
      const message =
        'without ownership.broker nobody else would serve the connections; allowed: ["worker"], ["worker","api"]';
      yield { keys: ['roles', 'ownership.broker', 'topics.broker'], message };
    }
    return;
  }
  const kafkas = Object.keys(kinds).filter((name) => kinds[name] === 'kafka');
  if (kinds[broker] !== 'kafka') {
    const allowed = kafkas.length === 0 ? 'there is none yet' : `allowed: ${kafkas.join(', ')}`;
    yield { keys: ['ownership.broker'], message: `must be a broker of the kind kafka; ${allowed}` };
  }
  for (const [name, kind] of Object.entries(kinds)) {
    if (kind !== 'embedded') continue;
    const message = 'an embedded broker is this process’s own: several workers need brokers that all of them reach';
    yield { keys: [`brokers.${name}.kind`, 'ownership.broker', 'topics.broker'], message };
  }
  if (ownership.heartbeatMs * 3 > ownership.sessionTimeoutMs) {
    const message = `must not be more than a third of ownership.sessionTimeoutMs (${ownership.sessionTimeoutMs})`;
    yield { keys: ['ownership.heartbeatMs', 'ownership.sessionTimeoutMs'], message };
  }
}
