// The key for secrets as it is where the program runs without the bridge: perhaps there is none, and none is made.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { BridgeError, describeError } from '../domain/errors.ts';
import type { SecretBox } from '../domain/ports/secrets.ts';
import { KeyFile } from '../store/key-file.ts';
import { openSecretBox } from '../store/secrets.ts';

export interface KeyAtHand {
  readonly box: SecretBox;
  /** False: of what the bridge has sealed, `box` opens at most what a former key did, and says why not the rest. */
  readonly hasKey: boolean;
}

const NONE = 'there is no key here (secrets.key, or the file secret.key of the data directory)';

export function keyAtHand({ dataDir, secrets: { key, formerKeys } }: Config): KeyAtHand {
  let reason = NONE;
  try {
    if (key !== null || existsSync(new KeyFile(dataDir).path)) {
      return { box: openSecretBox({ dataDir, key, formerKeys }), hasKey: true };
    }
  } catch (error) {
    reason = describeError(error);
  }
  const passing = openSecretBox({ dataDir, key: randomBytes(32).toString('hex'), formerKeys });
  const box = withDecrypt(passing, (value, context) => {
    try {
      return passing.decrypt(value, context);
    } catch {
      throw new BridgeError('secretUnreadable', `The encrypted value of ${context} cannot be read: ${reason}`);
    }
  });
  return { box, hasKey: false };
}

export function withDecrypt(box: SecretBox, decrypt: SecretBox['decrypt']): SecretBox {
  return {
    encrypt: (plain, context) => box.encrypt(plain, context),
    decrypt,
    isEncrypted: (value) => box.isEncrypted(value),
    hmac: (value) => box.hmac(value),
  };
}
