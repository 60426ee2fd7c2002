// A broker that is away is tried again every half minute, for hours: the log tells it when that begins, when the reason changes,
// every ten minutes for as long as it lasts, and when it is over.
import type { Clock } from '../domain/ports/clock.ts';
import type { Logger } from './logger.ts';

export interface Reach {
  readonly up: boolean;
  readonly reason?: string | null;
}

const TELL_AGAIN_MS = 600_000;

/** `what`: the subject with its verb, as in "The config topic is". */
export function reachLog(
  { logger, clock, broker }: { readonly logger: Logger; readonly clock: Clock; readonly broker: string },
  what: string,
): (reach: Reach) => void {
  let told: { readonly reason: string; readonly at: number } | null = null;
  return ({ up, reason }) => {
    if (up) {
      if (told !== null) logger.info({ broker }, `${what} in reach again.`);
      told = null;
      return;
    }
    const now = clock.monotonic();
    const why = reason ?? 'no answer';
    if (told !== null && told.reason === why && now - told.at < TELL_AGAIN_MS) return;
    told = { reason: why, at: now };
    logger.warn({ broker }, `${what} out of reach: ${why}`);
  };
}
