// Bounds V8's young generation. Under load it doubles as long as enough survives, up to 2 × 64 MiB, and keeps what it has: in a
// bridge that drains a backlog that was a third of all resident memory. Collections of a smaller one are as cheap, since hardly
// anything survives them. The limit itself can only be given when a process begins; how it grows is looked up at each growth.
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

const USUAL_GROWTH = 2;
const NO_GROWTH = 1;

/**
 * Looks after each collection until the process ends. `maxBytes`: of both halves together; a power of two, as they double.
 * Several collections within one turn of the loop are noticed at its end only, and may have doubled it further.
 */
export function boundYoungGeneration(maxBytes: number): void {
  let growth = USUAL_GROWTH;
  const look = (): void => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    // It shrinks while a process is idle, and may grow again then.
    const wanted = (young?.space_size ?? 0) * USUAL_GROWTH > maxBytes ? NO_GROWTH : USUAL_GROWTH;
    if (wanted === growth) return;
    growth = wanted;
    setFlagsFromString(`--semi-space-growth-factor=${growth}`);
  };
  look();
  new PerformanceObserver(look).observe({ entryTypes: ['gc'] });
}
