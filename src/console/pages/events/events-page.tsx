// All events, the latest first, narrowed by connection, kind, severity and time.
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useConnectionName } from '../../api/connections.ts';
import { type EventFilter, useEvents } from '../../api/events.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { EventList } from '../../ui/event-list.tsx';
import { Empty, LoadNotice } from '../../ui/panel.tsx';
import { EventFilters } from './event-filters.tsx';
import { type EventSearch, eventSearchOf, SPANS } from './event-search.ts';

const words = text.events;

export function EventsPage(): ReactNode {
  const search = useSearch({ from: '/events' });
  const navigate = useNavigate({ from: '/events' });
  const query = useEvents(filterOf(search));
  const events = query.data?.pages.flatMap((page) => page.events) ?? [];
  return (
    <>
      <div className="page-head">
        <h1>{words.title}</h1>
        <div className="page-end">
          <Link to="/settings" hash="audit" {...(search.connection && { search: { target: search.connection } })}>
            {words.audit}
          </Link>
        </div>
      </div>
      <EventFilters
        search={search}
        onChange={(change) =>
          // What is set later counts, so that one who types two conditions at once keeps both.
          void navigate({
            search: (before) => eventSearchOf({ ...before, ...change }),
            replace: true,
            resetScroll: false,
          })
        }
      />
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : events.length === 0 ? (
        Object.keys(search).length === 0 ? (
          <Empty title={words.none} />
        ) : (
          <Empty title={words.noneFound}>{words.noneFoundHint}</Empty>
        )
      ) : (
        <div className="panel panel-body">
          <EventList events={events} nameOf={(id) => <Named id={id} />} />
          {query.hasNextPage && (
            <Button small isDisabled={query.isFetchingNextPage} onPress={() => void query.fetchNextPage()}>
              {words.older}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

function filterOf(search: EventSearch): EventFilter {
  const { connection, kind, severity, span, from, to } = search;
  return {
    ...(connection === undefined ? {} : { connectionId: connection }),
    ...(kind === undefined ? {} : { kind }),
    ...(severity === undefined ? {} : { severity }),
    ...(span === undefined || span === 'own' ? {} : { spanMs: SPANS[span] }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function Named({ id }: { readonly id: string }): ReactNode {
  return (
    <Link to="/connections/$id" params={{ id }} title={id}>
      <bdi>{useConnectionName(id)}</bdi>
    </Link>
  );
}
