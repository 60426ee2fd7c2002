// Who may connect to the embedded broker: names with plain passwords or scrypt hashes, checked one at a time.
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { BridgeError, EXIT } from '../domain/errors.ts';

export interface EmbeddedUser {
  readonly name: string;
  /** Plain, or `$scrypt$ln=15,r=8,p=1$<salt>$<hash>` (base64) as `hashPassword` makes it. */
  readonly password: string;
  /** Topic filters, with `{username}` for the name; neither of the two: everything. See embedded-rights.ts. */
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
}

interface ScryptHash {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/;
/** scrypt is expensive by design: guesses that come faster than they can be checked are refused unchecked. */
const MAX_WAITING = 16;

/** `busy`: it was not looked at. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export class UserList {
  readonly #users: ReadonlyMap<string, { readonly hash: ScryptHash | null; readonly digest: Buffer }>;
  /** Digests of passwords that matched a hash, so that reconnecting costs nothing. */
  readonly #matched = new Map<string, Buffer>();
  readonly #key = randomBytes(32);
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Throws a BridgeError `brokerUserInvalid`. */
  constructor(users: readonly EmbeddedUser[]) {
    const entries = users.map(({ name, password }) => {
      if (name === '' || password === '') {
        throw new BridgeError('brokerUserInvalid', 'A user of the embedded broker needs a name and a password', {
          exitCode: EXIT.config,
        });
      }
      return [name, { hash: parseHash(name, password), digest: this.#digest(password) }] as const;
    });
    this.#users = new Map(entries);
  }

  get isEmpty(): boolean {
    return this.#users.size === 0;
  }

  has(username: string): boolean {
    return this.#users.has(username);
  }

  async check(username: string | undefined, password: Buffer | undefined): Promise<PasswordVerdict> {
    const user = username === undefined ? undefined : this.#users.get(username);
    if (username === undefined || user === undefined || password === undefined) return 'wrong';
    const digest = this.#digest(password);
    if (user.hash === null) return timingSafeEqual(digest, user.digest) ? 'right' : 'wrong';
    const matched = this.#matched.get(username);
    if (matched !== undefined && timingSafeEqual(digest, matched)) return 'right';
    if (this.#waiting >= MAX_WAITING) return 'busy';
    const { hash } = user;
    this.#waiting += 1;
    const verdict = this.#last
      .then(() => derive(password, hash))
      .then((derived) => timingSafeEqual(derived, hash.hash));
    this.#last = verdict.catch(() => false);
    try {
      const ok = await verdict;
      if (ok) this.#matched.set(username, digest);
      return ok ? 'right' : 'wrong';
    } finally {
      this.#waiting -= 1;
    }
  }

  #digest(password: string | Buffer): Buffer {
    return createHash('sha256').update(this.#key).update(password).digest();
  }
}

/** For configuration files that should not hold a password in plain text. */
export async function hashPassword(password: string): Promise<string> {
  const parameters = { ln: 15, r: 8, p: 1, salt: randomBytes(16), hash: Buffer.alloc(32) };
  const hash = await derive(Buffer.from(password), parameters);
  return `$scrypt$ln=15,r=8,p=1$${parameters.salt.toString('base64')}$${hash.toString('base64')}`;
}

function parseHash(name: string, password: string): ScryptHash | null {
  if (!password.startsWith('$scrypt$')) return null;
  const [, ln, r, p, salt, hash] = HASH.exec(password) ?? [];
  const parsed = {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt ?? '', 'base64'),
    hash: Buffer.from(hash ?? '', 'base64'),
  };
  // The upper bounds keep one log-in below 256 MB.
  if (!(parsed.ln >= 10 && parsed.ln <= 20 && parsed.r >= 1 && parsed.r <= 16 && parsed.p >= 1 && parsed.p <= 4)) {
    throw new BridgeError('brokerUserInvalid', `The password hash of user "${name}" is not readable`, {
      exitCode: EXIT.config,
    });
  }
  return parsed;
}

function derive(password: Buffer, { ln, r, p, salt, hash }: ScryptHash): Promise<Buffer> {
  const N = 2 ** ln;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, { N, r, p, maxmem: 256 * N * r }, (error, derived) =>
      error === null ? resolve(derived) : reject(error),
    );
  });
}
