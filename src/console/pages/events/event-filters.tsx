// What the events' page is narrowed by: connection, kind, severity and time.
import { type ReactNode, useId } from 'react';
import { EVENT_KINDS } from '../../../domain/events.ts';
import { formatOffset, text } from '../../text/text.ts';
import { ConnectionPicker } from '../../ui/connection-picker.tsx';
import { SelectField } from '../../ui/select-field.tsx';
import { useTyped } from '../../ui/typed.ts';
import { type EventSearch, isBackwards, localOf, momentOf, SEVERITIES } from './event-search.ts';

const words = text.events;
const SPAN_CHOICES = ['hour', 'day', 'week', 'own'] as const;

/** By their names, as one looks for them. */
const KINDS = [...EVENT_KINDS].sort((one, other) => words.kinds[one].localeCompare(words.kinds[other]));

export interface EventFiltersProps {
  readonly search: EventSearch;
  /** What changes; undefined: that condition goes. */
  readonly onChange: (change: { readonly [Name in keyof EventSearch]?: EventSearch[Name] | undefined }) => void;
}

export function EventFilters({ search, onChange }: EventFiltersProps): ReactNode {
  return (
    <search className="filters" aria-label={words.title}>
      <ConnectionPicker value={search.connection} onChange={(connection) => onChange({ connection })} />
      <SelectField
        label={words.kind}
        value={search.kind}
        options={KINDS}
        nameOf={(kind) => words.kinds[kind]}
        onChange={(kind) => onChange({ kind })}
      />
      <SelectField
        label={words.severity}
        value={search.severity}
        options={SEVERITIES}
        nameOf={(severity) => words.severities[severity]}
        onChange={(severity) => onChange({ severity })}
      />
      <SelectField
        label={words.span}
        value={search.span}
        options={SPAN_CHOICES}
        nameOf={(span) => words.spans[span]}
        none={words.spans.any}
        onChange={(span) => onChange({ span })}
      />
      {search.span === 'own' && (
        <>
          <MomentField label={words.from} value={search.from} onChange={(from) => onChange({ from })} />
          <MomentField
            label={words.to}
            value={search.to}
            onChange={(to) => onChange({ to })}
            error={isBackwards(search) ? words.backwards : null}
          />
        </>
      )}
    </search>
  );
}

interface MomentFieldProps {
  readonly label: string;
  /** ISO 8601. */
  readonly value: string | undefined;
  readonly onChange: (value: string | undefined) => void;
  readonly error?: string | null;
}

/** In the viewer's zone, which is told beside it: of that moment, since summer has another offset. */
function MomentField({ label, value, onChange, error = null }: MomentFieldProps): ReactNode {
  const [typed, setTyped] = useTyped(localOf(value), (local) => onChange(momentOf(local)));
  const id = useId();
  return (
    <div className={`field${error === null ? '' : ' is-wrong'}`}>
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className="input"
        type="datetime-local"
        max="9999-12-31T23:59"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        aria-describedby={`${id}-hint`}
        aria-invalid={error !== null}
      />
      <span className="field-hint" id={`${id}-hint`}>
        {words.zone(formatOffset(value ?? Date.now()))}
        {error !== null && <span className="field-error"> {error}</span>}
      </span>
    </div>
  );
}
