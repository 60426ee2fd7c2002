// The state of a connection in its colour; never by colour alone.
import type { ReactNode } from 'react';
import type { ConnectionState } from '../../domain/connection.ts';
import { text } from '../text/text.ts';

const KIND: Readonly<Record<ConnectionState, 'good' | 'warn' | 'bad' | 'none'>> = {
  OPENED: 'good',
  OPENING: 'warn',
  AUTHENTICATING: 'warn',
  CLOSING: 'warn',
  CLOSED: 'bad',
  AUTHENTICATION_FAILED: 'bad',
  UNREACHABLE: 'bad',
  DEACTIVATED: 'none',
};
const MARK = { good: '●', warn: '◐', bad: '▲', none: '○' } as const;

export function StateBadge({ state }: { readonly state: ConnectionState }): ReactNode {
  const kind = KIND[state];
  return (
    <span className={`badge ${kind}`}>
      <span aria-hidden="true">{MARK[kind]}</span>
      {text.states[state]}
    </span>
  );
}
