// API tokens: one's own, for administrators all. A new one is shown once.
import { type ReactNode, useState } from 'react';
import type { Role, TokenView } from '../../../domain/access.ts';
import { useAddToken, useRevokeToken, useTokens } from '../../api/access.ts';
import { useSession } from '../../api/session.ts';
import { useDraft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { TextField } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { RoleField } from './role-field.tsx';

const words = text.access;
const NO_SECRETS: readonly string[] = [];

export function TokensPanel(): ReactNode {
  const query = useTokens();
  const revoke = useRevokeToken();
  const [revoking, setRevoking] = useState<TokenView | null>(null);
  return (
    <Panel title={words.tokens}>
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : query.data.length === 0 ? (
        <p className="muted">{words.noTokens}</p>
      ) : (
        <ul className="grants">
          {query.data.map((token) => (
            <li key={token.id}>
              <strong>{token.name}</strong>
              <span className="badge none">{words.roles[token.role]}</span>
              <span className="muted">
                {token.owner !== null && `${words.owner} ${token.owner} · `}
                {words.expires} {token.expiresAt === null ? text.common.never : <Ago at={token.expiresAt} />}
                {' · '}
                {words.lastUsed} {token.lastUsedAt === null ? text.common.never : <Ago at={token.lastUsedAt} />}
              </span>
              <span className="grant-end">
                <Button small kind="danger" label={words.revoke(token.name)} onPress={() => setRevoking(token)}>
                  {words.revokeShort}
                </Button>
              </span>
            </li>
          ))}
        </ul>
      )}
      <AddToken />
      {revoking !== null && (
        <Confirm
          title={words.revokeTitle}
          action={words.revokeShort}
          isDangerous
          onClose={() => setRevoking(null)}
          onConfirm={async () => {
            await revoke.mutateAsync(revoking.id);
            notify(words.revoked(revoking.name));
          }}
        >
          {words.revokeQuestion(revoking.name)}
        </Confirm>
      )}
    </Panel>
  );
}

function AddToken(): ReactNode {
  const draft = useDraft('token', NO_SECRETS);
  const name = String(draft.values.name ?? '');
  const role = (draft.values.role ?? 'viewer') as Role;
  const [secret, setSecret] = useState<string | null>(null);
  const add = useAddToken();
  const denial = useSession().data?.hasUsers === false ? words.tokensNeedUsers : null;
  const send = (): void =>
    add.mutate(
      { name: name.trim(), role },
      {
        onSuccess: ({ token }) => {
          setSecret(token);
          draft.clear();
        },
      },
    );
  return (
    <>
      {secret !== null && (
        <div className="banner" role="status">
          <p>{words.tokenShown}</p>
          <p className="mono grant-secret">{secret}</p>
          <Button small onPress={() => setSecret(null)}>
            {text.common.close}
          </Button>
        </div>
      )}
      <form
        className="grant-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <TextField
          label={words.tokenName}
          name="token"
          value={name}
          error={add.error?.message ?? null}
          onChange={(next) => {
            draft.set('name', next);
            add.reset();
          }}
        />
        <RoleField label={words.tokenRole} value={role} onChange={(next) => draft.set('role', next)} />
        <div className="grant-action">
          {denial !== null && <p className="muted">{denial}</p>}
          <Button type="submit" deniedBecause={denial} isDisabled={name.trim() === '' || add.isPending}>
            {words.addToken}
          </Button>
        </div>
      </form>
    </>
  );
}
