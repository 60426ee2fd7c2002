// Runs many seeds on all cores: worker threads take small ranges of seeds; a seed that hangs is a failure too.
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Check } from './check-names.ts';
import type { Verdict } from './simulate.ts';

export interface Failure {
  readonly seed: number;
  /** No check at all: `hangs` and `broken` (its thread ended), which may be the machine's fault as well. */
  readonly check: Check | 'hangs' | 'broken';
  readonly message: string;
}

export interface Summary {
  readonly seeds: number;
  readonly failed: readonly Failure[];
  readonly simulatedHours: number;
  readonly uplinks: number;
  /** Sent in the seed that had the fewest, of those that held: others are cut short. */
  readonly leastUplinks: number;
  readonly arrivals: number;
  readonly crashes: number;
  readonly events: number;
  readonly healedMaxMs: number;
  /** The seed in which that was; null: none was judged. */
  readonly slowestSeed: number | null;
  /** Of connections whose journal was full, which may take longer and are not in `healedMaxMs`. */
  readonly healedFullMaxMs: number;
  /** By which both are judged, and those of devices that HERE did not know when they were sent, which are not. */
  readonly probes: number;
  readonly unknownProbes: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface RunOptions {
  /** In this order. */
  readonly seeds: readonly number[];
  /** How many a worker takes at once. */
  readonly step?: number;
  readonly workers?: number;
  /** One of `mutants.ts` instead of the real code. */
  readonly mutant?: string;
  /** How long one seed may take; a machine with other work to do needs more. */
  readonly hangsAfterMs?: number;
  /** The first seed that a check has caught ends it; so do a few that ended by none. */
  readonly untilCaught?: boolean;
  /** `verdict` is null where there is none: the seed hung, or broke its thread. */
  readonly onFailure: (failure: Failure, verdict: Verdict | null) => void;
}

const STEP = 10;
/** A hang takes its whole patience: so many in a row tell enough. */
const MOST_BROKEN = 4;
/** One seed takes a fraction of a second. */
const HANGS_AFTER_MS = 60_000;
/**
 * A seed makes some 50 MB of litter: what is collected seldom is mostly dead by then and costs nothing. Heaps begin that large,
 * which only flags can say. Measured: a twentieth of the time in collections instead of a quarter.
 */
const SEMI_SPACE_MB = 128;
setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MB}`);
setFlagsFromString('--initial-heap-size=1024');

export async function runSeeds(options: RunOptions): Promise<Summary> {
  const { seeds, step = STEP, workers = availableParallelism(), mutant, untilCaught = false, onFailure } = options;
  const { hangsAfterMs = HANGS_AFTER_MS } = options;
  const startedMs = performance.now();
  const tally = new Tally();
  let taken = 0;
  const take = (): readonly number[] => {
    if (untilCaught && (tally.caught > 0 || tally.brokenOnes >= MOST_BROKEN)) return [];
    const next = seeds.slice(taken, taken + step);
    taken += next.length;
    return next;
  };
  const onVerdict = (verdict: Verdict): void => {
    const failure = tally.add(verdict);
    if (failure !== null) onFailure(failure, verdict);
  };
  const onBroken = (failure: Failure): void => {
    tally.broken(failure);
    onFailure(failure, null);
  };
  const drivers = Array.from({ length: Math.min(workers, Math.ceil(seeds.length / step)) }, () =>
    drive(take, { mutant, hangsAfterMs }, onVerdict, onBroken),
  );
  await Promise.all(drivers);
  return tally.summary((performance.now() - startedMs) / 1000);
}

/** One worker after the other, should one hang or break, until no seeds are left. */
async function drive(
  take: () => readonly number[],
  { mutant, hangsAfterMs }: { readonly mutant: string | undefined; readonly hangsAfterMs: number },
  onVerdict: (verdict: Verdict) => void,
  onBroken: (failure: Failure) => void,
): Promise<void> {
  let left = [...take()];
  while (left.length > 0) {
    const worker = new Worker(new URL('./seed-worker.ts', import.meta.url), {
      workerData: { mutant },
      resourceLimits: { maxYoungGenerationSizeMb: 3 * SEMI_SPACE_MB },
    });
    let timer: NodeJS.Timeout | undefined;
    // What a worker says after it was given up is of a seed that is booked.
    let isOver = false;
    await new Promise<void>((resolve) => {
      const over = (): void => {
        isOver = true;
        resolve();
      };
      const broken = (check: 'hangs' | 'broken', message: string): void => {
        if (isOver) return;
        onBroken({ seed: left.shift() as number, check, message });
        left = left.length === 0 ? [...take()] : left;
        over();
      };
      const watch = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => broken('hangs', `no end after ${hangsAfterMs} ms`), hangsAfterMs);
      };
      worker.on('error', (error) => broken('broken', String(error)));
      worker.on('exit', (code) => broken('broken', `its thread ended with ${code}`));
      worker.on('message', (verdict: Verdict) => {
        if (isOver) return;
        left.shift();
        onVerdict(verdict);
        if (left.length === 0) {
          left = [...take()];
          if (left.length === 0) {
            over();
            return;
          }
          worker.postMessage(left);
        }
        watch();
      });
      worker.postMessage(left);
      watch();
    });
    clearTimeout(timer);
    await worker.terminate();
  }
}

class Tally {
  readonly #failed: Failure[] = [];
  readonly #faults: Record<string, number> = {};
  #seeds = 0;
  #simulatedMs = 0;
  #uplinks = 0;
  #leastUplinks = Number.POSITIVE_INFINITY;
  #arrivals = 0;
  #crashes = 0;
  #events = 0;
  #healedMaxMs = 0;
  #slowestSeed: number | null = null;
  #healedFullMaxMs = 0;
  #probes = 0;
  #unknownProbes = 0;
  brokenOnes = 0;

  /** Its failure, if it is one. */
  add(verdict: Verdict): Failure | null {
    this.#seeds += 1;
    this.#simulatedMs += verdict.simulatedMs;
    this.#uplinks += verdict.uplinks;
    if (verdict.ok) this.#leastUplinks = Math.min(this.#leastUplinks, verdict.uplinks);
    this.#arrivals += verdict.arrivals;
    this.#crashes += verdict.crashes;
    this.#events += verdict.events;
    if (verdict.healedMs > this.#healedMaxMs) {
      this.#healedMaxMs = verdict.healedMs;
      this.#slowestSeed = verdict.seed;
    }
    this.#healedFullMaxMs = Math.max(this.#healedFullMaxMs, verdict.healedFullMs);
    this.#probes += verdict.probes;
    this.#unknownProbes += verdict.unknownProbes;
    for (const kind of verdict.faults) this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    const first = verdict.violations[0];
    if (first === undefined) return null;
    const failure = { seed: verdict.seed, check: first.check, message: first.message };
    this.#failed.push(failure);
    return failure;
  }

  /** Seeds that a check has caught. */
  get caught(): number {
    return this.#failed.length - this.brokenOnes;
  }

  broken(failure: Failure): void {
    this.#seeds += 1;
    this.brokenOnes += 1;
    this.#failed.push(failure);
  }

  summary(seconds: number): Summary {
    return {
      seeds: this.#seeds,
      failed: this.#failed,
      simulatedHours: Math.round(this.#simulatedMs / 3_600_000),
      uplinks: this.#uplinks,
      leastUplinks: Number.isFinite(this.#leastUplinks) ? this.#leastUplinks : 0,
      arrivals: this.#arrivals,
      crashes: this.#crashes,
      events: this.#events,
      healedMaxMs: Math.round(this.#healedMaxMs),
      slowestSeed: this.#slowestSeed,
      healedFullMaxMs: Math.round(this.#healedFullMaxMs),
      probes: this.#probes,
      unknownProbes: this.#unknownProbes,
      faults: this.#faults,
      seconds: Math.round(seconds * 10) / 10,
    };
  }
}

/** `count` seeds from `from` on. */
export function seedRange(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}
