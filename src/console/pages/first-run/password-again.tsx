// After a reload the password is gone: it is asked for where it is needed.
import type { ReactNode } from 'react';
import type { Draft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { TextField } from '../../ui/field.tsx';

export interface PasswordFieldProps {
  readonly draft: Draft;
  readonly hint?: string;
  readonly error?: string | null;
}

export function PasswordField({ draft, hint, error }: PasswordFieldProps): ReactNode {
  return (
    <TextField
      label={text.logIn.password}
      name="password"
      kind="password"
      isRequired
      value={String(draft.values.password ?? '')}
      onChange={(value) => draft.set('password', value)}
      {...(hint === undefined ? {} : { hint })}
      {...(error === undefined ? {} : { error })}
    />
  );
}
