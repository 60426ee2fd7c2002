// The group of workers that share connections, as the configuration names it.
import type { Config } from './config.ts';

/** Names the group of workers that share the connections; null: a worker alone. */
export function groupOf({ ownership, topics }: Config): string | null {
  return ownership.broker === null ? null : `${topics.prefix.replaceAll('/', '.')}.ownership`;
}
