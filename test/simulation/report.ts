// A seed's verdict for people: what failed, the end of the story, and how to see it again.
import type { Failure } from './run-seeds.ts';
import type { Verdict } from './simulate.ts';
import { timeText } from './trace.ts';

/** `mutant`: the deliberate defect that was let loose. */
export function report(verdict: Verdict, mutant: string | null = null): void {
  const { seed, ok, hash, events, simulatedMs, uplinks, arrivals, crashes, healedMs, healedFullMs } = verdict;
  const full = healedFullMs > 0 ? `, behind a full journal within ${Math.round(healedFullMs)} ms` : '';
  console.log(
    `seed ${seed}: ${ok ? 'ok' : 'FAILED'} (trace ${hash}; ${events} events in ${timeText(simulatedMs).trim()}, ` +
      `${uplinks} uplinks, ${arrivals} arrivals, ${crashes} process ends, healed within ${Math.round(healedMs)} ms${full})`,
  );
  for (const { atMs, text } of verdict.trace) console.log(`  ${timeText(atMs)} ${text.slice(0, 220)}`);
  for (const { check, message, atMs } of verdict.violations) console.log(`  ${check} at ${timeText(atMs)}: ${message}`);
  if (!ok) console.log(again(seed, mutant));
}

/** Of a seed without a verdict. */
export function reportBroken({ seed, check, message }: Failure, mutant: string | null = null): void {
  console.log(`seed ${seed}: FAILED\n  ${check}: ${message}\n${again(seed, mutant)}`);
}

function again(seed: number, mutant: string | null): string {
  const loose = mutant === null ? '' : ` --mutant ${JSON.stringify(mutant)}`;
  return `  again: npm run simulate -- --seed ${seed}${loose}`;
}
