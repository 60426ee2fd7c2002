// What is kept of a HERE account across restarts: tokens, log-in attempts and refusals, encrypted in the account vault.
import { BridgeError } from '../domain/errors.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { AccountVault } from '../domain/ports/store.ts';
import { parseObject } from './outcome.ts';

export interface KeptToken {
  readonly accessToken: string;
  /** Wall-clock ms, by this machine's clock when HERE answered. */
  readonly expiresAt: number;
}

export interface KeptPair extends KeptToken {
  readonly refreshToken: string;
  /** Wall-clock ms: from here on it is renewed. */
  readonly renewAt: number;
}

export interface KeptState {
  readonly pair: KeptPair | null;
  /** Project-scoped tokens by project HRN. */
  readonly scoped: Readonly<Record<string, KeptToken>>;
  /** HMAC of the email and password with which HERE last let us in; null: never yet. */
  readonly proven: string | null;
  /** Log-ins sent since the last success that HERE refused, or whose answer is not known. */
  readonly failed: number;
  /** HMACs of pairs that HERE refused, the oldest first. */
  readonly refused: readonly string[];
  /** HERE's words at the last refusal. */
  readonly refusal: string | null;
}

const EMPTY: KeptState = { pair: null, scoped: {}, proven: null, failed: 0, refused: [], refusal: null };
const MAX_REFUSED = 16;
const MAX_SCOPED = 50;
/** Sealed it is a third longer, and a record that goes from worker to worker has 64 KiB. */
const MAX_BYTES = 45_000;

export class KeptAccount {
  readonly #key: string;
  readonly #vault: AccountVault;
  readonly #box: SecretBox;

  /** `key` names the account and its host; it is stored as it is. */
  constructor(key: string, vault: AccountVault, box: SecretBox) {
    this.#key = key;
    this.#vault = vault;
    this.#box = box;
  }

  /** Read anew each time: another session of this account may have written. What cannot be read any more counts as nothing. */
  load(): KeptState {
    const stored = this.#vault.get(this.#key);
    // The box hands plain text back as it is: what is not sealed is nobody's word.
    if (stored === null || !this.#box.isEncrypted(stored)) return EMPTY;
    try {
      return stateFrom(parseObject(this.#box.decrypt(stored, this.#context)));
    } catch (error) {
      // The key was replaced: the tokens are lost, as are the definitions' passwords, which a person must enter again.
      if (error instanceof BridgeError && error.code === 'secretUnreadable') return EMPTY;
      throw error;
    }
  }

  /** Durable when it returns. Throws when the disk refuses. */
  save(state: KeptState): void {
    this.#vault.put(this.#key, this.#box.encrypt(JSON.stringify(bounded(state)), this.#context));
  }

  /** Resolves when what was saved is also where another worker would look for it. Rejects when it cannot be brought there. */
  async everywhere(): Promise<void> {
    await this.#vault.everywhere?.(this.#key);
  }

  /** Keyed hash of the pair: tells whether it is the one that was refused without keeping it. */
  fingerprint(email: string, password: string): string {
    return this.#box.hmac(JSON.stringify([this.#key, email.toLowerCase(), password]));
  }

  get #context(): string {
    return `here-account:${this.#key}`;
  }
}

/** Of the tokens for projects, which HERE gives again, only the last that there is room for. */
function bounded(state: KeptState): KeptState {
  const rest = { ...state, refused: state.refused.slice(-MAX_REFUSED), scoped: {} };
  let bytes = bytesOf(rest);
  const newestFirst = Object.entries(state.scoped).slice(-MAX_SCOPED).reverse();
  const fitting = newestFirst.filter((entry) => {
    bytes += bytesOf(entry);
    return bytes <= MAX_BYTES;
  });
  return { ...rest, scoped: Object.fromEntries(fitting.reverse()) };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function stateFrom(value: Readonly<Record<string, unknown>> | null): KeptState {
  if (value === null) return EMPTY;
  const { pair, scoped, proven, failed, refused, refusal } = value as Partial<KeptState>;
  return {
    pair: pair ?? null,
    scoped: scoped ?? {},
    proven: proven ?? null,
    failed: Number.isSafeInteger(failed) ? (failed as number) : 0,
    refused: Array.isArray(refused) ? refused : [],
    refusal: refusal ?? null,
  };
}
