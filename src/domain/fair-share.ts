// How a common budget of bytes is shared: half of it is split evenly and kept for each; the other half goes to those who ask
// for more. So one that floods stops where the common half ends, and every other still has its own part.

/**
 * What each may hold now, in the order of `used` (bytes that each holds). Who holds more than it may counts as full.
 * Asked anew as what they hold changes; between two calls each may take all of the common half that was left.
 */
export function fairShares(totalBytes: number, used: readonly number[]): number[] {
  const own = totalBytes / 2 / Math.max(1, used.length);
  let common = totalBytes / 2;
  for (const bytes of used) common -= Math.max(0, bytes - own);
  return used.map((bytes) => Math.floor(own + Math.max(0, bytes - own) + Math.max(0, common)));
}
