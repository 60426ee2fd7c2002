// The users: listed, added, deleted. For administrators.
import { type ReactNode, useRef, useState } from 'react';
import type { Role } from '../../../domain/access.ts';
import { useAddUser, useRemoveUser, useUsers } from '../../api/access.ts';
import { ApiError } from '../../api/call.ts';
import { useDraft } from '../../forms/draft.ts';
import { useFirstWrong } from '../../forms/first-wrong.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { TextField } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { RoleField } from './role-field.tsx';

const words = text.access;
const SECRETS = ['password'];

export function UsersPanel({ denial }: { readonly denial: string | null }): ReactNode {
  const query = useUsers(denial === null);
  const remove = useRemoveUser();
  const [removing, setRemoving] = useState<string | null>(null);
  return (
    <Panel title={words.users}>
      {denial !== null ? (
        <p className="muted">{denial}</p>
      ) : query.data === undefined ? (
        <LoadNotice state={query} />
      ) : query.data.length === 0 ? (
        <p>{words.noUsers}</p>
      ) : (
        <ul className="grants">
          {query.data.map(({ name, role, changedAt }) => (
            <li key={name}>
              <strong>{name}</strong>
              <span className="badge none">{words.roles[role]}</span>
              <span className="muted">
                {words.changedAt} <Ago at={changedAt} />
              </span>
              <span className="grant-end">
                <Button small kind="danger" label={words.removeUser(name)} onPress={() => setRemoving(name)}>
                  {text.common.remove}
                </Button>
              </span>
            </li>
          ))}
        </ul>
      )}
      <AddUser denial={denial} isFirst={query.data?.length === 0} />
      {removing !== null && (
        <Confirm
          title={words.removeUserTitle}
          action={text.common.remove}
          isDangerous
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            await remove.mutateAsync(removing);
            notify(words.userRemoved(removing));
          }}
        >
          {words.removeUserQuestion(removing)}
        </Confirm>
      )}
    </Panel>
  );
}

function AddUser({ denial, isFirst }: { readonly denial: string | null; readonly isFirst: boolean }): ReactNode {
  const draft = useDraft('user', SECRETS);
  const [name, password] = [String(draft.values.name ?? ''), String(draft.values.password ?? '')];
  const chosen = (draft.values.role ?? 'viewer') as Role;
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const [attempts, setAttempts] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  useFirstWrong(form, attempts);
  const add = useAddUser();
  const role = isFirst ? 'admin' : chosen;
  const send = async (): Promise<void> => {
    setRefusal(null);
    try {
      await add.mutateAsync({ name: name.trim(), role, password });
      notify(words.userAdded(name.trim()));
      draft.clear();
    } catch (error) {
      setRefusal(error instanceof ApiError ? error : new ApiError(0, 'failed', String(error)));
      setAttempts((count) => count + 1);
    }
  };
  const isTold = refusal?.about('name') ?? refusal?.about('password') ?? null;
  return (
    <form
      ref={form}
      className="grant-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <TextField
        label={words.name}
        name="name"
        value={name}
        error={refusal?.about('name') ?? null}
        onChange={(typed) => draft.set('name', typed)}
      />
      <TextField
        label={words.password}
        name="password"
        kind="password"
        hint={words.passwordHint}
        value={password}
        error={refusal?.about('password') ?? null}
        onChange={(typed) => draft.set('password', typed)}
      />
      <RoleField label={words.role} value={role} onChange={(next) => draft.set('role', next)} />
      <div className="grant-action">
        {refusal !== null && isTold === null && (
          <p className="field-error" role="alert">
            {refusal.message}
          </p>
        )}
        <Button
          type="submit"
          deniedBecause={denial}
          isDisabled={name.trim() === '' || password === '' || add.isPending}
        >
          {words.addUser}
        </Button>
      </div>
    </form>
  );
}
