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

function keep(key: string, draft: string | null): void {
  try {
    if (draft === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, draft);
  } catch {
    // The browser's storage is full or forbidden: the draft lives as long as its page. An older one would mislead.
    sessionStorage.removeItem(key);
  }
}

const OWNER = 'here-bridge.drafts-of';

/** Of somebody who has logged out, which empties the browser's storage: in this page's memory alone. */
let held: { readonly owner: string; readonly drafts: ReadonlyMap<string, string> } | null = null;

function keptKeys(): string[] {
  return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
}

/** Before a log-out: the drafts wait for the same person. */
export function holdDrafts(owner: string): void {
  held = { owner, drafts: new Map(keptKeys().map((key) => [key, sessionStorage.getItem(key) ?? ''])) };
}

/** After a log-in: one's own drafts are there again; those of somebody else are gone. */
export function claimDrafts(owner: string): void {
  const former = sessionStorage.getItem(OWNER);
  if (former !== null && former !== owner) for (const key of keptKeys()) sessionStorage.removeItem(key);
  if (held?.owner === owner) for (const [key, draft] of held.drafts) keep(key, draft);
  held = null;
  sessionStorage.setItem(OWNER, owner);
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
    keep(PREFIX + key, shown.length === 0 ? null : JSON.stringify(Object.fromEntries(shown)));
  }, [key, hidden, values]);
  const set = useCallback(
    (name: string, value: string | boolean) => setValues((old) => ({ ...old, [name]: value })),
    [],
  );
  const clear = useCallback(() => setValues({}), []);
  return { values, set, clear };
}
