// Encryption of secrets: AES-256-GCM under a key from the configuration or from a generated file in the data directory.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { KeyRing } from '../domain/ports/secrets.ts';
import { KeyFile } from './key-file.ts';

const PREFIX = 'enc:v1:';
const FORM = /^enc:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface SecretOptions {
  /** Where `secret.key` is or will be (mode 0600). Made when missing. Not touched when `key` is given. */
  readonly dataDir: string;
  /** 32 bytes as 64 hex digits or base64, from the environment; null: the file. */
  readonly key: string | null;
  /** Former keys that may still be needed to read, the latest first. */
  readonly formerKeys?: readonly string[];
  /** A key was made: without a backup of this file nothing that it sealed can ever be read elsewhere. */
  readonly onNewKey?: (file: string) => void;
}

interface Keys {
  readonly id: string;
  readonly encryption: Buffer;
  readonly hmac: Buffer;
}

export function openSecretBox(options: SecretOptions): KeyRing {
  const configured = (options.formerKeys ?? []).map((former) => derive(parseKey(former, 'A former secret key')));
  if (options.key !== null) {
    const current = derive(parseKey(options.key, 'The secret key'));
    return new Ring([current, ...configured], configured.length, null);
  }
  const file = new KeyFile(options.dataDir);
  const keys = file.read(options.onNewKey ?? (() => {}));
  return new Ring([...keysOf(file, keys), ...configured], configured.length, file);
}

class Ring implements KeyRing {
  /** The current one first, the oldest last. */
  #keys: readonly Keys[];
  /** So many of them, the last, are of the configuration. */
  readonly #configured: number;
  readonly #file: KeyFile | null;

  constructor(keys: readonly Keys[], configured: number, file: KeyFile | null) {
    this.#keys = keys;
    this.#configured = configured;
    this.#file = file;
  }

  get keyId(): string {
    return this.#current.id;
  }

  get formerIds(): readonly string[] {
    return [...new Set(this.#keys.slice(1).map(({ id }) => id))].filter((id) => id !== this.keyId);
  }

  get isGenerated(): boolean {
    return this.#file !== null;
  }

  rotate(): void {
    const file = this.#ownFile();
    file.write([randomBytes(32).toString('base64'), ...file.lines()]);
    this.#reload(file);
  }

  forget(id: string): boolean {
    const file = this.#ownFile();
    const lines = file.lines();
    const kept = lines.filter((line, at) => at === 0 || derive(parseKey(line, 'A key')).id !== id);
    if (kept.length === lines.length) return false;
    file.write(kept);
    this.#reload(file);
    return true;
  }

  encrypt(plain: string, context: string): string {
    const { id, encryption } = this.#current;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', encryption, nonce).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${PREFIX}${id}:${sealed.toString('base64url')}`;
  }

  decrypt(value: string, context: string): string {
    if (!value.startsWith(PREFIX)) return value;
    const match = FORM.exec(value);
    if (!match) throw unreadable(context, 'it is cut off or not in the form enc:v1:<key id>:<base64url>');
    const keys = this.#find(match[1]!);
    if (keys === null)
      throw unreadable(context, `it was encrypted with key ${match[1]}, this bridge has ${this.keyId}`);
    const sealed = Buffer.from(match[2]!, 'base64url');
    if (sealed.length < NONCE_BYTES + TAG_BYTES) throw unreadable(context, 'it is cut off');
    try {
      const decipher = createDecipheriv('aes-256-gcm', keys.encryption, sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([plain, decipher.final()]).toString('utf8');
    } catch {
      throw unreadable(context, 'it was changed, or belongs to another connection, field or address');
    }
  }

  isEncrypted(value: string): boolean {
    return value.startsWith(PREFIX);
  }

  keyOf(value: string): string | null {
    return FORM.exec(value)?.[1] ?? null;
  }

  /** Under the oldest key, so that a rotation changes no hash: what was refused stays refused. */
  hmac(value: string): string {
    return createHmac('sha256', this.#keys.at(-1)!.hmac).update(value).digest('hex');
  }

  get #current(): Keys {
    return this.#keys[0]!;
  }

  /** Another worker on this data directory may have rotated: its key is in the file by then. */
  #find(id: string): Keys | null {
    const known = (): Keys | null => this.#keys.find((keys) => keys.id === id) ?? null;
    const found = known();
    if (found !== null || this.#file === null || !this.#file.hasChanged) return found;
    this.#reload(this.#file);
    return known();
  }

  #reload(file: KeyFile): void {
    const configured = this.#configured === 0 ? [] : this.#keys.slice(-this.#configured);
    this.#keys = [...keysOf(file, file.lines()), ...configured];
  }

  #ownFile(): KeyFile {
    if (this.#file !== null) return this.#file;
    throw new BridgeError(
      'keyConfigured',
      'The key comes from the configuration: set another one as secrets.key, the present one in secrets.formerKeys, and restart all workers',
      { exitCode: EXIT.unavailable },
    );
  }
}

function keysOf(file: KeyFile, lines: readonly string[]): Keys[] {
  return lines.map((line) => derive(parseKey(line, `The secret key in ${file.path}`)));
}

function unreadable(context: string, why: string): BridgeError {
  return new BridgeError('secretUnreadable', `The encrypted value of ${context} cannot be read: ${why}.`);
}

function derive(key: Buffer): Keys {
  const part = (info: string) => Buffer.from(hkdfSync('sha256', key, 'here-tracking-bridge', info, 32));
  return {
    id: createHash('sha256').update(part('key id')).digest('hex').slice(0, 8),
    encryption: part('encryption'),
    hmac: part('hmac'),
  };
}

function parseKey(text: string, what: string): Buffer {
  const trimmed = text.trim();
  const isHex = /^[0-9A-Fa-f]{64}$/.test(trimmed);
  const key = Buffer.from(trimmed, isHex ? 'hex' : 'base64');
  if (!isHex && !/^[0-9A-Za-z+/_-]{43}=?$/.test(trimmed)) {
    throw new BridgeError('badSecretKey', `${what} must be 32 bytes: 64 hex digits or base64.`, {
      exitCode: EXIT.config,
    });
  }
  return key;
}
