// Settings of the bridge itself: who may do what, with which tokens; the language; the state of the keys; who changed what.
import type { ReactNode } from 'react';
import { useAudit, useKeys } from '../../api/access.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Moment } from '../../ui/time.tsx';
import { LanguagePanel } from './language-panel.tsx';
import { TokensPanel } from './tokens-panel.tsx';
import { UsersPanel } from './users-panel.tsx';
import './settings.css';

const words = text.access;

export function SettingsPage(): ReactNode {
  const denial = useDenial('admin');
  return (
    <>
      <div className="page-head">
        <h1>{text.nav.settings}</h1>
      </div>
      <UsersPanel denial={denial} />
      <TokensPanel />
      <LanguagePanel />
      <KeysPanel denial={denial} />
      <AuditPanel denial={denial} />
    </>
  );
}

function KeysPanel({ denial }: { readonly denial: string | null }): ReactNode {
  const query = useKeys(denial === null);
  if (denial !== null) return <Denied title={words.keys} denial={denial} />;
  const keys = query.data;
  return (
    <Panel title={words.keys}>
      {keys === undefined ? (
        <LoadNotice state={query} />
      ) : (
        <dl className="pairs">
          <dt>{words.keyId}</dt>
          <dd className="mono">{keys.keyId}</dd>
          <dt>{words.formerKeys}</dt>
          <dd className="mono">{keys.formerIds.length === 0 ? words.noFormerKeys : keys.formerIds.join(', ')}</dd>
          <dt>{words.keyOrigin}</dt>
          <dd>{keys.isGenerated ? words.keyGenerated : words.keyConfigured}</dd>
          <dt>{words.definitions}</dt>
          <dd>
            {Object.keys(keys.definitions).length === 0
              ? text.common.none
              : Object.entries(keys.definitions)
                  .map(([key, count]) => `${key}: ${formatCount(count)}`)
                  .join(', ')}
          </dd>
        </dl>
      )}
    </Panel>
  );
}

function AuditPanel({ denial }: { readonly denial: string | null }): ReactNode {
  const query = useAudit(denial === null);
  if (denial !== null) return <Denied title={words.audit} denial={denial} />;
  const entries = query.data?.pages.flat() ?? [];
  return (
    <Panel title={words.audit}>
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : entries.length === 0 ? (
        <p className="muted">{words.noAudit}</p>
      ) : (
        <ul className="grants">
          {entries.map(({ id, time, who, action, target, outcome, from, detail }) => (
            <li key={id}>
              <Moment at={time} />
              <span className={`badge ${outcome === 'done' ? 'none' : 'bad'}`}>
                {outcome === 'done' ? words.done : words.refused}
              </span>
              <strong>{[action, target].filter((part) => part !== null).join(' ')}</strong>
              <span className="muted">{words.by(who, from ?? '')}</span>
              {detail !== null && <span className="muted grant-secret">{detail}</span>}
            </li>
          ))}
        </ul>
      )}
      {query.hasNextPage && (
        <Button isDisabled={query.isFetchingNextPage} onPress={() => void query.fetchNextPage()}>
          {text.events.older}
        </Button>
      )}
    </Panel>
  );
}

function Denied({ title, denial }: { readonly title: string; readonly denial: string }): ReactNode {
  return (
    <Panel title={title}>
      <p className="muted">{denial}</p>
    </Panel>
  );
}
