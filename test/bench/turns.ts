// Two ways of running the bridge, in turns: each drains the same number of uplinks that waited for it.
import { type Round, told } from './drain.ts';
import type { Worker } from './kafka-stack.ts';
import { drainBridge, load } from './mqtt-drain.ts';
import { median } from './process.ts';
import { type Peer, stopConnection } from './stack.ts';

export interface Turns {
  /** One drain each of what is measured and of what it is compared with. */
  readonly measured: () => Promise<Round>;
  readonly plain: () => Promise<Round>;
  readonly pairs: number;
  readonly say: (line: string) => void;
}

export interface Compared {
  /** Medians of what was measured ÷ the plain one, pair by pair. */
  readonly rate: number;
  readonly cpu: number;
}

const LOAD = { devices: 5_000, payloadBytes: 1_500 };

/** The first pair warms up; then either is the first of a pair in turns. */
export async function inTurns({ measured, plain, pairs, say }: Turns): Promise<Compared> {
  const rates: number[] = [];
  const cpus: number[] = [];
  for (let pair = 0; pair <= pairs; pair++) {
    const isFirst = pair % 2 === 1;
    const early = isFirst ? await measured() : null;
    const other = await plain();
    const own = early ?? (await measured());
    if (pair === 0) continue;
    rates.push(own.rate / other.rate);
    cpus.push(own.cpuPer100k / other.cpuPer100k);
    say(`  pair ${pair}: ${told(own)}, without ${told(other)}`);
  }
  const spread = rates.map((rate) => rate.toFixed(3)).join(' ');
  say(`  ${median(rates).toFixed(3)} of the rate (${spread}), ${median(cpus).toFixed(3)} × the CPU time`);
  return { rate: median(rates), cpu: median(cpus) };
}

/** What is published while the connection rests waits at the broker, and then goes through. */
export async function restAndDrain(worker: Worker, broker: string, here: Peer, uplinks: number): Promise<Round> {
  await stopConnection(worker, here);
  await load(broker, 'mqtt/things/{DevEUI}/uplink', { ...LOAD, uplinks });
  return drainBridge(worker, here, uplinks, []);
}
