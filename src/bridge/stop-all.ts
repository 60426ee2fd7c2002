// Stops parts in the reverse order of their start. One that fails keeps none of the others: the store is closed and its lock
// released in any case.

/**
 * For what is in flight, of the ten seconds that a supervisor commonly gives. A broker that hangs takes four more: the farewell and the
 * hanging up.
 */
export const SETTLE_MS = 4_000;

/** Empties `stops`. Rejects with the first failure when all have had their turn. */
export async function stopAll(stops: (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = [];
  for (let end = stops.pop(); end !== undefined; end = stops.pop()) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
