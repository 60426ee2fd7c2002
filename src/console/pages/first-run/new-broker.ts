// What was typed of a new broker, as the API takes it.
import type { NewBroker } from '../../api/brokers.ts';
import type { FormValues } from '../../forms/schema.ts';
import { typedIn } from './wizard.ts';

export const KINDS = ['mqtt', 'ws', 'kafka'] as const;
export type Kind = (typeof KINDS)[number];
export const MECHANISMS = ['scram-sha-512', 'scram-sha-256', 'plain'] as const;

const SCHEME = /^(mqtts?|wss?|kafka):\/\//i;

export function kindOf(values: FormValues): Kind {
  const typed = typedIn(values, 'brokerKind');
  return KINDS.find((kind) => kind === typed) ?? 'mqtt';
}

export function isSecured(values: FormValues): boolean {
  return values.brokerTls === true;
}

/** An address that was pasted with its scheme says of itself what it is; else nothing. */
export function readAddress(typed: string): { address: string; kind?: Kind; tls?: boolean } {
  const scheme = SCHEME.exec(typed.trim())?.[1]?.toLowerCase();
  if (scheme === undefined) return { address: typed };
  const address = typed.trim().replace(SCHEME, '').replace(/\/$/, '');
  if (scheme === 'kafka') return { address, kind: 'kafka' };
  return { address, kind: scheme.startsWith('ws') ? 'ws' : 'mqtt', tls: scheme.endsWith('s') && scheme !== 'ws' };
}

/** A name that the bridge takes, from the first word of the address. */
export function suggestedName(address: string): string {
  const first = /^[A-Za-z][A-Za-z0-9-]*/.exec(address.trim())?.[0]?.toLowerCase() ?? '';
  return first.slice(0, 32) || 'broker';
}

export function brokerOf(values: FormValues): NewBroker {
  const typed = (name: string): string => typedIn(values, name).trim();
  const [address, username, ca] = [typed('brokerAddress'), typed('brokerUser'), typed('brokerCa')];
  const password = typedIn(values, 'brokerPassword');
  const kind = kindOf(values);
  const name = typed('brokerName') || suggestedName(address);
  const login = { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
  const tls = isSecured(values);
  const authority = tls && ca !== '' ? { ca } : {};
  if (kind === 'kafka') {
    const mechanism = MECHANISMS.find((each) => each === typed('brokerMechanism')) ?? MECHANISMS[0];
    const bootstrap = address.split(/[\s,]+/).filter((each) => each !== '');
    const sasl = username === '' ? {} : { sasl: { mechanism } };
    return { name, kind, bootstrap, tls: { enabled: tls, ...authority }, ...login, ...sasl };
  }
  const url = `${kind}${tls ? 's' : ''}://${address}`;
  return { name, kind: 'mqtt', url, ...login, ...(ca !== '' && tls ? { tls: authority } : {}) };
}

/** The field of the form that a complaint of the API is about; null: none of them. */
export function fieldOf(pointer: string): string | null {
  if (pointer === '/url' || pointer.startsWith('/bootstrap')) return 'brokerAddress';
  if (pointer === '/name') return 'brokerName';
  if (pointer === '/username') return 'brokerUser';
  if (pointer === '/password') return 'brokerPassword';
  return pointer === '/tls/ca' ? 'brokerCa' : null;
}
