// Counted checks, and waiting with a bound.
import { setTimeout as sleep } from 'node:timers/promises';

let passed = 0;
let failed = 0;

export function check(what: string, ok: boolean, seen: string): void {
  if (ok) passed += 1;
  else failed += 1;
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${what}: ${seen}`);
}

export function counts(): { readonly passed: number; readonly failed: number } {
  return { passed, failed };
}

/** Rejects when it does not come true; how long it took, in ms. A text is not true yet, and why: the rejection tells the last one. */
export async function waitUntil(
  what: string,
  timeoutMs: number,
  look: () => boolean | string | Promise<boolean | string>,
): Promise<number> {
  const startMs = performance.now();
  let last: unknown;
  while (performance.now() < startMs + timeoutMs) {
    try {
      last = await look();
      if (last === true) return performance.now() - startMs;
    } catch (error) {
      // What is being started does not answer yet.
      last = error;
    }
    await sleep(250);
  }
  const because = last instanceof Error ? ` (${last.message})` : typeof last === 'string' ? ` (${last})` : '';
  throw new Error(`not within ${timeoutMs / 1000} s: ${what}${because}`);
}

/** For what is told by a check of its own, with figures. */
export async function within(timeoutMs: number, look: () => boolean | Promise<boolean>): Promise<boolean> {
  return waitUntil('', timeoutMs, look).then(
    () => true,
    () => false,
  );
}
