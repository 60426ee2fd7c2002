// What is wanted of one connection; its work is done one thing at a time, and the last wish wins.
import type { Connection } from '../domain/connection.ts';
import type { Runtime } from './runtime-options.ts';

export interface Slot {
  readonly id: string;
  runtime: Runtime | null;
  /** A definition to be applied. */
  next: Connection | null;
  /** A deletion is never skipped, also when the connection is defined anew right after it. */
  purge: boolean;
  /** The definition is missing: stop and keep. */
  halt: boolean;
  /** Another worker serves it: stop, keep, and say nothing in its name. */
  release: boolean;
  /** `next` is not for the runtime that there is. */
  anew: boolean;
  working: Promise<void> | null;
  /** Ends a deletion that waits for a broker. */
  interrupt: AbortController;
}

const NO_WISH = { next: null, purge: false, halt: false, release: false, anew: false };

export function makeSlot(id: string): Slot {
  return { id, runtime: null, ...NO_WISH, working: null, interrupt: new AbortController() };
}

export function hasWish({ next, purge, halt, release }: Slot): boolean {
  return next !== null || purge || halt || release;
}

/** Whatever was wanted before is not any more. */
export function wantOnly(slot: Slot, wish: 'purge' | 'release'): void {
  Object.assign(slot, NO_WISH, { [wish]: true });
}
