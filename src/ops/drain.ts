// When a backlog will be gone: from how many uplinks came and were settled over the last minute.
import type { Ledger } from '../domain/ledger.ts';
import type { DrainForecast } from '../domain/ports/facts.ts';

const SAMPLE_MS = 5_000;
/** A minute of samples. */
const SAMPLES = 13;
/** Less than so many seconds of what is being settled is no backlog but what is on its way. */
const ON_ITS_WAY_S = 2;

interface Sample {
  readonly atMs: number;
  readonly received: number;
  readonly settled: number;
}

export class Drain {
  readonly #samples: Sample[] = [];
  #latest: Sample | null = null;

  /** As often as wanted; `nowMs` is monotonic. */
  note({ received, pending }: Pick<Ledger, 'received' | 'pending'>, nowMs: number): void {
    const sample = { atMs: nowMs, received, settled: received - pending };
    this.#latest = sample;
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last.atMs < SAMPLE_MS) return;
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  forecast(): DrainForecast {
    const first = this.#samples[0];
    const last = this.#latest;
    if (first === undefined || last === null) {
      return { waiting: 0, settledPerSecond: 0, receivedPerSecond: 0, emptyInMs: null };
    }
    const waiting = last.received - last.settled;
    const seconds = (last.atMs - first.atMs) / 1000;
    if (seconds <= 0) {
      return { waiting, settledPerSecond: 0, receivedPerSecond: 0, emptyInMs: waiting === 0 ? 0 : null };
    }
    const settledPerSecond = Math.max(0, last.settled - first.settled) / seconds;
    const receivedPerSecond = Math.max(0, last.received - first.received) / seconds;
    return {
      waiting,
      settledPerSecond,
      receivedPerSecond,
      emptyInMs: emptyIn(waiting, settledPerSecond, receivedPerSecond),
    };
  }
}

function emptyIn(waiting: number, settledPerSecond: number, receivedPerSecond: number): number | null {
  if (waiting === 0) return 0;
  if (waiting <= settledPerSecond * ON_ITS_WAY_S) return (waiting / settledPerSecond) * 1000;
  const net = settledPerSecond - receivedPerSecond;
  // A hundredth of what goes is the noise of counting.
  return net > settledPerSecond / 100 ? (waiting / net) * 1000 : null;
}
