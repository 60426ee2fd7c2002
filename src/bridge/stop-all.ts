// Stops parts in the reverse order of their start. One that fails keeps none of the others: the store is closed and its lock
// released in any case.

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
