// What a connection's source tells of itself, as the status shows it, with the events that a person should hear.
import type { ConnectionStatus } from '../domain/connection.ts';
import type { EventKind, EventSink, NewEvent } from '../domain/events.ts';
import type { SourceStatus } from '../domain/ports/broker.ts';

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
