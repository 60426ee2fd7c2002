// Before a connection leaves this worker, when nothing comes from its source any more: what waits goes to HERE as long as HERE takes
// it, for a moment. Whoever serves the connection next would send it once more where its source keeps messages by itself (Kafka).
import type { Clock } from '../domain/ports/clock.ts';
import type { UplinkLine } from '../domain/ports/line.ts';

const MOST_MS = 1_000;
/** Without progress for so long: HERE is slow or away, and what waits stays in the journal. */
const STILL_MS = 250;
const LOOK_MS = 10;

/** Resolves when nothing waits, or `signal` aborts, or it is not to be waited for. Never rejects. */
export async function drainLine(line: Pick<UplinkLine, 'waiting'>, clock: Clock, signal: AbortSignal): Promise<void> {
  const endAt = clock.monotonic() + MOST_MS;
  let { count } = line.waiting;
  let stillAt = clock.monotonic() + STILL_MS;
  while (count > 0 && !signal.aborted && clock.monotonic() < Math.min(endAt, stillAt)) {
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    const left = line.waiting.count;
    if (left < count) stillAt = clock.monotonic() + STILL_MS;
    count = left;
  }
}
