// Recognises who asks: the session cookie or a bearer token, by the port `Access`.
import type { FastifyRequest } from 'fastify';
import type { Access } from '../domain/ports/access.ts';
import type { Authentication } from './rights.ts';

export interface CookieRules {
  /** Sent over encrypted connections only; its name then says so to the browser (RFC 6265bis, `__Host-`). */
  readonly isSecure: boolean;
  /** Of the browser's copy; the session itself ends earlier when it is idle. */
  readonly maxAgeMs: number;
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="here-bridge"' };

function cookieName({ isSecure }: CookieRules): string {
  return isSecure ? '__Host-here-bridge' : 'here-bridge';
}

/** `value` null: the browser is to forget it. */
export function sessionCookie(rules: CookieRules, value: string | null): string {
  const age = value === null ? 0 : Math.floor(rules.maxAgeMs / 1000);
  const secure = rules.isSecure ? '; Secure' : '';
  return `${cookieName(rules)}=${value ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

export function sessionOf({ headers }: FastifyRequest, rules: CookieRules): string | undefined {
  const wanted = `${cookieName(rules)}=`;
  for (const part of (headers.cookie ?? '').split(';')) {
    const pair = part.trim();
    if (pair.startsWith(wanted)) return pair.slice(wanted.length);
  }
  return undefined;
}

export function authenticator(
  access: Access,
  rules: CookieRules,
): (request: FastifyRequest) => Promise<Authentication> {
  return async (request) => {
    const { authorization } = request.headers;
    const recognition = await access.recognize({ authorization, session: sessionOf(request, rules) });
    switch (recognition.kind) {
      case 'known': {
        const { principal, renewed } = recognition;
        return renewed === null
          ? { kind: 'ok', principal }
          : { kind: 'ok', principal, headers: { 'set-cookie': sessionCookie(rules, renewed) } };
      }
      case 'none':
        return {
          kind: 'refused',
          status: 401,
          message: 'Log in, or send an API token as a bearer token',
          headers: CHALLENGE,
        };
      case 'refused': {
        const headers = { 'www-authenticate': `${CHALLENGE['www-authenticate']}, error="invalid_token"` };
        return { kind: 'refused', status: 401, message: recognition.message, headers };
      }
      case 'unavailable':
        return { kind: 'refused', status: 503, message: recognition.message, headers: { 'retry-after': '10' } };
    }
  };
}
