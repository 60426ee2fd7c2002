// What a connection's source tells of itself, as the status shows it, with the events that a person should hear.
import type { ConnectionStatus } from '../domain/connection.ts';
import type { EventKind, EventSink, NewEvent } from '../domain/events.ts';
import type { SourceGap, SourceStatus } from '../domain/ports/broker.ts';

const AGAIN = 'It is tried again; if it stays so, look whether it runs, and at its address and credentials.';
const FATAL =
  'That does not pass by itself: mend it. It is tried again about once a minute; a restart of the connection tries at once.';

const OF_TOPIC =
  'It is looked for all the time, and read from its beginning once it is there; other topics are read meanwhile.';

export class SourceNews {
  readonly #connectionId: string;
  readonly #events: EventSink;
  #state: ConnectionStatus['source'] = null;
  /** What was said to be down; null: nothing. */
  #downTold: string | null = null;

  constructor(connectionId: string, events: EventSink) {
    this.#connectionId = connectionId;
    this.#events = events;
  }

  /** Null before the first word. */
  get state(): ConnectionStatus['source'] {
    return this.#state;
  }

  reset(): void {
    this.#state = null;
    this.#downTold = null;
  }

  heard(status: SourceStatus, broker: string): void {
    if (status.kind === 'up') {
      if (this.#downTold !== null) this.#emit('sourceUp', 'info', `${this.#downTold} is back.`);
      this.#downTold = null;
      if (status.sessionLost) {
        this.#emit(
          'sessionLost',
          'warning',
          `The broker "${broker}" no longer had the session of this connection: uplinks that it queued meanwhile may be lost. Look at its persistence and session expiry.`,
        );
      }
      this.#state = { broker, up: true, reason: null };
    } else if (status.kind === 'down') {
      const what = `${status.topic === undefined ? 'The' : `The topic "${status.topic}" on the`} broker "${broker}"`;
      this.#downTold = what;
      const hint = status.fatal ? FATAL : status.topic === undefined ? AGAIN : OF_TOPIC;
      this.#emit(
        'sourceDown',
        status.fatal ? 'error' : 'warning',
        `${what} cannot be read: ${status.reason.replace(/[\s.]+$/, '')}. ${hint}`,
      );
      this.#state = { broker, up: false, reason: status.reason };
    } else this.#state = { broker, up: false, reason: 'Paused: the journal takes no more for now.' };
  }

  #emit(kind: EventKind, severity: NewEvent['severity'], message: string): void {
    this.#events.emit({ kind, severity, connectionId: this.#connectionId, message });
  }
}

/** Of records that Kafka deleted before they were read. */
export function gapNews(connectionId: string, broker: string, gap: SourceGap): NewEvent {
  const { topic, partition, from, to, isAnother } = gap;
  const isAnew = isAnother || to < from;
  const where = `the topic "${topic}" on broker "${broker}"`;
  return {
    kind: 'uplinksMissed',
    severity: 'error',
    connectionId,
    key: isAnother ? topic : `${topic}:${partition}`,
    ...(isAnew ? {} : { count: to - from }),
    message: isAnother
      ? `Somebody has deleted ${where} and made it anew: what of the former one was not read yet is lost. The new one is read from its first record.`
      : isAnew
        ? `Partition ${partition} of ${where} ends before what was read already: it was made anew, or its cluster has lost records. Reading begins at its first record.`
        : `${to - from} records of partition ${partition} of ${where} (offsets ${from} to ${to - 1}) were deleted by its retention before they were read. Keep them longer than an outage may last.`,
  };
}
