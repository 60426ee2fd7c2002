// What the drains of both brokers share: rounds, what is told of them, and the bare reader's part.
import { type Child, cpuSeconds, median, until } from './process.ts';

export interface Round {
  /** Uplinks a second. */
  readonly rate: number;
  readonly cpuPer100k: number;
}

export interface Side {
  /** Uplinks a second, median. */
  readonly rate: number;
  /** CPU seconds for 100,000 uplinks, median. */
  readonly cpuPer100k: number;
}

export interface Pair {
  readonly bare: Round;
  readonly bridge: Round;
}

export interface Comparison {
  readonly bridge: Side;
  readonly bare: Side;
  /** Medians of the ratios pair by pair. */
  readonly rateRatio: number;
  readonly cpuRatio: number;
  readonly rateRatios: readonly number[];
}

export function compare(pairs: readonly Pair[]): Comparison {
  const rateRatios = pairs.map(({ bridge, bare }) => bridge.rate / bare.rate);
  return {
    bridge: side(pairs.map(({ bridge }) => bridge)),
    bare: side(pairs.map(({ bare }) => bare)),
    rateRatio: median(rateRatios),
    cpuRatio: median(pairs.map(({ bridge, bare }) => bridge.cpuPer100k / bare.cpuPer100k)),
    rateRatios,
  };
}

function side(rounds: readonly Round[]): Side {
  return {
    rate: median(rounds.map(({ rate }) => rate)),
    cpuPer100k: median(rounds.map(({ cpuPer100k }) => cpuPer100k)),
  };
}

export function lineOf(pair: number, { bridge, bare }: Pair): string {
  const share = (bridge.rate / bare.rate).toFixed(2);
  return `  pair ${pair}: bridge ${told(bridge)}, bare ${told(bare)}, ${share} of its rate`;
}

export function told({ rate, cpuPer100k }: Round): string {
  return `${Math.round(rate)}/s at ${cpuPer100k.toFixed(2)} CPU-s per 100 k`;
}

/** `bare-subscriber.ts` or `bare-consumer.ts` reads what waits for it. */
export async function drainBare(bare: Child, count: number): Promise<Round> {
  const cpu = cpuSeconds(bare.pid);
  bare.send(`drain ${count}`);
  const { ms } = JSON.parse(await bare.line()) as { ms: number };
  return { rate: (count * 1000) / ms, cpuPer100k: ((cpuSeconds(bare.pid) - cpu) * 100_000) / count };
}

/**
 * Lets process `pid` begin, and waits until HERE has `count` records more. Measured is from the first that is seen there to the
 * last; the CPU time is that of all of them.
 */
export async function drained(
  pid: number,
  count: number,
  acceptedRecords: () => Promise<number>,
  begin: () => void | Promise<void>,
  timeoutMs: number,
): Promise<Round> {
  const before = await acceptedRecords();
  const cpu = cpuSeconds(pid);
  await begin();
  let firstAt = 0;
  let seen = 0;
  await until('the uplinks arrive', timeoutMs, async () => {
    const accepted = (await acceptedRecords()) - before;
    if (firstAt === 0 && accepted > 0) {
      firstAt = performance.now();
      seen = accepted;
    }
    return accepted >= count;
  });
  const rate = ((count - seen) * 1000) / (performance.now() - firstAt);
  return { rate, cpuPer100k: ((cpuSeconds(pid) - cpu) * 100_000) / count };
}
