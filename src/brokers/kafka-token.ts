// OAuth tokens for SASL OAUTHBEARER: from a file, or fetched with a client's id and secret (RFC 6749, section 4.4).
import { readFile } from 'node:fs/promises';
import { BridgeError, describeError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';

export interface TokenSource {
  readonly tokenFile: string | null;
  readonly tokenUrl: string | null;
  readonly tokenScope: string | null;
  /** The client's. */
  readonly username: string | null;
  readonly password: string | null;
}

const TIMEOUT_MS = 10_000;
/** A token is fetched anew when less than this share of its life is left. */
const RENEW_AT = 0.2;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Gives a token at each log-in; rejects with a BridgeError `kafkaTokenUnavailable` that holds no secret. */
export function tokenProvider(source: TokenSource, clock: Clock): () => Promise<{ value: string }> {
  let kept: { readonly value: string; readonly renewAt: number } | null = null;
  return async () => {
    if (source.tokenFile !== null) return { value: await fromFile(source.tokenFile) };
    if (kept === null || clock.monotonic() >= kept.renewAt) kept = await fromEndpoint(source, clock);
    return { value: kept.value };
  };
}

async function fromFile(file: string): Promise<string> {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token !== '') return token;
  } catch (error) {
    throw unavailable(`its file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
  throw unavailable('its file is empty');
}

async function fromEndpoint(source: TokenSource, clock: Clock): Promise<{ value: string; renewAt: number }> {
  const { tokenUrl, tokenScope, username, password } = source;
  const body = new URLSearchParams({ grant_type: 'client_credentials' });
  if (tokenScope !== null) body.set('scope', tokenScope);
  const credentials = [username ?? '', password ?? ''].map(encodeURIComponent).join(':');
  const headers = { authorization: `Basic ${Buffer.from(credentials).toString('base64')}`, accept: 'application/json' };
  let answer: Response;
  let text: string;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    answer = await fetch(tokenUrl ?? '', { method: 'POST', body, headers, signal, redirect: 'error' });
    text = (await answer.text()).slice(0, MAX_ANSWER_BYTES);
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    throw unavailable(`${new URL(tokenUrl ?? '').host} does not answer (${describeError(cause)})`);
  }
  if (!answer.ok) throw unavailable(`${new URL(tokenUrl ?? '').host} answered ${answer.status}`);
  const { access_token: value, expires_in: seconds } = readAnswer(text);
  if (typeof value !== 'string' || value === '') throw unavailable('the answer has no access_token');
  const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0;
  return { value, renewAt: clock.monotonic() + lifeMs * (1 - RENEW_AT) };
}

function readAnswer(text: string): { readonly access_token?: unknown; readonly expires_in?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Told below: the answer may hold a token, so nothing of it is repeated.
  }
  throw unavailable('the answer is not a JSON object');
}

function unavailable(why: string): BridgeError {
  return new BridgeError('kafkaTokenUnavailable', `There is no OAuth token for Kafka: ${why}`);
}
