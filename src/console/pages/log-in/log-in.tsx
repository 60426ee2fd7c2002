// Logging in, over whatever page was asked for: what was typed there is kept.
import { type ReactNode, useState } from 'react';
import { useLogIn } from '../../api/session.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import './log-in.css';

const words = text.logIn;

export function LogIn(): ReactNode {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const logIn = useLogIn();
  return (
    <main className="log-in">
      <form
        className="panel panel-body log-in-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          logIn.mutate({ name, password }, { onError: () => setPassword('') });
        }}
      >
        <img src="/ui/icon.svg" alt="" width="44" height="44" />
        <h1>{text.product}</h1>
        <TextField
          label={words.name}
          name="name"
          value={name}
          onChange={setName}
          autoComplete="username"
          autoFocus
          isRequired
        />
        <TextField
          label={words.password}
          name="password"
          kind="password"
          value={password}
          onChange={setPassword}
          autoComplete="current-password"
          isRequired
        />
        {logIn.error !== null && (
          <p className="banner bad" role="alert">
            {logIn.error.message}
          </p>
        )}
        <Button kind="primary" type="submit" isDisabled={logIn.isPending || name === '' || password === ''}>
          {words.action}
        </Button>
        <p className="muted">{words.hint}</p>
      </form>
    </main>
  );
}
