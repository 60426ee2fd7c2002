// What may go wrong between the bridge and HERE, and which fault strikes a request.
import type { Dice } from './dice.ts';

export type HereFault = {
  /** Whose requests; null: the whole host, its health too. */
  readonly email: string | null;
  /** Of the requests that it may strike. */
  readonly share: number;
} & (
  | {
      readonly kind: 'away' | 'hang' | 'resetBefore' | 'resetAfter' | 'half' | 'garbage' | 'forbidden' | 'unauthorized';
    }
  | { readonly kind: 'slow'; readonly ms: number }
  | {
      readonly kind: 'status';
      readonly status: 408 | 429 | 500 | 502 | 503;
      /** Seconds; null: not told. */
      readonly retryAfterS: number | null;
      readonly asDate: boolean;
      /** HERE has taken the records all the same. */
      readonly isTaken: boolean;
    }
  | { readonly kind: 'jobs'; readonly status: 400 | 500 | 503 }
);

export class HereFaults {
  readonly #active = new Set<HereFault>();
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  begin(fault: HereFault): void {
    this.#active.add(fault);
  }

  end(fault: HereFault): void {
    this.#active.delete(fault);
  }

  /** The first that strikes; null: none. `email` null: nobody's request. */
  strike(path: string, email: string | null): HereFault | null {
    for (const fault of this.#active) {
      if (fault.email !== null && fault.email !== email) continue;
      if (fault.kind === 'jobs' && !/^\/registry\/v2\/[^/]+\/devices/.test(path)) continue;
      // A plan's limits and rights are asked of projects, not of the host's health or at the door.
      const isOfProject = path.startsWith('/v3/batch') || path.startsWith('/registry/');
      const needsProject =
        fault.kind === 'forbidden' ||
        fault.kind === 'unauthorized' ||
        (fault.kind === 'status' && fault.status === 429);
      if (needsProject && !isOfProject) continue;
      if (this.#dice.isLucky(fault.share)) return fault;
    }
    return null;
  }
}
