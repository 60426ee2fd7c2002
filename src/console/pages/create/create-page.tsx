// Creating a connection: the connector's tile, then its form.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useRef, useState } from 'react';
import { attemptKey } from '../../api/attempt.ts';
import { ApiError } from '../../api/call.ts';
import { type NewConnection, useCreateConnection } from '../../api/connections.ts';
import { type Connector, useConnectors } from '../../api/connectors.ts';
import { type Credentials, useTestConnection } from '../../api/here.ts';
import { useDenial } from '../../api/session.ts';
import { useDraft } from '../../forms/draft.ts';
import { useFirstWrong } from '../../forms/first-wrong.ts';
import { configurationOf, type FieldSchema, type FormValues, faultOf } from '../../forms/schema.ts';
import { SchemaField } from '../../forms/schema-field.tsx';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { notify } from '../../ui/notices.tsx';
import { LoadNotice } from '../../ui/panel.tsx';
import { ProjectsLookUp } from './projects-look-up.tsx';
import { TestPanel } from './test-panel.tsx';
import './create.css';

const words = text.create;
const NAME: FieldSchema = {
  type: 'string',
  title: words.name,
  description: words.nameInfo,
  minLength: 1,
  maxLength: 200,
};

export function CreatePage(): ReactNode {
  const connectors = useConnectors();
  const { connector } = useSearch({ from: '/connections/new' });
  const navigate = useNavigate();
  if (connectors.data === undefined) return <LoadNotice state={connectors} />;
  const chosen = connectors.data.find(({ id }) => id === connector);
  if (chosen !== undefined) return <CreateForm connector={chosen} />;
  return (
    <>
      <div className="page-head">
        <h1>{words.title}</h1>
      </div>
      <ul className="tiles">
        {connectors.data.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              className="tile"
              onClick={() => navigate({ to: '/connections/new', search: { connector: each.id } })}
            >
              <img src="/ui/here.svg" alt="" width="72" height="48" />
              {each.name}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function CreateForm({ connector }: { readonly connector: Connector }): ReactNode {
  const schema = connector.connection.configurationSchema;
  const fields = Object.entries(schema.properties);
  const secrets = fields.filter(([, field]) => field['x-control'] === 'password').map(([name]) => name);
  const draft = useDraft(`create.${connector.id}`, secrets);
  const [attempts, setAttempts] = useState(0);
  const isPressed = attempts > 0;
  const form = useRef<HTMLFormElement>(null);
  useFirstWrong(form, attempts);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  // The same key for the same attempt: a form that is sent twice makes one connection.
  const key = useRef(attemptKey());
  const create = useCreateConnection();
  const trial = useTestConnection();
  const denial = useDenial('operator');
  const navigate = useNavigate();
  const isRequired = (name: string): boolean => schema.required?.includes(name) === true;
  const typed = (name: string): string | boolean => draft.values[name] ?? '';
  const isComplete =
    faultOf(NAME, String(typed('name')), true) === null &&
    fields.every(
      ([name, field]) => field.type === 'boolean' || faultOf(field, String(typed(name)), isRequired(name)) === null,
    );

  const change = (name: string, value: string | boolean): void => {
    draft.set(name, value);
    setRefusal(null);
    trial.reset();
  };
  const definition = (): NewConnection => {
    const { name, ...values } = draft.values;
    return {
      connectorId: connector.id,
      name: String(name ?? '').trim(),
      configuration: configurationOf(schema, values),
    };
  };
  const tryOut = (): void => {
    setAttempts(attempts + 1);
    if (isComplete) trial.mutate(definition());
  };
  const send = async (): Promise<void> => {
    setAttempts(attempts + 1);
    if (!isComplete) return;
    try {
      const made = await create.mutateAsync({ definition: definition(), key: key.current });
      draft.clear();
      notify(words.done(made.name));
      await navigate({ to: '/connections/$id', params: { id: made.id } });
    } catch (error) {
      key.current = attemptKey();
      setRefusal(error instanceof ApiError ? error : new ApiError(0, 'failed', String(error)));
      setAttempts((count) => count + 1);
    }
  };
  const field = ([name, each]: readonly [string, FieldSchema]): ReactNode => (
    <div key={name}>
      <SchemaField
        name={name}
        schema={each}
        value={each.type === 'boolean' ? (draft.values[name] ?? each.default === true) : typed(name)}
        isRequired={isRequired(name)}
        refusal={refusal?.about(`configuration/${name}`) ?? null}
        isPressed={isPressed}
        onChange={(value) => change(name, value)}
      />
      {each['x-control'] === 'project' && (
        <ProjectsLookUp credentials={credentialsOf(draft.values)} onChoose={(appId) => change(name, appId)} />
      )}
    </div>
  );
  return (
    <form
      ref={form}
      className="create"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <h1 className="visually-hidden">{words.title}</h1>
      <section aria-label={words.type}>
        <p className="create-heading">{words.type}</p>
        <div className="create-type">
          <img src="/ui/here.svg" alt="" width="96" height="64" />
          <div>
            <strong>{connector.name}</strong>
            <p>{connector.description}</p>
          </div>
        </div>
      </section>
      <section aria-label={words.set}>
        <p className="create-heading">{words.set}</p>
        <p className="muted">{words.hint}</p>
        <div className="create-fields">
          <SchemaField
            name="name"
            schema={NAME}
            value={typed('name')}
            isRequired
            refusal={refusal?.about('name') ?? null}
            isPressed={isPressed}
            autoFocus
            onChange={(value) => change('name', value)}
          />
          {fields.filter(([, each]) => each['x-group'] !== 'advanced').map(field)}
          <details>
            <summary>{words.advanced}</summary>
            <div className="create-fields">
              {fields.filter(([, each]) => each['x-group'] === 'advanced').map(field)}
            </div>
          </details>
        </div>
      </section>
      {refusal !== null && (
        <p className="banner bad" role="alert">
          {refusal.message}
        </p>
      )}
      <TestPanel isRunning={trial.isPending} error={trial.error} result={trial.data} />
      <div className="create-actions">
        <Button onPress={() => void navigate({ to: '/connections' })}>{text.common.cancel}</Button>
        <Button deniedBecause={denial} isDisabled={trial.isPending} onPress={tryOut}>
          {text.test.action}
        </Button>
        <Button kind="primary" type="submit" deniedBecause={denial} isDisabled={create.isPending}>
          {text.common.create}
        </Button>
      </div>
    </form>
  );
}

/** Null: email or password is not typed yet. */
function credentialsOf({ email, password, realm, service }: FormValues): Credentials | null {
  const typed = (value: string | boolean | undefined): string => (typeof value === 'string' ? value : '');
  if (typed(email).trim() === '' || typed(password) === '') return null;
  return {
    email: typed(email).trim(),
    password: typed(password),
    ...(typed(realm).trim() === '' ? {} : { realm: typed(realm).trim() }),
    ...(typed(service).trim() === '' ? {} : { service: typed(service).trim() }),
  };
}
