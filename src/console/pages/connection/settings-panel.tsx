// The settings of a connection, each with a pencil: edit, confirm, done. Two people editing at once: the second is told.
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { ConnectionView } from '../../../domain/ports/control.ts';
import { ApiError } from '../../api/call.ts';
import { useAmendConnection } from '../../api/connections.ts';
import { useConnectors } from '../../api/connectors.ts';
import { useDenial } from '../../api/session.ts';
import { type Draft, useDraft } from '../../forms/draft.ts';
import { type FieldSchema, faultOf, sentValue, textOf } from '../../forms/schema.ts';
import { SchemaField } from '../../forms/schema-field.tsx';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { focusIfLost } from '../../ui/focus.ts';
import { PencilIcon } from '../../ui/icons.tsx';
import { InfoTip } from '../../ui/info-tip.tsx';
import { notify } from '../../ui/notices.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';

const words = text.settings;
const SECRETS = ['secret'];
const NAME: FieldSchema = { type: 'string', title: text.create.name, minLength: 1, maxLength: 200 };

interface Setting {
  readonly name: string;
  readonly schema: FieldSchema;
  readonly value: unknown;
  readonly isRequired: boolean;
  /** The merge patch that sets it. */
  readonly patch: (value: unknown) => object;
}

export interface SettingsPanelProps {
  readonly connection: ConnectionView;
  readonly etag: string | null;
}

export function SettingsPanel({ connection, etag }: SettingsPanelProps): ReactNode {
  const connectors = useConnectors();
  // What is edited outlives a reload and a log-out, with the version that was looked at when editing began.
  const draft = useDraft(`settings.${connection.id}`, SECRETS);
  // Somebody else may have logged in meanwhile, who may only look.
  const editing = useDenial('operator') === null ? draft.values.editing : undefined;
  // Whoever goes by keys is where the editing began when it ends.
  const [left, setLeft] = useState<string | null>(null);
  const connector = connectors.data?.find(({ id }) => id === connection.connectorId);
  if (connector === undefined) return <LoadNotice state={connectors} />;
  const schema = connector.connection.configurationSchema;
  const settings: readonly Setting[] = [
    { name: 'name', schema: NAME, value: connection.name, isRequired: true, patch: (value) => ({ name: value }) },
    ...Object.entries(schema.properties).map(([name, field]) => ({
      name,
      schema: field,
      value: connection.configuration[name],
      isRequired: schema.required?.includes(name) === true,
      patch: (value: unknown) => ({ configuration: { [name]: value ?? null } }),
    })),
  ];
  const edit = ({ name, schema: field, value }: Setting): void => {
    draft.clear();
    draft.set('editing', name);
    draft.set('basis', etag ?? '');
    if (field.type === 'boolean') draft.set('typed', (value ?? field.default) === true);
    else if (!isSecret(field)) draft.set('typed', textOf(value));
  };
  const leave = (name: string): void => {
    draft.clear();
    setLeft(name);
  };
  const row = (setting: Setting): ReactNode =>
    editing === setting.name ? (
      <SettingEditor
        key={setting.name}
        connection={connection}
        etag={etag}
        setting={setting}
        draft={draft}
        onLeave={() => leave(setting.name)}
      />
    ) : (
      <SettingRow
        key={setting.name}
        setting={setting}
        isLeft={left === setting.name}
        onEdit={() => {
          setLeft(null);
          edit(setting);
        }}
      />
    );
  const isBasic = ({ name, schema: field }: Setting): boolean => name === 'name' || field['x-group'] !== 'advanced';
  return (
    <>
      <Panel title={words.basic} anchor="settings" note={words.connectionId(connection.id)}>
        <div className="settings">{settings.filter(isBasic).map(row)}</div>
      </Panel>
      <Panel title={words.advanced}>
        <div className="settings">{settings.filter((setting) => !isBasic(setting)).map(row)}</div>
      </Panel>
    </>
  );
}

interface RowProps {
  readonly setting: Setting;
  /** It was edited just now. */
  readonly isLeft: boolean;
  readonly onEdit: () => void;
}

function SettingRow({ setting, isLeft, onEdit }: RowProps): ReactNode {
  const { schema, name, value, isRequired } = setting;
  const denial = useDenial('operator');
  const label = schema.title ?? name;
  const shown = value === undefined ? (schema.default === undefined ? '' : String(schema.default)) : textOf(value);
  return (
    <div className="setting">
      <span className="field-label">
        {label}
        {isRequired && <span aria-hidden="true">*</span>}
        {schema.description !== undefined && <InfoTip about={label}>{schema.description}</InfoTip>}
      </span>
      <div className="field-control">
        <span className={`setting-value${value === undefined ? ' muted' : ''}`}>
          {shown === '' ? text.common.none : shown}
        </span>
        <Button label={text.common.edit(label)} deniedBecause={denial} autoFocus={isLeft} onPress={onEdit}>
          <PencilIcon />
        </Button>
      </div>
    </div>
  );
}

interface EditorProps extends SettingsPanelProps {
  readonly setting: Setting;
  readonly draft: Draft;
  readonly onLeave: () => void;
}

function isSecret(schema: FieldSchema): boolean {
  return schema['x-control'] === 'password';
}

function SettingEditor({ connection, etag, setting, draft, onLeave }: EditorProps): ReactNode {
  const { schema, name, value, isRequired } = setting;
  const field = isSecret(schema) ? 'secret' : 'typed';
  const typed = draft.values[field] ?? '';
  // A change of somebody else's meanwhile is found out.
  const basis = draft.values.basis === '' ? null : String(draft.values.basis);
  const [asking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const amend = useAmendConnection(connection.id);
  const isRight = typeof typed === 'boolean' || faultOf(schema, typed, isRequired) === null;
  const isConflict = refusal?.status === 412 || refusal?.status === 409;
  // The button that was pressed has made room for another: whoever goes by keys goes on there.
  const form = useRef<HTMLFormElement>(null);
  const isSwapped = useRef(isConflict);
  useEffect(() => {
    if (asking || isSwapped.current === isConflict) return;
    isSwapped.current = isConflict;
    focusIfLost(() => form.current?.querySelector<HTMLElement>('.setting-actions .primary'));
  }, [asking, isConflict]);
  const send = async (): Promise<void> => {
    try {
      await amend.mutateAsync({ change: setting.patch(sentValue(schema, typed)), etag: basis });
      notify(words.done(connection.name));
      onLeave();
    } catch (error) {
      setRefusal(error instanceof ApiError ? error : new ApiError(0, 'failed', String(error)));
    }
  };
  const complaint = refusal?.about(name === 'name' ? 'name' : `configuration/${name}`) ?? null;
  return (
    <form
      ref={form}
      className="setting is-edited"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (isRight) setAsking(true);
      }}
    >
      <SchemaField
        name={name}
        schema={schema}
        value={typed}
        isRequired={isRequired}
        refusal={complaint}
        isPressed
        autoFocus
        onChange={(next) => {
          draft.set(field, next);
          setRefusal(null);
        }}
      />
      {refusal !== null && complaint === null && (
        <p className="field-error" role="alert">
          {isConflict ? words.conflict(schema.title ?? name, textOf(value)) : refusal.message}
        </p>
      )}
      <div className="setting-actions">
        <Button small onPress={onLeave}>
          {text.common.cancel}
        </Button>
        {isConflict ? (
          // Keys, so that the click that belongs to this button does not submit the form by way of the other.
          <Button
            key="takeOver"
            small
            kind="primary"
            onPress={() => {
              draft.set('basis', etag ?? '');
              setRefusal(null);
            }}
          >
            {words.takeOver}
          </Button>
        ) : (
          <Button key="confirm" small kind="primary" type="submit" isDisabled={!isRight}>
            {words.confirm}
          </Button>
        )}
      </div>
      {asking && (
        <Confirm title={words.confirmation} action={words.proceed} onClose={() => setAsking(false)} onConfirm={send}>
          {words.question(connection.name)}
        </Confirm>
      )}
    </form>
  );
}
