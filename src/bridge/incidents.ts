// The store's incidents as log lines and events; those of the opening store wait until there is an event log.
import type { EventSink, NewEvent } from '../domain/events.ts';
import type { Logger } from '../ops/logger.ts';
import type { StoreIncident } from '../store/incidents.ts';

export class Incidents {
  readonly #logger: Logger;
  #waiting: NewEvent[] = [];
  #events: EventSink | null = null;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  readonly report = (incident: StoreIncident): void => {
    const { kind, connectionId, message } = incident;
    if (kind === 'tornTail' || kind === 'upkeepFailed') {
      this.#logger.warn({ incident: kind, connectionId: connectionId ?? undefined }, message);
      return;
    }
    const event = eventOf(incident);
    if (this.#events === null) this.#waiting.push(event);
    else this.#events.emit(event);
  };

  tellBy(events: EventSink): void {
    this.#events = events;
    for (const event of this.#waiting.splice(0)) events.emit(event);
  }
}

function eventOf(incident: StoreIncident): NewEvent {
  const { kind, connectionId, message } = incident;
  switch (kind) {
    case 'deadLettersDropped':
      // One event may stand for the reports of an hour, whose letters it counts; its words are those of the last one.
      return { kind, severity: 'error', connectionId, message, count: incident.dropped };
    case 'deadLettersNearlyFull':
    case 'deadLettersAgeing':
      return { kind, severity: 'warning', connectionId, message };
    default:
      return { kind: 'storeSetAside', severity: 'error', connectionId, key: kind, message };
  }
}
