// A name, what will be created, and creating it.
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useRef, useState } from 'react';
import { attemptKey } from '../../api/attempt.ts';
import { useBrokers } from '../../api/brokers.ts';
import { useCreateConnection } from '../../api/connections.ts';
import { useDenial } from '../../api/session.ts';
import type { Draft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { PasswordField } from './password-again.tsx';
import { definitionOf, typedIn } from './wizard.ts';

const words = text.wizard;

export function NameStep({ draft, onBack }: { readonly draft: Draft; readonly onBack: () => void }): ReactNode {
  const create = useCreateConnection();
  const brokers = useBrokers().data ?? [];
  const denial = useDenial('operator');
  const navigate = useNavigate();
  // The same key for the same attempt: what is sent twice makes one connection.
  const key = useRef(attemptKey());
  const [isPressed, setPressed] = useState(false);
  const typed = (name: string): string => typedIn(draft.values, name);
  const [hadPassword] = useState(typed('password') !== '');
  const isComplete = typed('name').trim() !== '' && typed('password') !== '';
  const usual = brokers.length === 1 ? (brokers[0]?.name ?? '') : words.usualBroker;
  const send = async (): Promise<void> => {
    setPressed(true);
    if (!isComplete) return;
    try {
      const made = await create.mutateAsync({ definition: definitionOf(draft.values), key: key.current });
      draft.clear();
      notify(text.create.done(made.name));
      await navigate({ to: '/connections/$id', params: { id: made.id } });
    } catch {
      // Shown below; another attempt is another one.
      key.current = attemptKey();
    }
  };
  return (
    <form
      className="wizard-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <p className="muted">{words.nameHint}</p>
      <TextField
        label={text.create.name}
        name="name"
        isRequired
        autoFocus
        info={text.create.nameInfo}
        value={typed('name')}
        error={isPressed && typed('name').trim() === '' ? text.form.faults.required : null}
        onChange={(value) => draft.set('name', value)}
      />
      {!hadPassword && <PasswordField draft={draft} hint={words.passwordAgain} />}
      <section aria-label={words.summary}>
        <p className="wizard-found">{words.summary}</p>
        <dl className="pairs">
          <dt>{text.herePanel.account}</dt>
          <dd>{typed('email')}</dd>
          <dt>{words.project}</dt>
          <dd>
            {typed('projectName')} <span className="mono">{typed('appId')}</span>
          </dd>
          <dt>{words.from}</dt>
          <dd>
            {typed('pattern') === '' ? words.usual : <span className="mono">{typed('pattern')}</span>} ·{' '}
            {typed('broker') || usual}
          </dd>
        </dl>
      </section>
      {create.error !== null && (
        <p className="banner bad" role="alert">
          {create.error.message}
        </p>
      )}
      <div className="wizard-actions">
        <Button onPress={onBack}>{words.back}</Button>
        <Button kind="primary" type="submit" deniedBecause={denial} isDisabled={create.isPending}>
          {text.common.create}
        </Button>
      </div>
    </form>
  );
}
