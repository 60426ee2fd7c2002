// Shadow sweep: where HERE refuses to list what changed, the served devices are asked for by their ids, a hundred at a time
// and a few requests a turn, round and round.
import type { Clock } from '../domain/ports/clock.ts';
import type { ShadowChange, ShadowFailure } from '../domain/ports/downlink.ts';
import type { HereProject } from '../domain/ports/here.ts';
import type { ProjectShadows } from './project-shadows.ts';

const AT_ONCE = 100;
const REQUESTS_A_TURN = 10;

export interface Swept {
  readonly changes: readonly ShadowChange[];
  readonly requests: number;
  readonly hereNow: number | null;
  /** A round has ended: all that was desired before was seen. HERE's ms. */
  readonly reached: number | null;
  readonly failure: ShadowFailure | null;
}

export class ShadowSweep {
  readonly #shadows: ProjectShadows;
  readonly #clock: Clock;
  #left: string[] = [];
  /** HERE's ms at which this round and the last one began; null: no round has ended. */
  #begunAt = 0;
  #after: number | null = null;

  constructor(shadows: ProjectShadows, clock: Clock) {
    this.#shadows = shadows;
    this.#clock = clock;
  }

  /** `from`: HERE's time, less what clocks may differ: the next round asks for changes since this one's. */
  async next(project: HereProject, members: ReadonlySet<string>, from: number, signal: AbortSignal): Promise<Swept> {
    if (this.#left.length === 0) {
      this.#after = this.#begunAt === 0 ? null : this.#begunAt;
      this.#begunAt = Math.min(from, this.#clock.now());
      this.#left = this.#shadows.served.devicesOf(members);
    }
    const changes: ShadowChange[] = [];
    let hereNow: number | null = null;
    let requests = 0;
    for (; requests < REQUESTS_A_TURN && (this.#left.length > 0 || requests === 0); requests++) {
      const devices = this.#left.slice(0, AT_ONCE);
      // With no device yet there is nothing to ask, and nothing to be refused.
      if (devices.length === 0) break;
      const page = await project.shadows.some(devices, this.#after, signal);
      if (page.kind !== 'ok') return { changes, requests: requests + 1, hereNow, reached: null, failure: page };
      this.#left = this.#left.slice(AT_ONCE);
      changes.push(...page.changes);
      hereNow = page.hereNow ?? hereNow;
    }
    const reached = requests > 0 && this.#left.length === 0 ? this.#begunAt : null;
    return { changes, requests, hereNow, reached, failure: null };
  }
}
