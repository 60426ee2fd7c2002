// Encryption of secrets: AES-256-GCM under a key from the configuration or from a generated file in the data directory.
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';

const PREFIX = 'enc:v1:';
const FORM = /^enc:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;
const KEY_FILE = 'secret.key';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface SecretOptions {
  /** Where `secret.key` is or will be (mode 0600). Made when missing. Not touched when `key` is given. */
  readonly dataDir: string;
  /** 32 bytes as 64 hex digits or base64, from the environment; null: the file. */
  readonly key: string | null;
  /** Former keys that may still be needed to read. */
  readonly formerKeys?: readonly string[];
}

interface Keys {
  readonly id: string;
  readonly encryption: Buffer;
  readonly hmac: Buffer;
}

export function openSecretBox(options: SecretOptions): SecretBox {
  const current = derive(options.key === null ? keyFromFile(options.dataDir) : parseKey(options.key, 'The secret key'));
  const byId = new Map<string, Keys>();
  for (const former of options.formerKeys ?? []) {
    const keys = derive(parseKey(former, 'A former secret key'));
    byId.set(keys.id, keys);
  }
  byId.set(current.id, current);

  return {
    encrypt(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current.encryption, nonce).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${PREFIX}${current.id}:${sealed.toString('base64url')}`;
    },
    decrypt(value, context) {
      if (!value.startsWith(PREFIX)) return value;
      const match = FORM.exec(value);
      if (!match) throw unreadable(context, 'it is cut off or not in the form enc:v1:<key id>:<base64url>');
      const keys = byId.get(match[1]!);
      if (!keys) throw unreadable(context, `it was encrypted with key ${match[1]}, this bridge has ${current.id}`);
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
        throw unreadable(context, 'it was changed, or belongs to another connection or field');
      }
    },
    isEncrypted: (value) => value.startsWith(PREFIX),
    hmac: (value) => createHmac('sha256', current.hmac).update(value).digest('hex'),
  };
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

function keyFromFile(directory: string): Buffer {
  const file = path.join(directory, KEY_FILE);
  let text: string;
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!fs.existsSync(file)) generate(file);
    // A copy from a backup may have come with a wider mode.
    if ((fs.statSync(file).mode & 0o077) !== 0) fs.chmodSync(file, 0o600);
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new BridgeError(
      'storeUnavailable',
      `The data directory ${directory} cannot be used: ${describeError(error)}. It must be writable by this user.`,
      { exitCode: EXIT.unavailable, cause: error },
    );
  }
  return parseKey(text, `The secret key in ${file}`);
}

/** Whole or not at all, and never over another process's key. */
function generate(file: string): void {
  const draft = `${file}.${process.pid}.tmp`;
  fs.rmSync(draft, { force: true });
  const fd = fs.openSync(draft, 'wx', 0o600);
  try {
    fs.writeSync(fd, `${randomBytes(32).toString('base64')}\n`);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  try {
    fs.linkSync(draft, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Some file systems have no hard links; there, a race of two first starts is the loser's to repeat.
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') fs.renameSync(draft, file);
    else if (code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(draft, { force: true });
  }
  const directory = fs.openSync(path.dirname(file), 'r');
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}
