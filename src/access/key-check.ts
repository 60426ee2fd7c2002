// Tells workers with different keys: `{prefix}/access/key` is a word sealed by the first of them, which all others must be able to read.
import type { Publisher } from '../domain/ports/broker.ts';
import type { KeyRing } from '../domain/ports/secrets.ts';

export interface KeyCheckOptions {
  readonly publisher: Publisher;
  /** Of the bridge's topics. */
  readonly prefix: string;
  readonly ring: KeyRing;
  /** Must not throw. */
  readonly onDifferent: (message: string) => void;
}

export const KEY_CHECK = 'key';
const WORD = 'here-tracking-bridge';
const CONTEXT = 'key check';

export class KeyCheck {
  readonly #options: KeyCheckOptions;
  #told = '';

  constructor(options: KeyCheckOptions) {
    this.#options = options;
  }

  /** The record as it is on the topic; null: there is none, so ours becomes it. */
  heard(value: string | null): void {
    const { ring } = this.#options;
    if (value === null || !ring.isEncrypted(value)) {
      this.publish().catch(() => {
        // The next one that starts does it.
      });
      return;
    }
    try {
      if (ring.decrypt(value, CONTEXT) === WORD) return;
    } catch {
      // Told below.
    }
    const other = ring.keyOf(value) ?? 'unknown';
    if (this.#told === other) return;
    this.#told = other;
    this.#options.onDifferent(
      `This worker's secret key is ${ring.keyId}, but what is on the config topic was sealed with ${other}: what either seals the ` +
        'other cannot read (passwords of definitions, users). Give all workers one key (secrets.key), and the others of theirs in ' +
        'secrets.formerKeys. If the other key is lost for good, enter the passwords again and run `here-bridge keys rotate`.',
    );
  }

  /** Ours from now on: after a rotation. */
  publish(): Promise<void> {
    const { publisher, prefix, ring } = this.#options;
    return publisher.publish(`${prefix}/access/${KEY_CHECK}`, ring.encrypt(WORD, CONTEXT), { retain: true });
  }
}
