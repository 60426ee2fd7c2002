// The devices that a person has retired: their uplinks are skipped until they are released. Kept in the connection's store.
import type { ConnectionStore } from '../domain/ports/store.ts';

const KEY = 'retired';
const MAX_DEVICES = 10_000;
const DEVICE = /^[0-9A-F]{16}$/;

export class RetiredDevices {
  readonly #devices: Set<string>;
  #store: Pick<ConnectionStore, 'setState'>;

  constructor(store: Pick<ConnectionStore, 'getState' | 'setState'>) {
    this.#store = store;
    this.#devices = new Set(read(store.getState(KEY)));
  }

  /** The connection's store was opened anew. */
  useStore(store: Pick<ConnectionStore, 'setState'>): void {
    this.#store = store;
  }

  /** On the hot path. */
  has(device: string): boolean {
    return this.#devices.size > 0 && this.#devices.has(device);
  }

  /** Durable on return. False: there are too many. */
  add(device: string): boolean {
    if (!this.#devices.has(device) && this.#devices.size >= MAX_DEVICES) return false;
    this.#devices.add(device);
    this.#save();
    return true;
  }

  remove(device: string): boolean {
    if (!this.#devices.delete(device)) return false;
    this.#save();
    return true;
  }

  list(): readonly string[] {
    return [...this.#devices].sort();
  }

  #save(): void {
    this.#store.setState(KEY, this.#devices.size === 0 ? null : JSON.stringify([...this.#devices]));
  }
}

function read(text: string | null): string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((each) => typeof each === 'string' && DEVICE.test(each)) : [];
  } catch {
    return [];
  }
}
