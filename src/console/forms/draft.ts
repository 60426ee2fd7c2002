// What somebody has typed into a form is kept for this tab until it is sent: over a reload, a log-out, a lost connection.
// Passwords are kept in memory only: nothing secret goes into the browser's storage.
import { useCallback, useEffect, useState } from 'react';
import type { FormValues } from './schema.ts';

const PREFIX = 'here-bridge.draft.';

function load(key: string): FormValues {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(PREFIX + key) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as FormValues) : {};
  } catch {
    return {};
  }
}

export interface Draft {
  readonly values: FormValues;
  set(name: string, value: string | boolean): void;
  clear(): void;
}

/** `secrets`: names of fields that are not written down. */
export function useDraft(key: string, secrets: readonly string[]): Draft {
  const [values, setValues] = useState<FormValues>(() => load(key));
  const hidden = secrets.join();
  useEffect(() => {
    const shown = Object.entries(values).filter(([name]) => !hidden.split(',').includes(name));
    if (shown.length === 0) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(Object.fromEntries(shown)));
  }, [key, hidden, values]);
  const set = useCallback(
    (name: string, value: string | boolean) => setValues((old) => ({ ...old, [name]: value })),
    [],
  );
  const clear = useCallback(() => setValues({}), []);
  return { values, set, clear };
}
