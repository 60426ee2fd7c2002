// OAuth tokens for SASL OAUTHBEARER: from a file, or fetched with a client's id and secret (RFC 6749, section 4.4).
import { readFile } from 'node:fs/promises';
import type { Mechanism } from 'kafkajs';
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

/** Those of one client. */
export class Tokens {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  #kept: { readonly value: string; readonly renewAt: number } | null = null;
  #fetching: Promise<string> | null = null;

  constructor(source: TokenSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** For a log-in. Rejects with a BridgeError `kafkaTokenUnavailable` that holds no secret. */
  get(): Promise<string> {
    const { tokenFile } = this.#source;
    if (tokenFile !== null) return fromFile(tokenFile);
    if (this.#kept !== null && this.#clock.monotonic() < this.#kept.renewAt) return Promise.resolve(this.#kept.value);
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  /** It was refused: another one is fetched for the next log-in. */
  refused(value: string): void {
    if (this.#kept?.value === value) this.#kept = null;
  }

  async #fetch(): Promise<string> {
    this.#kept = await fromEndpoint(this.#source, this.#clock);
    return this.#kept.value;
  }
}

/** What kafkajs gives a mechanism to speak with; bytes go and come with their length before them. */
type Speak = (message: {
  readonly request: { encode(): Promise<Buffer> };
  readonly response: { decode(bytes: Buffer): Promise<Buffer>; parse(text: Buffer): Promise<Buffer> };
}) => Promise<Buffer | undefined>;

const LENGTH_BYTES = 4;
/** A client's answer to a refusal, after which the server ends the exchange (RFC 7628, section 3.2.3). */
const UNDERSTOOD = '\u0001';

/**
 * The log-in with a token. kafkajs's own does not look at the server's answer, which names a refusal in a message that is no
 * error of the protocol: the connection would pass for one that is logged in, and what comes next be taken for answers.
 */
export function oauthBearer(tokens: Tokens): Mechanism {
  const provider = ({ saslAuthenticate }: { readonly saslAuthenticate: Speak }) => ({
    authenticate: async (): Promise<void> => {
      const value = await tokens.get();
      const answer = await say(saslAuthenticate, `n,,\u0001auth=Bearer ${value}\u0001\u0001`);
      if (answer === '') return;
      tokens.refused(value);
      await say(saslAuthenticate, UNDERSTOOD).catch(() => '');
      throw new Error(`SASL OAUTHBEARER: the token was refused (${statusOf(answer)})`);
    },
  });
  return { mechanism: 'oauthbearer', authenticationProvider: provider as Mechanism['authenticationProvider'] };
}

async function say(speak: Speak, text: string): Promise<string> {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(bytes.length);
  const answer = await speak({
    request: { encode: async () => Buffer.concat([length, bytes]) },
    response: { decode: async (found) => found.subarray(LENGTH_BYTES), parse: async (found) => found },
  });
  return answer?.toString('utf8') ?? '';
}

/** Of the server's words, which may hold the token, only the name of the fault. */
function statusOf(answer: string): string {
  return /"status"\s*:\s*"([a-z_]{1,40})"/.exec(answer)?.[1] ?? 'no reason was given';
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
