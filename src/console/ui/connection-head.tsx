// The head of each page about one connection: which one it is, and the way to its other pages.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useConnection } from '../api/connections.ts';
import { text } from '../text/text.ts';

const PLACES = [
  ['/connections/$id', text.connection.overview],
  ['/connections/$id/devices', text.devices.look],
  ['/connections/$id/map', text.nav.map],
  ['/connections/$id/tail', text.tail.title],
  ['/connections/$id/dead-letters', text.nav.deadLetters],
  ['/connections/$id/unknown-devices', text.unknownDevices.look],
] as const;

export function ConnectionPlaces({ id }: { readonly id: string }): ReactNode {
  return (
    <nav className="places" aria-label={text.connection.places}>
      <ul>
        {PLACES.map(([to, label]) => (
          <li key={to}>
            <Link
              to={to}
              params={{ id }}
              // The page of a device belongs to the devices.
              activeOptions={{ exact: to === '/connections/$id' }}
              activeProps={{ 'aria-current': 'page' }}
            >
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export interface ConnectionHeadProps {
  readonly id: string;
  readonly title: string;
  /** The title is an id. */
  readonly isCode?: boolean;
  /** Beside the connection's name. */
  readonly note?: ReactNode;
  readonly end?: ReactNode;
}

export function ConnectionHead({ id, title, isCode = false, note, end }: ConnectionHeadProps): ReactNode {
  const query = useConnection(id);
  return (
    <>
      <div className="page-head">
        <div>
          <h1 className={isCode ? 'mono' : undefined}>{title}</h1>
          <p className="muted head-note">
            <Link to="/connections/$id" params={{ id }}>
              <bdi>{query.data?.connection.name ?? id}</bdi>
            </Link>
            {note !== undefined && <> · {note}</>}
          </p>
        </div>
        {end !== undefined && end !== false && <div className="page-end">{end}</div>}
      </div>
      <ConnectionPlaces id={id} />
    </>
  );
}
