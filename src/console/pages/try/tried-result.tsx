// What HERE would get of an uplink: its records, the rule behind each field, or why there is nothing.
import { Fragment, type ReactNode } from 'react';
import type { Tried, TriedField } from '../../api/trial.ts';
import { text } from '../../text/text.ts';
import { Panel } from '../../ui/panel.tsx';
import { PlacePanel } from './place-panel.tsx';
import { RuledRecord } from './ruled-record.tsx';
import './try.css';

const words = text.tryUplink;

export function TriedResult({ tried }: { readonly tried: Tried }): ReactNode {
  const { device, outcome, records, fields, notes } = tried;
  return (
    <>
      {outcome === null ? (
        <p className="banner good">{words.sends(device ?? text.common.unknown, String(records.length))}</p>
      ) : (
        <p className="banner warn">
          {words.sendsNothing(words.outcomes[outcome.kind] ?? outcome.kind, outcome.reason ?? '')}{' '}
          {outcome.detail?.message}
        </p>
      )}
      {notes.length > 0 && (
        <ul className="banner warn try-notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {records.map((record, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: records have no other identity
        <Fragment key={at}>
          <PlacePanel device={device} record={record} fields={fields} />
          <Panel title={words.record}>
            <RuledRecord record={record} fields={fields} />
          </Panel>
        </Fragment>
      ))}
      {fields.length > 0 && (
        <Panel title={words.rules}>
          <div className="try-fields">
            {fields.map((field) => (
              <FieldRow key={field.field} field={field} />
            ))}
          </div>
        </Panel>
      )}
    </>
  );
}

function FieldRow({ field }: { readonly field: TriedField }): ReactNode {
  return (
    <details>
      <summary>
        <code>{field.field}</code>{' '}
        {field.rule === null ? (
          <span className="muted">{words.noRule}</span>
        ) : (
          <>
            <strong>{shown(field.value)}</strong> <span className="muted">{words.by(field.rule)}</span>
          </>
        )}
      </summary>
      {field.passedOver.length > 0 && (
        <ul>
          {field.passedOver.map(({ rule, why }) => (
            <li key={rule}>
              <strong>{rule}</strong>: {why}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

function shown(value: unknown): string {
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  return json === undefined ? '' : json.length > 160 ? `${json.slice(0, 160)}…` : json;
}
