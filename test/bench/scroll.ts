// scroll: what a frame costs the browser while somebody scrolls through 10,000 connections at 9,000 px a second.
import { scrollList } from '../e2e/support/scrolling.ts';
import { Stage } from '../e2e/support/stage.ts';
import type { BenchSettings, Figure } from './bench.ts';
import { median } from './process.ts';

const ROUNDS = 5;

export async function scroll({ say }: BenchSettings): Promise<readonly Figure[]> {
  const stage = await Stage.build();
  try {
    await stage.connect('fleet', 'Fleet');
    stage.startFleet({ devices: 20, ratePerSecond: 20 });
    const scripts: number[] = [];
    const wholes: number[] = [];
    for (let n = 1; n <= ROUNDS; n++) {
      const { page, moves, scriptMs, wholeMs } = await scrollList(stage, 'fleet');
      await page.context().close();
      scripts.push(scriptMs / moves);
      wholes.push(wholeMs / moves);
      say(`  round ${n}: ${(scriptMs / moves).toFixed(1)} ms of script, ${(wholeMs / moves).toFixed(1)} ms in all`);
    }
    return [
      { name: 'scroll.script', value: median(scripts), unit: 'ms of script a frame', must: 'atMost', bar: 10 },
      { name: 'scroll.frame', value: median(wholes), unit: 'ms a frame', must: 'atMost', bar: 16 },
    ];
  } finally {
    await stage.tearDown();
  }
}
