// A connection: its state and why, what happened, where its uplinks are, how much of HERE it uses, and its settings.
import { useNavigate, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useConnection } from '../../api/connections.ts';
import { useDenial } from '../../api/session.ts';
import { text } from '../../text/text.ts';
import { ConnectionPlaces } from '../../ui/connection-head.tsx';
import { LoadNotice } from '../../ui/panel.tsx';
import { StateMenu } from '../../ui/state-menu.tsx';
import { DownlinkPanel } from './downlink-panel.tsx';
import { EventsPanel } from './events-panel.tsx';
import { HerePanel } from './here-panel.tsx';
import { LedgerPanel } from './ledger-panel.tsx';
import { MetricsPanel } from './metrics-panel.tsx';
import { SettingsPanel } from './settings-panel.tsx';
import { UsagePanel } from './usage-panel.tsx';
import './connection.css';

const words = text.connection;

export function ConnectionPage(): ReactNode {
  const { id } = useParams({ from: '/connections/$id' });
  const navigate = useNavigate();
  const query = useConnection(id);
  const denial = useDenial('operator');
  if (query.data === undefined) return <LoadNotice state={query} />;
  const { connection, etag } = query.data;
  const { name, active, state, reason, configuration, ledger } = connection;
  const description = typeof configuration.description === 'string' ? configuration.description : '';
  return (
    <>
      <div className="page-head">
        <div>
          <h1>
            <bdi>{name}</bdi>
          </h1>
          {description !== '' && <p className="muted connection-description">{description}</p>}
        </div>
        <div className="page-end">
          <StateMenu
            denial={denial}
            id={id}
            name={name}
            active={active}
            state={state}
            onDeleted={() => void navigate({ to: '/connections' })}
          />
        </div>
      </div>
      <ConnectionPlaces id={id} />
      {reason !== null && (
        <p className={`banner ${state === 'OPENED' ? 'warn' : 'bad'}`} role="status">
          {reason}
        </p>
      )}
      <div className="banner">
        <p>{words.help}</p>
        <p className="help-links">
          <a href="#downlink">{text.downlink.title}</a>
          <a href="#settings">{text.settings.basic}</a>
          <a href="/docs">{text.about.api}</a>
        </p>
      </div>
      <EventsPanel id={id} />
      <MetricsPanel id={id} />
      {ledger === null ? <p className="muted">{words.noLedger}</p> : <LedgerPanel id={id} ledger={ledger} />}
      <UsagePanel connection={connection} />
      {state === 'OPENED' && <HerePanel connection={connection} />}
      <DownlinkPanel id={id} />
      <SettingsPanel key={id} connection={connection} etag={etag} />
    </>
  );
}
