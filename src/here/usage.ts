// How much of HERE one (host, appId) uses: requests by result, records, durations, and the last minute, hour and day.
import type { Clock } from '../domain/ports/clock.ts';
import { type HistogramFacts, type PeriodUse, REQUEST_RESULTS, type RequestResult } from '../domain/ports/facts.ts';
import type { HttpAnswer } from './http.ts';

const DURATION_BOUNDS_MS = [25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const MINUTES_A_DAY = 1440;

/** Sums of the latest periods of one length, on the monotonic clock. */
class Periods {
  readonly #lengthMs: number;
  /** Which period each place stands for: an older one counts nothing. */
  readonly #stamps: Float64Array;
  readonly #sums: Float64Array;

  constructor(count: number, lengthMs: number) {
    this.#lengthMs = lengthMs;
    this.#stamps = new Float64Array(count).fill(-1);
    this.#sums = new Float64Array(count);
  }

  add(nowMs: number, amount: number): void {
    const stamp = Math.floor(nowMs / this.#lengthMs);
    const at = stamp % this.#sums.length;
    if (this.#stamps[at] !== stamp) {
      this.#stamps[at] = stamp;
      this.#sums[at] = 0;
    }
    this.#sums[at] = (this.#sums[at] as number) + amount;
  }

  /** Of the last `count` periods with the one under way. */
  sum(nowMs: number, count: number): number {
    const last = Math.floor(nowMs / this.#lengthMs);
    let sum = 0;
    for (let i = 0; i < this.#sums.length; i++) {
      const stamp = this.#stamps[i] as number;
      if (stamp > last - count && stamp <= last) sum += this.#sums[i] as number;
    }
    return sum;
  }
}

class Amount {
  readonly #seconds = new Periods(60, SECOND_MS);
  readonly #minutes = new Periods(MINUTES_A_DAY, MINUTE_MS);

  add(nowMs: number, amount: number): void {
    this.#seconds.add(nowMs, amount);
    this.#minutes.add(nowMs, amount);
  }

  last(nowMs: number, period: 'minute' | 'hour' | 'day'): number {
    if (period === 'minute') return this.#seconds.sum(nowMs, 60);
    return this.#minutes.sum(nowMs, period === 'hour' ? 60 : MINUTES_A_DAY);
  }
}

export class Usage {
  readonly #clock: Clock;
  readonly since: number;
  readonly #requests = new Amount();
  readonly #records = new Amount();
  readonly #refused = new Amount();
  readonly results: Record<RequestResult, number>;
  #recordsTotal = 0;
  #recordsInDoubt = 0;
  readonly #durations = new Float64Array(DURATION_BOUNDS_MS.length);
  #durationCount = 0;
  #durationSumMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.since = clock.now();
    this.results = Object.fromEntries(REQUEST_RESULTS.map((result) => [result, 0])) as Record<RequestResult, number>;
  }

  /** Once a request, of `records` telemetry records. Those that were stopped by us say nothing about HERE. */
  answered(answer: HttpAnswer, records: number): void {
    if (answer.kind === 'noAnswer' && answer.maybeSent) this.#recordsInDoubt += records;
    if (answer.kind === 'noAnswer' && answer.cause === 'stopped') return;
    const result = resultOf(answer);
    const nowMs = this.#clock.monotonic();
    this.results[result] += 1;
    this.#requests.add(nowMs, 1);
    if (answer.kind === 'answer' && (answer.status === 429 || answer.status === 503)) this.#refused.add(nowMs, 1);
  }

  accepted(records: number): void {
    this.#recordsTotal += records;
    this.#records.add(this.#clock.monotonic(), records);
  }

  took(ms: number): void {
    this.#durationCount += 1;
    this.#durationSumMs += ms;
    const at = DURATION_BOUNDS_MS.findIndex((bound) => ms <= bound);
    if (at >= 0) this.#durations[at] = (this.#durations[at] as number) + 1;
  }

  get records(): number {
    return this.#recordsTotal;
  }

  get recordsInDoubt(): number {
    return this.#recordsInDoubt;
  }

  last(period: 'minute' | 'hour' | 'day'): PeriodUse {
    const nowMs = this.#clock.monotonic();
    const [requests, records, refused] = [this.#requests, this.#records, this.#refused].map((amount) =>
      amount.last(nowMs, period),
    ) as [number, number, number];
    return { requests, records, refused };
  }

  durations(): HistogramFacts {
    let seen = 0;
    const counts = Array.from(this.#durations, (count) => {
      seen += count;
      return seen;
    });
    return { boundsMs: DURATION_BOUNDS_MS, counts, count: this.#durationCount, sumMs: this.#durationSumMs };
  }
}

function resultOf(answer: HttpAnswer): RequestResult {
  if (answer.kind === 'noAnswer') return 'noAnswer';
  const { status } = answer;
  if (status < 300) return 'accepted';
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 413) return 'tooLarge';
  if (status === 429) return 'rateLimited';
  return status >= 500 ? 'unavailable' : 'refused';
}
