// The form of a new broker: tried until it answers, then added.
import { type ReactNode, useState } from 'react';
import { Switch } from 'react-aria-components/Switch';
import { useAddBroker, useTestBroker } from '../../api/brokers.ts';
import { ApiError } from '../../api/call.ts';
import { useDenial } from '../../api/session.ts';
import type { Draft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { brokerOf, fieldOf, isSecured, KINDS, kindOf, MECHANISMS, readAddress, suggestedName } from './new-broker.ts';
import { TriedForm } from './tried-form.tsx';
import { typedIn } from './wizard.ts';

const words = text.wizard;

export interface BrokerFormProps {
  readonly draft: Draft;
  readonly onBack: () => void;
  readonly onAdded: (name: string) => void;
}

export function BrokerForm({ draft, onBack, onAdded }: BrokerFormProps): ReactNode {
  const test = useTestBroker();
  const add = useAddBroker();
  const denial = useDenial('admin');
  const [isPressed, setPressed] = useState(false);
  const [hadPassword] = useState(typedIn(draft.values, 'brokerPassword') !== '');
  const typed = (name: string): string => typedIn(draft.values, name);
  const kind = kindOf(draft.values);
  const change = (name: string, value: string | boolean): void => {
    draft.set(name, value);
    test.reset();
    add.reset();
  };
  const changeAddress = (value: string): void => {
    const read = readAddress(value);
    change('brokerAddress', read.address);
    if (read.kind !== undefined) change('brokerKind', read.kind);
    if (read.tls !== undefined) change('brokerTls', read.tls);
  };
  const complaints = complaintsOf(test.data?.steps.flatMap(({ errors = [] }) => errors) ?? [], add.error);
  const isMissing = typed('brokerAddress').trim() === '';
  const about = (name: string): string | null => complaints.get(name) ?? null;
  const needsPassword = typed('brokerUser') !== '' && typed('brokerPassword') === '' && !hadPassword;
  return (
    <TriedForm
      onTry={() => {
        setPressed(true);
        if (!isMissing) test.mutate(brokerOf(draft.values));
      }}
      action={words.brokerTest}
      trying={words.brokerTesting}
      isTrying={test.isPending}
      isTried={test.data?.ok === true}
      denial={denial}
      outcome={
        <>
          {test.error !== null && <p className="banner bad">{test.error.message}</p>}
          {test.data?.steps
            .filter(({ result }) => result === 'failed')
            .map(({ step, message }) => (
              <p key={step} className="banner bad">
                {message}
              </p>
            ))}
          {test.data?.ok === true && <p className="banner good">{words.brokerAnswers}</p>}
          {add.error !== null && <p className="banner bad">{add.error.message}</p>}
        </>
      }
      wayOn={
        <>
          <Button onPress={onBack}>{words.back}</Button>
          <Button
            kind="primary"
            isDisabled={test.data?.ok !== true || add.isPending}
            onPress={() =>
              add.mutate(brokerOf(draft.values), {
                onSuccess: ({ name }) => {
                  notify(words.brokerAdded(name));
                  onAdded(name);
                },
              })
            }
          >
            {words.addBroker}
          </Button>
        </>
      }
    >
      <Choice label={words.brokerKind} name="brokerKind" value={kind} onChange={change}>
        {KINDS.map((each) => [each, words.brokerKinds[each]])}
      </Choice>
      <TextField
        label={words.brokerAddress}
        name="brokerAddress"
        isRequired
        info={words.brokerAddressInfo}
        placeholder={words.brokerAddressExamples[kind]}
        value={typed('brokerAddress')}
        error={isPressed && isMissing ? text.form.faults.required : about('brokerAddress')}
        onChange={changeAddress}
      />
      <Switch
        className="switch"
        isSelected={isSecured(draft.values)}
        onChange={(isSelected) => change('brokerTls', isSelected)}
      >
        <span className="switch-track" aria-hidden="true" />
        {words.brokerTls}
      </Switch>
      {isSecured(draft.values) && (
        <TextField
          label={words.brokerCa}
          name="brokerCa"
          kind="long"
          info={words.brokerCaInfo}
          placeholder="-----BEGIN CERTIFICATE-----"
          value={typed('brokerCa')}
          error={about('brokerCa')}
          onChange={(value) => change('brokerCa', value)}
        />
      )}
      <TextField
        label={text.logIn.name}
        name="brokerUser"
        value={typed('brokerUser')}
        error={about('brokerUser')}
        onChange={(value) => change('brokerUser', value)}
      />
      <TextField
        label={words.brokerPassword}
        name="brokerPassword"
        kind="password"
        value={typed('brokerPassword')}
        error={about('brokerPassword')}
        {...(needsPassword ? { hint: words.passwordAgain } : {})}
        onChange={(value) => change('brokerPassword', value)}
      />
      {kind === 'kafka' && typed('brokerUser') !== '' && (
        <Choice
          label={words.brokerMechanism}
          name="brokerMechanism"
          value={typed('brokerMechanism') || MECHANISMS[0]}
          onChange={change}
        >
          {MECHANISMS.map((each) => [each, each.toUpperCase()])}
        </Choice>
      )}
      <TextField
        label={words.brokerName}
        name="brokerName"
        info={words.brokerNameInfo}
        placeholder={suggestedName(typed('brokerAddress'))}
        value={typed('brokerName')}
        error={about('brokerName')}
        onChange={(value) => change('brokerName', value)}
      />
    </TriedForm>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly onChange: (name: string, value: string) => void;
  /** Value and words of each. */
  readonly children: readonly (readonly [string, string])[];
}

function Choice({ label, name, value, onChange, children }: ChoiceProps): ReactNode {
  return (
    <div className="field">
      <label className="field-label" htmlFor={name}>
        {label}
      </label>
      <select id={name} className="input" value={value} onChange={(event) => onChange(name, event.target.value)}>
        {children.map(([each, said]) => (
          <option key={each} value={each}>
            {said}
          </option>
        ))}
      </select>
    </div>
  );
}

/** By the field of the form that each is about. */
function complaintsOf(
  tested: readonly { readonly pointer: string; readonly message: string }[],
  refused: Error | null,
): ReadonlyMap<string, string> {
  const all = [...tested, ...(refused instanceof ApiError ? refused.fields : [])];
  return new Map(
    all.flatMap(({ pointer, message }) => {
      const field = fieldOf(pointer);
      return field === null ? [] : [[field, message] as const];
    }),
  );
}
