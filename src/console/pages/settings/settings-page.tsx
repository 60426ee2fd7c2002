// Settings of the bridge itself: who may do what, with which tokens; the language; the state of the keys; who changed what.
import type { ReactNode } from 'react';
import { useKeys } from '../../api/access.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, text } from '../../text/text.ts';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { AuditPanel } from './audit-panel.tsx';
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
      {denial === null ? <AuditPanel /> : <Denied title={words.audit} anchor="audit" denial={denial} />}
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

interface DeniedProps {
  readonly title: string;
  readonly denial: string;
  readonly anchor?: string;
}

function Denied({ denial, ...panel }: DeniedProps): ReactNode {
  return (
    <Panel {...panel}>
      <p className="muted">{denial}</p>
    </Panel>
  );
}
