// The latest events of a connection.
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useLatestEvents } from '../../api/events.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { EventList } from '../../ui/event-list.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';

const FEW = 5;
const MORE = 50;

export function EventsPanel({ id }: { readonly id: string }): ReactNode {
  const [limit, setLimit] = useState(FEW);
  const events = useLatestEvents(id, limit);
  const words = text.events;
  const end =
    events.data !== undefined && events.data.length === FEW && limit === FEW ? (
      <Button small onPress={() => setLimit(MORE)}>
        {words.more}
      </Button>
    ) : undefined;
  return (
    <Panel title={words.title} {...(end === undefined ? {} : { end })}>
      {events.data === undefined ? (
        <LoadNotice state={events} />
      ) : events.data.length === 0 ? (
        <p className="muted">{words.none}</p>
      ) : (
        <>
          <EventList events={events.data} />
          <p>
            <Link to="/events" search={{ connection: id }}>
              {words.all}
            </Link>
          </p>
        </>
      )}
    </Panel>
  );
}
