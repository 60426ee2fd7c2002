// Publishes a fleet's messages at a steady rate and counts what the broker acknowledged.
import type { Clock } from '../../domain/ports/clock.ts';
import type { Fleet, FleetMessage } from './fleet.ts';

export interface FleetCounts {
  /** Handed to the broker's client. */
  readonly published: number;
  /** Of these, acknowledged by the broker (PUBACK). */
  readonly acknowledged: number;
  /** Of these, given up by the client without an acknowledgement. */
  readonly failed: number;
}

export interface FleetResult extends FleetCounts {
  /** Neither acknowledged nor failed when the run ended. */
  readonly unanswered: number;
  /** From the first publish to the end, acknowledgements included. */
  readonly elapsedMs: number;
}

export interface RunFleetOptions {
  readonly fleet: Pick<Fleet, 'next'>;
  /** Hands one message to the broker; `done` is called once: with null at its acknowledgement, else with what went wrong. */
  readonly publish: (message: FleetMessage, done: (error: Error | null) => void) => void;
  /** Messages a second; `Infinity`: as fast as acknowledgements come. */
  readonly ratePerSecond: number;
  readonly clock: Clock;
  /** Ends the run: nothing further is published, acknowledgements are still waited for. */
  readonly signal: AbortSignal;
  /** Ends the run after so many messages. */
  readonly total?: number;
  /** Ends the run after this time. */
  readonly forMs?: number;
  /** No more than this many wait for their acknowledgement: what bounds memory when the broker stalls. 2,000 by default. */
  readonly maxUnacknowledged?: number;
  /** How long to wait for acknowledgements at the end. 10,000 by default. */
  readonly drainMs?: number;
  /** Each acknowledged message, for those who check that it arrives. */
  readonly onAcknowledged?: (message: FleetMessage) => void;
}

export interface FleetRun {
  readonly counts: FleetCounts;
  /** Resolves when the run has ended; never rejects. */
  readonly done: Promise<FleetResult>;
}

const TICK_MS = 10;
const LONGEST_WAIT_MS = 1000;
/** At most so many in one turn of the event loop, so that catching up does not block it. */
const MOST_A_TICK = 2000;

/**
 * The n-th message is due n / rate seconds after the start, whatever happened meanwhile: a late timer or a broker that
 * stalled is caught up with, so the rate does not drift and no message is left out. Needs no timer of its own beyond `clock`.
 */
export function runFleet(options: RunFleetOptions): FleetRun {
  const { clock, ratePerSecond, signal } = options;
  if (!(ratePerSecond > 0)) throw new RangeError(`ratePerSecond: a number above 0, not ${ratePerSecond}`);
  const total = options.total ?? Number.POSITIVE_INFINITY;
  const forMs = options.forMs ?? Number.POSITIVE_INFINITY;
  const maxUnacknowledged = options.maxUnacknowledged ?? 2000;
  const counts = { published: 0, acknowledged: 0, failed: 0 };
  const startMs = clock.monotonic();
  const { promise, resolve } = Promise.withResolvers<FleetResult>();
  let ending = false;
  let finished = false;
  const unanswered = (): number => counts.published - counts.acknowledged - counts.failed;

  const finish = (): void => {
    if (finished) return;
    finished = true;
    signal.removeEventListener('abort', end);
    resolve({ ...counts, unanswered: unanswered(), elapsedMs: clock.monotonic() - startMs });
  };
  const end = (): void => {
    if (ending) return;
    ending = true;
    if (unanswered() === 0) finish();
    else clock.after(options.drainMs ?? 10_000, finish);
  };
  const publishOne = (): void => {
    const message = options.fleet.next(clock.now());
    counts.published += 1;
    let answered = false;
    options.publish(message, (error) => {
      if (answered || finished) return;
      answered = true;
      if (error === null) {
        counts.acknowledged += 1;
        options.onAcknowledged?.(message);
      } else counts.failed += 1;
      if (ending && unanswered() === 0) finish();
    });
  };
  const tick = (): void => {
    if (ending) return;
    const elapsedMs = clock.monotonic() - startMs;
    // The first message is due at once, the n-th (n - 1) intervals later.
    const due = Math.min(total, Math.floor((Math.min(elapsedMs, forMs) * ratePerSecond) / 1000) + 1);
    for (let n = 0; n < MOST_A_TICK && counts.published < due && unanswered() < maxUnacknowledged; n++) publishOne();
    if (counts.published >= total || elapsedMs >= forMs) {
      end();
      return;
    }
    const untilNextMs = startMs + (counts.published * 1000) / ratePerSecond - clock.monotonic();
    clock.after(Math.min(Math.max(TICK_MS, untilNextMs), LONGEST_WAIT_MS, Math.max(0, forMs - elapsedMs)), tick);
  };
  if (signal.aborted) end();
  else {
    signal.addEventListener('abort', end, { once: true });
    tick();
  }
  return { counts, done: promise };
}
