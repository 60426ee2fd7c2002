// Addresses for downlink messages: a UUID a connection, which is all that one needs to send a downlink to its devices. Only its
// digest is kept, so that it can be shown once and never again; and it is used at a bounded rate.
import { createHash } from 'node:crypto';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

const KEY = 'downlinkAddress';
const PER_SECOND = 10;
const BURST = 50;

interface Address {
  readonly connectionId: string;
  /** Messages that may come at once, and when that was (monotonic ms). */
  left: number;
  at: number;
}

export class Addresses {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #byDigest = new Map<string, Address>();

  constructor(clock: Clock, chance: Chance) {
    this.#clock = clock;
    this.#chance = chance;
  }

  /** The address that a connection has, as far as its store knows. */
  load(connectionId: string, store: Pick<ConnectionStore, 'getState'>): void {
    this.#set(connectionId, store.getState(KEY));
  }

  /** Throws when the disk refuses; then the one before is still in force. */
  renew(connectionId: string, store: Pick<ConnectionStore, 'setState'>): string {
    const uuid = this.#chance.uuid();
    store.setState(KEY, digestOf(uuid));
    this.#set(connectionId, digestOf(uuid));
    return uuid;
  }

  /** The connection whose address it is, or how long to wait (s); null: it is nobody's. */
  use(uuid: string): { readonly connectionId: string } | { readonly retryAfterS: number } | null {
    const address = this.#byDigest.get(digestOf(uuid.toLowerCase()));
    if (address === undefined) return null;
    const now = this.#clock.monotonic();
    address.left = Math.min(BURST, address.left + ((now - address.at) * PER_SECOND) / 1000);
    address.at = now;
    if (address.left < 1) return { retryAfterS: 1 };
    address.left -= 1;
    return { connectionId: address.connectionId };
  }

  #set(connectionId: string, digest: string | null): void {
    for (const [known, address] of this.#byDigest) {
      if (address.connectionId === connectionId && known !== digest) this.#byDigest.delete(known);
    }
    if (digest === null || this.#byDigest.has(digest)) return;
    this.#byDigest.set(digest, { connectionId, left: BURST, at: this.#clock.monotonic() });
  }
}

function digestOf(uuid: string): string {
  return createHash('sha256').update(uuid).digest('hex');
}
