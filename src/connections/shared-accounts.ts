// The account vault of a worker among several: what is kept of a HERE account is on its own disk and on a topic, from which
// the account's next worker takes it. What is on the topic counts; the disk's is for accounts that came from a single worker.
import type { SecretBox } from '../domain/ports/secrets.ts';
import type { AccountVault } from '../domain/ports/store.ts';
import type { SharedRecords } from './shared-records.ts';

export class SharedAccounts implements AccountVault {
  readonly #local: AccountVault;
  readonly #records: Pick<SharedRecords, 'get' | 'put' | 'everywhere'>;
  readonly #box: Pick<SecretBox, 'hmac' | 'isEncrypted'>;

  /** `local` and what is put are encrypted by their writers (`KeptAccount`); keys name people, so the topic has a keyed hash. */
  constructor(
    local: AccountVault,
    records: Pick<SharedRecords, 'get' | 'put' | 'everywhere'>,
    box: Pick<SecretBox, 'hmac' | 'isEncrypted'>,
  ) {
    this.#local = local;
    this.#records = records;
    this.#box = box;
  }

  get(key: string): string | null {
    const shared = this.#records.get(this.#nameOf(key));
    // No worker writes what is not sealed.
    if (shared !== null && this.#box.isEncrypted(shared)) return shared;
    const own = this.#local.get(key);
    // From before it was one of several, or of before somebody else wrote there: the next worker of the account must find it.
    if (own !== null) this.#records.put(this.#nameOf(key), own).catch(() => {});
    return own;
  }

  put(key: string, value: string | null): void {
    this.#local.put(key, value);
    this.#records.put(this.#nameOf(key), value).catch(() => {
      // Who must be sure of it asks `everywhere`; else the next change brings it along.
    });
  }

  /** Tries once more where the last write has failed. */
  async everywhere(key: string): Promise<void> {
    const name = this.#nameOf(key);
    try {
      await this.#records.everywhere(name);
    } catch {
      await this.#records.put(name, this.#records.get(name));
    }
  }

  #nameOf(key: string): string {
    return `account.${this.#box.hmac(`account on the topic ${key}`).slice(0, 40)}`;
  }
}
