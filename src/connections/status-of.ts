// The status record of a connection, for people and readers of the status topic.
import type { ActiveAlarm, Connection, ConnectionStatus, FieldError } from '../domain/connection.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Machine } from './machine.ts';

export interface StatusFacts {
  readonly worker: string;
  readonly since: string;
  readonly startupTime: string | null;
  readonly errors: readonly FieldError[] | null;
  readonly projectAppId: string | null;
  readonly source: ConnectionStatus['source'];
  readonly activeAlarms: readonly ActiveAlarm[];
}

export function statusOf(connection: Connection, machine: Machine, facts: StatusFacts): ConnectionStatus {
  const { errors, activeAlarms } = facts;
  const invalid = 'The newest definition is not valid; the last valid one stays in force.';
  return {
    id: connection.id,
    name: connection.name,
    state: machine.phase,
    reason: errors === null ? machine.reason : [invalid, machine.reason ?? ''].join(' ').trim(),
    ...(errors === null ? {} : { errors }),
    since: facts.since,
    startupTime: facts.startupTime,
    worker: facts.worker,
    appId: facts.projectAppId ?? connection.appId,
    source: facts.source,
    ...(activeAlarms.length === 0 ? {} : { activeAlarms }),
  };
}

/** A source that has not said anything yet. */
export function unheard(connection: Connection): NonNullable<ConnectionStatus['source']> {
  return { broker: connection.source.broker, up: false, reason: null };
}

/** Of a connection that has no runtime: never started, or its definition is missing or invalid. */
export function idleStatus(
  id: string,
  name: string,
  reason: string,
  facts: { readonly worker: string; readonly since: string; readonly errors?: readonly FieldError[] },
): ConnectionStatus {
  const { worker, since, errors } = facts;
  return {
    id,
    name,
    state: 'CLOSED',
    reason,
    ...(errors === undefined ? {} : { errors }),
    since,
    startupTime: null,
    worker,
    appId: null,
    source: null,
  };
}

export function isoNow(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
