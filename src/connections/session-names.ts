// The names of the sessions at brokers: MQTT client ids, and consumer groups of Kafka.
import { createHash } from 'node:crypto';

/**
 * By connection and how often its source was moved. Bridges with other prefixes may use the same broker, so the prefix is part of it.
 * No connection's id has a tilde: the sessions of `plant`, moved once, and of a connection `plant-1` must not be one.
 */
export function sessionNames(prefix: string): (connectionId: string, generation: number) => string {
  const scope = scopeOf(prefix);
  return (id, generation) => `here-bridge-${scope}-${id}${generation === 0 ? '' : `~${generation}`}`;
}

/** What tells a bridge's clients at a broker from those of bridges with another prefix. */
export function scopeOf(prefix: string): string {
  return createHash('sha256').update(prefix).digest('hex').slice(0, 8);
}
