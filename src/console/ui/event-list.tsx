// Events in a list: when, how bad, and in plain words what and what to do.
import type { ReactNode } from 'react';
import type { BridgeEvent } from '../../domain/events.ts';
import { formatCount, text } from '../text/text.ts';
import { Moment } from './time.tsx';
import './event-list.css';

const BADGE = { info: '', warning: 'warn', error: 'bad' } as const;

export interface EventListProps {
  readonly events: readonly BridgeEvent[];
  /** Names the connection of each; absent: they are all of one. */
  readonly nameOf?: (connectionId: string) => ReactNode;
}

export function EventList({ events, nameOf }: EventListProps): ReactNode {
  return (
    <ol className="event-list">
      {events.map((event) => (
        <li key={event.id}>
          <span className="event-time">
            <Moment at={event.time} />
          </span>
          <span className={`badge ${BADGE[event.severity]}`}>{text.events.severities[event.severity]}</span>
          <span className="event-words">
            {nameOf !== undefined && event.connectionId !== null && <>{nameOf(event.connectionId)} </>}
            {event.message}
            {event.count > 1 && <span className="muted"> ({text.events.times(formatCount(event.count))})</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
