// What is kept of an account as this process last read or wrote it: for when the vault cannot be read, or does not take what changed.
import type { KeptAccount, KeptState } from './kept-account.ts';

export class AccountMemory {
  readonly #kept: Pick<KeptAccount, 'load' | 'save'>;
  #last: KeptState | null = null;
  /** What could not be written yet. */
  #unsaved: KeptState | null = null;

  constructor(kept: Pick<KeptAccount, 'load' | 'save'>) {
    this.#kept = kept;
  }

  /** null: nothing was read yet. */
  get last(): KeptState | null {
    return this.#last;
  }

  /** Throws only when the vault cannot be read and never could. */
  state(): KeptState {
    if (this.#unsaved !== null) this.save(this.#unsaved);
    try {
      this.#last = this.#unsaved ?? this.#kept.load();
    } catch (error) {
      if (this.#last === null) throw error;
    }
    return this.#last as KeptState;
  }

  /** False: it could not be written; it is remembered and written later. */
  save(state: KeptState): boolean {
    this.#last = state;
    try {
      this.#kept.save(state);
      this.#unsaved = null;
      return true;
    } catch {
      this.#unsaved = state;
      return false;
    }
  }

  /** As `save`; what cannot be written never was. */
  saveOrLeave(state: KeptState): boolean {
    const before = this.#last;
    if (this.save(state)) return true;
    this.#unsaved = null;
    this.#last = before;
    return false;
  }
}
