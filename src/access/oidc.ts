// Bearer tokens of an OpenID Connect issuer: signature, issuer, audience and times by `jose`; a claim becomes the role.
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Role } from '../domain/access.ts';
import type { Clock } from '../domain/ports/clock.ts';

export interface OidcOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly nameClaim: string;
  /** With dots into objects. */
  readonly roleClaim: string;
  readonly roles: Readonly<Record<Role, string>>;
  readonly clock: Clock;
}

export type OidcVerdict =
  | { readonly kind: 'known'; readonly name: string; readonly role: Role }
  /** Valid, but none of its roles is one of ours. */
  | { readonly kind: 'noRole' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable'; readonly message: string };

/** Signatures with public keys only: with a shared key, whoever may check could also sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCKS_DIFFER_S = 30;
const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 256 * 1024;
const MAX_TOKEN_LENGTH = 16_384;
/** After a failure the issuer is not asked again for so long: requests do not queue up behind a dead one. */
const COOL_DOWN_MS = 10_000;
const MAX_NAME = 128;

export class OidcVerifier {
  readonly #options: OidcOptions;
  #keys: ReturnType<typeof createRemoteJWKSet> | null = null;
  #finding: Promise<ReturnType<typeof createRemoteJWKSet>> | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;
  #failure = '';

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  async verify(token: string): Promise<OidcVerdict> {
    if (token.length > MAX_TOKEN_LENGTH) return { kind: 'refused' };
    const { issuer, audience, clock } = this.#options;
    let keys: ReturnType<typeof createRemoteJWKSet>;
    try {
      keys = await this.#issuerKeys();
    } catch (error) {
      return { kind: 'unavailable', message: `The issuer ${issuer} cannot be asked for its keys: ${reasonOf(error)}` };
    }
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCKS_DIFFER_S,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(clock.now()),
      });
      const role = this.#roleOf(payload);
      return role === null ? { kind: 'noRole' } : { kind: 'known', name: this.#nameOf(payload), role };
    } catch (error) {
      return isOfTheToken(error)
        ? { kind: 'refused' }
        : { kind: 'unavailable', message: `The keys of ${issuer} cannot be had: ${reasonOf(error)}` };
    }
  }

  /** OpenID Connect Discovery 1.0, section 4: the issuer's own document names its keys, and must name the issuer itself. */
  async #issuerKeys(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    if (this.#keys !== null) return this.#keys;
    const { clock } = this.#options;
    if (clock.monotonic() - this.#failedAt < COOL_DOWN_MS) throw new Error(this.#failure);
    this.#finding ??= this.#discover().finally(() => {
      this.#finding = null;
    });
    try {
      this.#keys = await this.#finding;
      return this.#keys;
    } catch (error) {
      this.#failedAt = clock.monotonic();
      this.#failure = reasonOf(error);
      throw error;
    }
  }

  async #discover(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    const { issuer } = this.#options;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    const document = JSON.parse(await boundedText(answer)) as { issuer?: unknown; jwks_uri?: unknown };
    if (document.issuer !== issuer)
      throw new Error(`${url} is of another issuer; http.oidc.issuer must be exactly as it says`);
    if (typeof document.jwks_uri !== 'string' || !URL.canParse(document.jwks_uri))
      throw new Error(`${url} names no jwks_uri`);
    const keys = new URL(document.jwks_uri);
    if (keys.protocol !== 'https:' && keys.protocol !== new URL(issuer).protocol)
      throw new Error('its keys are not at https://');
    return createRemoteJWKSet(keys, { timeoutDuration: TIMEOUT_MS });
  }

  /** The highest of those that the claim holds. */
  #roleOf(payload: JWTPayload): Role | null {
    const { roleClaim, roles } = this.#options;
    const found = claimAt(payload, roleClaim);
    const values = typeof found === 'string' ? [found] : Array.isArray(found) ? found : [];
    for (const role of ['admin', 'operator', 'viewer'] as const) if (values.includes(roles[role])) return role;
    return null;
  }

  #nameOf(payload: JWTPayload): string {
    const name = claimAt(payload, this.#options.nameClaim);
    return `oidc:${typeof name === 'string' && name !== '' ? name : payload.sub}`.slice(0, MAX_NAME);
  }
}

/** A claim by its whole name (names may be URLs), else by the way that its dots say. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let at: unknown = payload;
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at;
}

/** What is wrong with the token itself, and not with getting the keys. */
function isOfTheToken(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // jose's own word for a bad answer of the issuer is its base class.
  return error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
}

async function boundedText(answer: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER_BYTES) throw new Error('its answer is too long');
  }
  return text;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, 200);
}
