// The account: it logs in at HERE, and one of its projects is chosen.
import { type ReactNode, useState } from 'react';
import { type Project, useListProjects } from '../../api/here.ts';
import { useDenial } from '../../api/session.ts';
import type { Draft } from '../../forms/draft.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { PasswordField } from './password-again.tsx';
import { TriedForm } from './tried-form.tsx';
import { typedIn } from './wizard.ts';

const words = text.wizard;

export function AccountStep({ draft, onNext }: { readonly draft: Draft; readonly onNext: () => void }): ReactNode {
  const list = useListProjects();
  const denial = useDenial('operator');
  const [isPressed, setPressed] = useState(false);
  const email = typedIn(draft.values, 'email');
  const password = typedIn(draft.values, 'password');
  const missing = (value: string): string | null =>
    isPressed && value.trim() === '' ? text.form.faults.required : null;
  const ask = (): void => {
    setPressed(true);
    if (email.trim() !== '' && password !== '') list.mutate({ email: email.trim(), password });
  };
  const change = (name: string, value: string): void => {
    draft.set(name, value);
    draft.set('appId', '');
    list.reset();
  };
  const guarded: Draft = { ...draft, set: (name, value) => change(name, String(value)) };
  return (
    <TriedForm
      onTry={ask}
      action={words.logIn}
      trying={words.loggingIn}
      isTrying={list.isPending}
      isTried={list.data !== undefined}
      denial={denial}
      outcome={
        <>
          {list.error !== null && <p className="banner bad">{list.error.message}</p>}
          {list.data?.length === 0 && <p className="banner warn">{words.noProjects}</p>}
          {list.data !== undefined && list.data.length > 0 && (
            <Projects projects={list.data} chosen={typedIn(draft.values, 'appId')} draft={draft} />
          )}
        </>
      }
      wayOn={
        <Button
          kind="primary"
          isDisabled={list.data === undefined || typedIn(draft.values, 'appId') === ''}
          onPress={onNext}
        >
          {words.next}
        </Button>
      }
    >
      <p className="muted">{words.accountHint}</p>
      <TextField
        label={text.wizard.email}
        name="email"
        kind="email"
        isRequired
        autoFocus
        value={email}
        error={missing(email)}
        onChange={(value) => change('email', value)}
      />
      <PasswordField draft={guarded} error={missing(password)} />
    </TriedForm>
  );
}

interface ProjectsProps {
  readonly projects: readonly Project[];
  readonly chosen: string;
  readonly draft: Draft;
}

function Projects({ projects, chosen, draft }: ProjectsProps): ReactNode {
  return (
    <fieldset className="wizard-projects">
      <legend>{words.loggedIn}</legend>
      {projects.map(({ appId, projectName, isExpired, devicesLeft }) => (
        <label key={appId}>
          <input
            type="radio"
            name="project"
            value={appId}
            checked={chosen === appId}
            disabled={isExpired}
            onChange={() => {
              draft.set('appId', appId);
              draft.set('projectName', projectName);
            }}
          />
          <span>
            <strong>{projectName}</strong> <span className="mono">{appId}</span>{' '}
            <span className="muted">
              {isExpired ? text.test.expired : devicesLeft === null ? '' : text.test.left(formatCount(devicesLeft))}
            </span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
