// One field of a form, by its schema: what kind of control asks for it, and what is wrong with what was typed.
import { type ReactNode, useState } from 'react';
import { Switch } from 'react-aria-components/Switch';
import { text } from '../text/text.ts';
import { TextField } from '../ui/field.tsx';
import { InfoTip } from '../ui/info-tip.tsx';
import { type FieldFault, type FieldSchema, faultOf } from './schema.ts';

export interface SchemaFieldProps {
  readonly name: string;
  readonly schema: FieldSchema;
  readonly value: string | boolean;
  readonly isRequired: boolean;
  /** The bridge's own complaint; it stands until the field is changed. */
  readonly refusal: string | null;
  readonly onChange: (value: string | boolean) => void;
  /** Complain about what is missing although nobody was here yet: somebody wants to send the form. */
  readonly isPressed?: boolean;
  readonly autoFocus?: boolean;
  readonly end?: ReactNode;
  readonly placeholder?: string;
}

type TextKind = 'text' | 'email' | 'password' | 'long' | 'number';

export function SchemaField(props: SchemaFieldProps): ReactNode {
  const { name, schema, value, isRequired, refusal, isPressed = false } = props;
  const [wasHere, setWasHere] = useState(false);
  const label = schema.title ?? name;
  if (schema.type === 'boolean') {
    return (
      <div className="field">
        <span className="field-label">
          <Switch className="switch" isSelected={value === true || value === 'true'} onChange={props.onChange}>
            <span className="switch-track" aria-hidden="true" />
            {label}
          </Switch>
          {schema.description !== undefined && <InfoTip about={label}>{schema.description}</InfoTip>}
        </span>
        {refusal !== null && <p className="field-error">{refusal}</p>}
      </div>
    );
  }
  const typed = String(value);
  if (schema.enum !== undefined && schema.enum.length > 0) return <Choice {...props} typed={typed} label={label} />;
  const fault = faultOf(schema, typed, isRequired);
  // What is missing is told when somebody wants to send the form; while one is still typing it would be a nuisance.
  const isTold = isPressed || (wasHere && fault?.kind !== 'required');
  const complaint = refusal ?? (fault !== null && isTold ? explain(fault) : null);
  const placeholder = props.placeholder ?? (schema.default === undefined ? undefined : String(schema.default));
  return (
    <TextField
      label={label}
      name={name}
      kind={kindOf(schema)}
      value={typed}
      onChange={props.onChange}
      onBlur={() => setWasHere(true)}
      isRequired={isRequired}
      error={complaint}
      isValid={complaint === null && fault === null && typed.trim() !== ''}
      info={schema.description}
      placeholder={placeholder}
      autoFocus={props.autoFocus === true}
      {...(props.end === undefined ? {} : { end: props.end })}
    />
  );
}

function Choice(props: SchemaFieldProps & { readonly typed: string; readonly label: string }): ReactNode {
  const { schema, label, typed, refusal } = props;
  return (
    <div className={`field${refusal === null ? '' : ' is-wrong'}`}>
      <span className="field-label">
        <label htmlFor={`choice-${props.name}`}>{label}</label>
        {schema.description !== undefined && <InfoTip about={label}>{schema.description}</InfoTip>}
      </span>
      <select
        id={`choice-${props.name}`}
        className="input"
        aria-invalid={refusal !== null}
        aria-describedby={refusal === null ? undefined : `choice-${props.name}-wrong`}
        value={typed}
        onChange={(event) => props.onChange(event.target.value)}
      >
        <option value="">
          {schema.default === undefined ? text.form.byDefault : text.form.default(String(schema.default))}
        </option>
        {schema.enum?.map((each) => (
          <option key={String(each)} value={String(each)}>
            {String(each)}
          </option>
        ))}
      </select>
      {refusal !== null && (
        <p className="field-error" id={`choice-${props.name}-wrong`}>
          {refusal}
        </p>
      )}
    </div>
  );
}

function kindOf(schema: FieldSchema): TextKind {
  if (schema.type === 'integer' || schema.type === 'number') return 'number';
  if (schema.type === 'object' || schema.type === 'array') return 'long';
  switch (schema['x-control']) {
    case 'password':
      return 'password';
    case 'email':
      return 'email';
    case 'multiline':
      return 'long';
    default:
      return 'text';
  }
}

function explain({ kind, bound = 0 }: FieldFault): string {
  const words = text.form.faults;
  switch (kind) {
    case 'short':
      return words.short(String(bound));
    case 'long':
      return words.long(String(bound));
    case 'least':
      return words.least(String(bound));
    case 'most':
      return words.most(String(bound));
    default:
      return words[kind];
  }
}
