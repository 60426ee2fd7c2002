// Passwords of users: what is allowed, scrypt hashes, and checking them one at a time.
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH } from '../domain/access.ts';

interface Parameters {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP Password Storage Cheat Sheet: N=2^16, r=8, p=2 is one of its equally strong sets; 64 MiB while it runs. */
const STRENGTH: Parameters = { ln: 16, r: 8, p: 2 };
const HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/=]{8,128})\$([A-Za-z0-9+/=]{8,128})$/;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MIB = 1024 * 1024;
/** scrypt is expensive by design: attempts beyond these are refused unchecked, and asked to come again. */
const MAX_WAITING = 16;
const MIN_DISTINCT = 5;
const WALKS = ['qwertyuiop', 'qwertzuiop'].flatMap((row) => walks(['1234567890', row, 'asdfghjkl', 'zxcvbnm']));

/** Null, or what is wrong with it. Length is what counts (NIST SP 800-63B-4), so there are no rules of composition. */
export function passwordFault(password: string, userName: string): string | null {
  const length = [...password].length;
  if (length < PASSWORD_MIN_LENGTH) return `must have at least ${PASSWORD_MIN_LENGTH} characters; a few words do well`;
  if (length > PASSWORD_MAX_LENGTH) return `must have at most ${PASSWORD_MAX_LENGTH} characters`;
  const lower = password.toLowerCase();
  // What guessers try first at this length: one name, one word or one row of keys, again and again.
  for (const word of [userName.toLowerCase(), 'here-bridge', 'password', 'passwort', 'admin', 'qwertz', 'qwerty']) {
    const isMostOfIt = lower.replaceAll(word, '').replaceAll(/[^\p{L}]/gu, '').length < 4;
    if (word.length > 2 && lower.includes(word) && isMostOfIt) {
      return 'is too easy to guess: take other words';
    }
  }
  const isEasy = new Set(lower).size < MIN_DISTINCT || isRow(lower) || isRepeated(lower) || isKeyboard(lower);
  return isEasy ? 'is too easy to guess: take other words' : null;
}

/** One short thing again and again: most of the well-known long passwords are that. */
function isRepeated(text: string): boolean {
  for (let unit = 1; unit <= text.length / 2; unit++) {
    if (
      text ===
      text
        .slice(0, unit)
        .repeat(Math.ceil(text.length / unit))
        .slice(0, text.length)
    )
      return true;
  }
  return false;
}

/** The rows of a keyboard one after the other, up and down, or two of them in turn. */
function isKeyboard(text: string): boolean {
  return WALKS.some((walk) => walk.includes(text) || text.startsWith(walk.slice(0, 15)));
}

function walks(rows: readonly string[]): string[] {
  const columns = [...'0123456789'].map((_, at) => rows.map((row) => row[at] ?? '').join(''));
  const turns = [...'0123456789'].map((_, at) => `${rows[0]?.[at] ?? ''}${rows[1]?.[at] ?? ''}`);
  const ways = [rows.join(''), rows.slice(1).join(''), columns.join(''), turns.join('')];
  return ways.flatMap((way) => [way, [...way].reverse().join('')]);
}

/** abcdef…, 98765…: each character next to the one before. */
function isRow(text: string): boolean {
  const steps = [...text].slice(1).map((char, at) => char.charCodeAt(0) - text.charCodeAt(at));
  return steps.filter((step) => Math.abs(step) <= 1).length > 0.8 * steps.length;
}

export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export class Passwords {
  readonly #strength: Parameters;
  /** So that an unknown user costs as much time as a known one. */
  readonly #decoy: string;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** `strength`: weaker in tests only. */
  constructor(strength: Parameters = STRENGTH) {
    this.#strength = strength;
    this.#decoy = write(strength, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    return write(this.#strength, salt, await this.#inTurn(() => derive(password, salt, this.#strength)));
  }

  /** `stored` null: there is no such user; takes as long, and is wrong. */
  async check(password: string, stored: string | null): Promise<PasswordVerdict> {
    if (this.#waiting >= MAX_WAITING) return 'busy';
    const [, ln, r, p, salt = '', hash = ''] = HASH.exec(stored ?? this.#decoy) ?? [];
    const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
    // The upper bounds keep one check below 256 MiB, whatever a record says.
    if (!(parameters.ln >= 10 && parameters.ln <= 18 && parameters.r >= 1 && parameters.r <= 8 && parameters.p <= 8)) {
      return 'wrong';
    }
    const wanted = Buffer.from(hash, 'base64');
    const cut = password.slice(0, PASSWORD_MAX_LENGTH * 2);
    const derived = await this.#inTurn(() => derive(cut, Buffer.from(salt, 'base64'), parameters, wanted.length));
    return stored !== null && timingSafeEqual(derived, wanted) ? 'right' : 'wrong';
  }

  /** One at a time: it takes a thread that journals need for their disk, and 64 MiB. */
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const turn = this.#last.then(run, run);
    this.#last = turn;
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

function write({ ln, r, p }: Parameters, salt: Buffer, hash: Buffer): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

function derive(password: string, salt: Buffer, { ln, r, p }: Parameters, bytes = HASH_BYTES): Promise<Buffer> {
  const N = 2 ** ln;
  // Composed: the same password typed on another system is the same.
  const text = password.normalize('NFC');
  return new Promise((resolve, reject) => {
    scrypt(text, salt, bytes, { N, r, p, maxmem: 128 * N * r * p + MIB * 8 }, (error, derived) =>
      error === null ? resolve(derived) : reject(error),
    );
  });
}

/** For secrets that are random already: a fast hash will do. */
export function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

export function sameDigest(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
