// The audit: who changed what, narrowed by who, what, of what and how it ended.
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { type AuditFilter, useAudit } from '../../api/access.ts';
import { formatClock, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { SelectField } from '../../ui/select-field.tsx';
import { Moment } from '../../ui/time.tsx';
import { useTyped } from '../../ui/typed.ts';
import { auditSearchOf } from './audit-search.ts';

const words = text.access;
const OUTCOMES = ['done', 'refused'] as const;

export function AuditPanel(): ReactNode {
  const search = useSearch({ from: '/settings' });
  const query = useAudit(search);
  const entries = query.data?.pages.flat() ?? [];
  const note = query.data === undefined ? undefined : text.common.asOf(formatClock(query.dataUpdatedAt));
  return (
    <Panel title={words.audit} anchor="audit" note={note}>
      <Filters search={search} />
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : entries.length === 0 ? (
        <p className="muted">{Object.keys(search).length === 0 ? words.noAudit : words.noAuditFound}</p>
      ) : (
        <ul className="grants">
          {entries.map(({ id, time, who, action, target, outcome, from, detail }) => (
            <li key={id}>
              <Moment at={time} />
              <span className={`badge ${outcome === 'done' ? 'none' : 'bad'}`}>{words[outcome]}</span>
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

function Filters({ search }: { readonly search: AuditFilter }): ReactNode {
  const navigate = useNavigate({ from: '/settings' });
  const set = (change: { readonly [Name in keyof AuditFilter]?: AuditFilter[Name] | undefined }): void =>
    void navigate({
      search: (before) => auditSearchOf({ ...before, ...change }),
      replace: true,
      resetScroll: false,
      hash: true,
    });
  return (
    <search className="filters" aria-label={words.audit}>
      <Part name="who" value={search.who} hint={words.whoHint} onChange={(who) => set({ who })} />
      <Part name="action" value={search.action} hint={words.actionHint} onChange={(action) => set({ action })} />
      <Part name="target" value={search.target} hint={words.targetHint} onChange={(target) => set({ target })} />
      <SelectField
        label={words.outcome}
        value={search.outcome}
        options={OUTCOMES}
        nameOf={(outcome) => words[outcome]}
        onChange={(outcome) => set({ outcome })}
      />
    </search>
  );
}

interface PartProps {
  readonly name: 'who' | 'action' | 'target';
  readonly value: string | undefined;
  readonly hint: string;
  readonly onChange: (value: string) => void;
}

function Part({ name, value = '', hint, onChange }: PartProps): ReactNode {
  const [typed, setTyped] = useTyped(value, (words) => onChange(words.trim()));
  return (
    <TextField label={words[name]} name={name} kind="search" value={typed} onChange={setTyped} placeholder={hint} />
  );
}
