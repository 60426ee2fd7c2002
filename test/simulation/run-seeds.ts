// Runs many seeds on all cores: worker threads take small ranges of seeds; a seed that hangs is a failure too.
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { simulate, type Verdict } from './simulate.ts';

export interface Summary {
  readonly seeds: number;
  readonly failed: readonly { readonly seed: number; readonly check: string; readonly message: string }[];
  readonly simulatedHours: number;
  readonly uplinks: number;
  readonly arrivals: number;
  readonly crashes: number;
  readonly events: number;
  readonly healedMaxMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface RunOptions {
  readonly from: number;
  readonly count: number;
  readonly workers?: number;
  readonly onFailure: (verdict: Verdict) => void;
}

const STEP = 10;
/** One seed takes a fraction of a second. */
const HANGS_AFTER_MS = 60_000;

export async function runSeeds({
  from,
  count,
  workers = availableParallelism(),
  onFailure,
}: RunOptions): Promise<Summary> {
  const startedMs = performance.now();
  const tally = new Tally();
  let next = from;
  const take = (): readonly number[] => {
    const seeds = Array.from({ length: Math.max(0, Math.min(STEP, from + count - next)) }, (_, i) => next + i);
    next += seeds.length;
    return seeds;
  };
  const onVerdict = (verdict: Verdict): void => {
    tally.add(verdict);
    if (!verdict.ok) onFailure(verdict);
  };
  await Promise.all(Array.from({ length: workers }, () => drive(take, onVerdict, (seed) => tally.hung(seed))));
  return tally.summary((performance.now() - startedMs) / 1000);
}

/** One worker after the other, should one hang, until no seeds are left. */
async function drive(
  take: () => readonly number[],
  onVerdict: (verdict: Verdict) => void,
  onHung: (seed: number) => void,
): Promise<void> {
  let left = [...take()];
  while (left.length > 0) {
    const worker = new Worker(new URL(import.meta.url));
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const watch = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          onHung(left.shift() as number);
          resolve();
        }, HANGS_AFTER_MS);
      };
      worker.on('error', reject);
      worker.on('message', (verdict: Verdict) => {
        left.shift();
        onVerdict(verdict);
        if (left.length === 0) {
          left = [...take()];
          if (left.length === 0) {
            resolve();
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
  readonly #failed: { seed: number; check: string; message: string }[] = [];
  readonly #faults: Record<string, number> = {};
  #seeds = 0;
  #simulatedMs = 0;
  #uplinks = 0;
  #arrivals = 0;
  #crashes = 0;
  #events = 0;
  #healedMaxMs = 0;

  add(verdict: Verdict): void {
    this.#seeds += 1;
    this.#simulatedMs += verdict.simulatedMs;
    this.#uplinks += verdict.uplinks;
    this.#arrivals += verdict.arrivals;
    this.#crashes += verdict.crashes;
    this.#events += verdict.events;
    this.#healedMaxMs = Math.max(this.#healedMaxMs, verdict.healedMs);
    for (const kind of verdict.faults) this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    const first = verdict.violations[0];
    if (first !== undefined) this.#failed.push({ seed: verdict.seed, check: first.check, message: first.message });
  }

  hung(seed: number): void {
    this.#seeds += 1;
    this.#failed.push({ seed, check: 'hangs', message: `no end after ${HANGS_AFTER_MS} ms` });
  }

  summary(seconds: number): Summary {
    return {
      seeds: this.#seeds,
      failed: this.#failed,
      simulatedHours: Math.round(this.#simulatedMs / 3_600_000),
      uplinks: this.#uplinks,
      arrivals: this.#arrivals,
      crashes: this.#crashes,
      events: this.#events,
      healedMaxMs: Math.round(this.#healedMaxMs),
      faults: this.#faults,
      seconds: Math.round(seconds * 10) / 10,
    };
  }
}

if (!isMainThread) {
  parentPort?.on('message', (seeds: readonly number[]) => {
    void (async () => {
      for (const seed of seeds) parentPort?.postMessage(await simulate(seed));
    })();
  });
}
