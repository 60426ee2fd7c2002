// When a connection that closed for failure is opened again: the three strategies of ThingPark X IoT Flow.
// Source: its public documentation of `reconnectStrategy`; the ages count from the moment of closing.
import type { ReconnectStrategy } from '../domain/connection.ts';

interface Phase {
  readonly everyMs: number;
  /** How long the phase lasts; Infinity: without end. */
  readonly forMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const PHASES: Readonly<Record<ReconnectStrategy, readonly Phase[]>> = {
  CALM: [
    { everyMs: 10 * MINUTE, forMs: 12 * HOUR },
    { everyMs: HOUR, forMs: DAY },
  ],
  NORMAL: [
    { everyMs: 5 * MINUTE, forMs: HOUR },
    { everyMs: HOUR, forMs: DAY },
    { everyMs: DAY, forMs: Infinity },
  ],
  AGGRESSIVE: [
    { everyMs: 3 * MINUTE, forMs: 3 * HOUR },
    { everyMs: 30 * MINUTE, forMs: 7 * DAY },
    { everyMs: HOUR, forMs: Infinity },
  ],
};

/** Added at random to each wait, so that a thousand connections do not come back in one second. */
export const RECONNECT_JITTER_MS = 60_000;

/** An AGGRESSIVE connection without an uplink for longer than this is restarted. */
export const SILENCE_MS = HOUR;

/**
 * ms from now to the next attempt for a connection that closed `closedForMs` ago (the first attempt comes one step after
 * closing), without jitter; null: the strategy has come to its end.
 */
export function nextReconnectMs(strategy: ReconnectStrategy, closedForMs: number): number | null {
  let endMs = 0;
  for (const { everyMs, forMs } of PHASES[strategy]) {
    endMs += forMs;
    if (closedForMs < endMs) return everyMs;
  }
  return null;
}

/** Retries within OPENING: doubling from `minMs` to `maxMs`. `attempt` counts from 1. Without jitter. */
export function retryMs(attempt: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, attempt - 1), 20));
}
