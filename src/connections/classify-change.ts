// Decides what a changed definition asks of a running connection.
import { isDeepStrictEqual } from 'node:util';
import type { Connection } from '../domain/connection.ts';

export interface Change {
  /** Read anew by the line and by people; nothing is interrupted. */
  readonly live: boolean;
  /** The line must read messages or treat devices in another way. */
  readonly line: boolean;
  /** Another account or project: the waiting uplinks go there. */
  readonly reopen: boolean;
  /** Another broker or other topics. */
  readonly source: boolean;
  /** A person asks for a restart. */
  readonly restart: boolean;
  readonly active: boolean;
}

export function classifyChange(before: Connection, after: Connection): Change {
  const same = (...pick: ((connection: Connection) => unknown)[]): boolean =>
    pick.every((read) => isDeepStrictEqual(read(before), read(after)));
  return {
    live: !same(
      (c) => c.name,
      (c) => c.description,
      (c) => c.reconnectStrategy,
      (c) => c.downlink,
      (c) => c.record,
    ),
    line: !same(
      (c) => c.format,
      (c) => c.mapping,
      (c) => c.uplinkTimeValidityMs,
      (c) => c.source.matchers,
      (c) => c.source.topicPattern,
      (c) => c.createDevices,
      (c) => c.maxDevices,
    ),
    reopen: !same(
      (c) => c.account,
      (c) => c.appId,
    ),
    source: !same(
      (c) => c.source.broker,
      (c) => c.source.topics,
    ),
    restart: after.restart !== null && after.restart !== before.restart,
    active: before.active !== after.active,
  };
}
