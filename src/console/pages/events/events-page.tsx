// All events, the latest first, by how bad they are.
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { BridgeEvent } from '../../../domain/events.ts';
import { useConnectionName } from '../../api/connections.ts';
import { useEvents } from '../../api/events.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { EventList } from '../../ui/event-list.tsx';
import { Empty, LoadNotice } from '../../ui/panel.tsx';

const words = text.events;
const SEVERITIES = ['info', 'warning', 'error'] as const satisfies readonly BridgeEvent['severity'][];

export function EventsPage(): ReactNode {
  const [severity, setSeverity] = useState<BridgeEvent['severity'] | ''>('');
  const query = useEvents(severity === '' ? {} : { severities: [severity] });
  const events = query.data?.pages.flatMap((page) => page.events) ?? [];
  return (
    <>
      <div className="page-head">
        <h1>{words.title}</h1>
      </div>
      <div className="filters">
        <label className="field">
          <span className="field-label">{words.severity}</span>
          <select
            className="input"
            value={severity}
            onChange={(event) => setSeverity(event.target.value as BridgeEvent['severity'] | '')}
          >
            <option value="">{text.common.all}</option>
            {SEVERITIES.map((each) => (
              <option key={each} value={each}>
                {words.severities[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : events.length === 0 ? (
        <Empty title={words.none} />
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

function Named({ id }: { readonly id: string }): ReactNode {
  return (
    <Link to="/connections/$id" params={{ id }} title={id}>
      <bdi>{useConnectionName(id)}</bdi>
    </Link>
  );
}
