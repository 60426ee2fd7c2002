// Ends sessions at brokers of which nothing is read: those of a connection that is deleted, or was.
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Session } from './session-records.ts';

export interface SessionEndOptions {
  readonly connectionId: string;
  /** Null for a name that the worker's configuration does not have. */
  readonly broker: (name: string) => Broker | null;
  readonly events: EventSink;
  readonly clock: Clock;
  /** For one try; tries repeat from 5 s up to 10 min apart. 10 s by default. */
  readonly clearTimeoutMs?: number;
  /** Asked before each session; false: it may be another's by now, under the same name. */
  readonly mayTry?: () => boolean;
  /** Fewer are left. */
  readonly onLeft?: (left: readonly Session[]) => void;
}

const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 600_000;

/** Tries each that it may once, then those whose broker is away for as long as `signal` allows. Returns those that are left. */
export async function endSessions(
  options: SessionEndOptions,
  sessions: readonly Session[],
  signal: AbortSignal,
): Promise<readonly Session[]> {
  let left = sessions;
  let waitMs = FIRST_RETRY_MS;
  while (left.length > 0) {
    const before = left.length;
    left = await tryAll(options, left);
    if (left.length < before) options.onLeft?.(left);
    if (left.length === 0 || signal.aborted) break;
    await pause(options.clock, waitMs, signal);
    waitMs = Math.min(LAST_RETRY_MS, waitMs * 2);
  }
  return left;
}

async function tryAll(options: SessionEndOptions, sessions: readonly Session[]): Promise<Session[]> {
  const left: Session[] = [];
  for (const session of sessions) {
    if (options.mayTry?.() === false) {
      left.push(session);
      continue;
    }
    const broker = options.broker(session.broker);
    const why = broker === null ? 'its broker is no longer configured' : await clear(options, broker, session);
    if (why === null) continue;
    options.events.emit({
      kind: 'sourceDown',
      severity: 'warning',
      connectionId: options.connectionId,
      key: `purge:${session.generation}`,
      message: `The session "${session.clientId}" of the deleted connection on broker "${session.broker}" could not be ended: ${why}.`,
    });
    // Without a broker there is nothing to try again.
    if (broker !== null) left.push(session);
  }
  return left;
}

async function clear(options: SessionEndOptions, broker: Broker, session: Session): Promise<string | null> {
  const { clientId, topics } = session;
  try {
    const source = broker.openSource(
      { clientId, topics, expectSession: false },
      { onMessages: (_messages, done) => done(new Error('the connection is deleted')), onStatus: () => {} },
    );
    await source.stop();
    await source.clear(options.clearTimeoutMs ?? 10_000);
    return null;
  } catch (error) {
    return describeError(error);
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
