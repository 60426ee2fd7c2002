// The permits of one (host, appId): concurrency and order by p-queue; the rate, `Retry-After` and coming back slowly are ours.
import PQueue from 'p-queue';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { HereUsage } from '../domain/ports/facts.ts';
import type { RequestGate } from '../domain/ports/here.ts';
import { AbortWaiters } from './abort-waiters.ts';
import { Adaptive, type Answered } from './adaptive.ts';
import { BatchSize } from './batch-size.ts';
import { HeldTasks } from './held-tasks.ts';
import type { HttpAnswer } from './http.ts';
import type { HereService } from './options.ts';
import { retryAfterMs } from './outcome.ts';
import { Ramp } from './ramp.ts';
import { RateWindow } from './rate-window.ts';
import { toldLimit } from './told-limit.ts';
import { Usage } from './usage.ts';

export type GateLimits = Pick<
  HereService,
  'requestsPerSecond' | 'concurrency' | 'maxRecords' | 'maxBytes' | 'rampMs' | 'rateLimitPeriodMs'
> & {
  /** The concurrency follows HERE's answers, down to this; 1 by default. */
  readonly minConcurrency?: number;
};

/** After this long a background task goes by the priority of live batches, else a saturated gate would starve it. */
const BACKGROUND_PATIENCE_MS = 2000;
/** Pause after a 429 that does not say how long. */
const UNTOLD_PAUSE_MS = 1000;
/** Of the rate that HERE tells: requests spaced here may come closer together at HERE. */
const PLAN_SHARE = 0.97;

/** Coming back slowly is meant for bursts: a small plan would only wait. */
const LEAST_PER_SECOND = 1;

export class Gate implements RequestGate {
  readonly #limits: GateLimits;
  readonly #clock: Clock;
  readonly #queue: PQueue;
  readonly #window = new RateWindow();
  readonly #ramp: Ramp;
  readonly #adaptive: Adaptive;
  readonly #size: BatchSize;
  readonly #waiters = new AbortWaiters();
  readonly #requestsPerSecond: number | null;
  /** Told by HERE: requests per second that the plan allows. */
  #planPerSecond: number | null = null;
  #told: HereUsage['limit'] = null;
  readonly #usage: Usage;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: Cancel | null = null;
  #nextId = 0;
  readonly #stopping = new AbortController();
  readonly #mayAct: () => boolean;
  readonly #held: HeldTasks;

  /** `mayAct` false: no request may go out now; `actAgain` tells when that has changed. */
  constructor(limits: GateLimits, clock: Clock, mayAct: () => boolean = () => true) {
    this.#limits = limits;
    this.#clock = clock;
    this.#mayAct = mayAct;
    this.#held = new HeldTasks(clock, this.#waiters);
    this.#requestsPerSecond = limits.requestsPerSecond;
    this.#ramp = new Ramp(limits.rampMs);
    this.#adaptive = new Adaptive(limits.minConcurrency ?? 1, limits.concurrency);
    this.#size = new BatchSize(limits);
    this.#usage = new Usage(clock);
    this.#queue = new PQueue({ concurrency: limits.concurrency });
  }

  get maxRecords(): number {
    return this.#size.maxRecords;
  }

  get maxBytes(): number {
    return this.#size.maxBytes;
  }

  /** Tasks that wait for a permit, and that have one. */
  get load(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#queue.size, running: this.#queue.pending };
  }

  get usage(): Omit<HereUsage, 'host' | 'appId'> {
    const { running, waiting } = this.load;
    const nowMs = this.#clock.monotonic();
    const ceiling = this.#limits.concurrency;
    const pausedMs = Math.max(0, this.#pausedUntilMs - nowMs);
    return {
      since: this.#usage.since,
      lastMinute: this.#usage.last('minute'),
      lastHour: this.#usage.last('hour'),
      lastDay: this.#usage.last('day'),
      limit: this.#told,
      permits: { running, waiting, allowed: this.#queue.concurrency, floor: this.#adaptive.floor, ceiling },
      requestsPerSecond: this.#rate(this.#ramp.share(nowMs)),
      pausedMs: Number.isFinite(pausedMs) ? pausedMs : 0,
      results: { ...this.#usage.results },
      records: this.#usage.records,
      recordsInDoubt: this.#usage.recordsInDoubt,
      durations: this.#usage.durations(),
    };
  }

  tooLarge(records: number, bytes: number): void {
    this.#size.tooLarge(records, bytes);
  }

  /** HERE accepted a batch of this size. */
  tookBatch(records: number, bytes: number): void {
    this.#size.accepted(records, bytes);
    this.#usage.accepted(records);
  }

  run<T>(priority: 0 | 1 | 2, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    for (const { aborted, reason } of [signal, this.#stopping.signal]) if (aborted) return Promise.reject(reason);
    return new Promise<T>((resolve, reject) => {
      const id = String(this.#nextId++);
      // The queue gets a signal of its own that only ends the waiting: it would free the permit of a running task otherwise.
      const waiting = new AbortController();
      const giveUp = (reason: unknown): void => {
        forget();
        waiting.abort(reason);
        reject(reason);
      };
      const stops = [this.#waiters.on(signal, giveUp), this.#waiters.on(this.#stopping.signal, giveUp)];
      const forget = (): void => {
        for (const each of stops) each();
      };
      const cancelPatience = priority === 0 ? this.#losePatience(id) : null;
      const start = async (): Promise<void> => {
        forget();
        cancelPatience?.();
        this.#window.started(this.#clock.monotonic());
        this.#adjust();
        try {
          // Also at once after the process was frozen: so it is asked here, and not told to the queue.
          for (let isHeld = !this.#mayAct(); isHeld; isHeld = !this.#mayAct()) {
            await this.#held.hold([signal, this.#stopping.signal]);
            // When it got its permit is long ago by now: all that were held would go at once.
            if (this.#mayAct()) await this.again(signal);
            for (const { aborted, reason } of [signal, this.#stopping.signal]) if (aborted) throw reason;
          }
          resolve(await task());
        } catch (error) {
          reject(error);
        }
      };
      // Without a rate the window stays as it is; with one, `#adjust` has paused the queue whenever it is used up.
      this.#adjust();
      this.#queue.add(start, { priority, id, signal: waiting.signal }).catch(() => cancelPatience?.());
    });
  }

  /**
   * For a task under way whose request goes out only now, or once more, since a token had to be renewed first: waits until
   * the rate allows another start, and counts it. Resolves at once when `signal` aborts; the request will not be sent then.
   */
  async again(signal: AbortSignal): Promise<void> {
    for (let waitMs = this.#waitMs(); waitMs > 0; waitMs = this.#waitMs()) {
      if (signal.aborted || this.#stopping.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const stops = [signal, this.#stopping.signal].map((each) => this.#waiters.on(each, () => done()));
        const cancel = waitMs === Infinity ? () => {} : this.#clock.after(waitMs, () => done());
        const done = (): void => {
          cancel();
          for (const stop of stops) stop();
          resolve();
        };
      });
    }
    this.#window.started(this.#clock.monotonic());
    this.#adjust();
  }

  /**
   * What an answer says about the rate: to be called for every request that took a permit. Of a batch: `startedMs`, monotonic,
   * and how many records it had.
   */
  observe(answer: HttpAnswer, startedMs: number | null = null, records = 0): void {
    const nowMs = this.#clock.monotonic();
    this.#usage.answered(answer, records);
    if (startedMs !== null && answer.kind === 'answer') this.#usage.took(nowMs - startedMs);
    const learn = (kind: Answered['kind'], pauseMs = 0): boolean => {
      const full = records * 2 >= this.#size.maxRecords;
      const saturated = this.#queue.size > 0;
      const rateTold = this.#planPerSecond !== null;
      return this.#adaptive.answered({ kind, startedMs, rateTold, pauseMs, full, saturated }, nowMs);
    };
    if (answer.kind === 'noAnswer') {
      if (answer.cause === 'timeout') learn('overloaded');
      if (answer.cause !== 'stopped') this.#ramp.failed();
    } else {
      this.#readLimits(answer.headers, nowMs);
      const { status } = answer;
      const toldMs = status < 400 ? 0 : retryAfterMs(answer.headers, this.#clock.now());
      const pauseMs = toldMs ?? (status === 429 ? UNTOLD_PAUSE_MS : 0);
      if (status === 429 || status === 503) {
        // A limit is learnt; what is none is an outage.
        if (!learn(status === 429 ? 'refused' : 'overloaded', pauseMs)) this.#ramp.refused();
      } else if (status >= 500) this.#ramp.failed();
      else {
        learn('good');
        this.#ramp.succeeded(nowMs);
      }
      // Told with whatever refusal: it holds for all connections of the project.
      if (pauseMs > 0) this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + pauseMs);
    }
    this.#adjust();
  }

  /** It may be that requests may go out again. */
  actAgain(): void {
    this.#held.release();
  }

  /** Ends the timer and all waiting; nothing will start any more. */
  stop(): void {
    this.#stopping.abort(new Error('stopped'));
    this.#pausedUntilMs = Infinity;
    this.#adjust();
  }

  /** Sets concurrency and pause to what holds now, and a timer for when that changes. */
  #adjust(): void {
    if (this.#waitMs() <= 0) {
      // A higher concurrency may start tasks, each of which comes here and may have used up the window: so look again.
      this.#setConcurrency();
      if (this.#waitMs() <= 0) {
        this.#wakeAfter(Infinity);
        this.#queue.start();
        return;
      }
    }
    this.#queue.pause();
    this.#setConcurrency();
    this.#wakeAfter(this.#waitMs());
  }

  #wakeAfter(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = ms === Infinity ? null : this.#clock.after(ms, () => this.#adjust());
  }

  #waitMs(): number {
    const nowMs = this.#clock.monotonic();
    return Math.max(this.#pausedUntilMs - nowMs, this.#window.waitMs(nowMs, this.#rate(this.#ramp.share(nowMs))));
  }

  #setConcurrency(): void {
    const share = this.#ramp.share(this.#clock.monotonic());
    const concurrency = Math.max(1, Math.min(this.#adaptive.permits, Math.floor(this.#limits.concurrency * share)));
    if (this.#queue.concurrency !== concurrency) this.#queue.concurrency = concurrency;
  }

  /** Without any rate there is nothing to take a share of: then the concurrency alone grows back. */
  #rate(share: number): number | null {
    const learnt = this.#adaptive.ratePerSecond ?? Infinity;
    const whole = Math.min(this.#requestsPerSecond ?? Infinity, this.#planPerSecond ?? Infinity, learnt);
    return whole === Infinity ? null : Math.max(whole * share, Math.min(whole, LEAST_PER_SECOND));
  }

  #readLimits(headers: Readonly<Record<string, string>>, nowMs: number): void {
    const periodMs = this.#limits.rateLimitPeriodMs;
    const { limit, remaining } = toldLimit(headers);
    if (limit !== null) {
      this.#planPerSecond = ((limit * 1000) / periodMs) * PLAN_SHARE;
      this.#told = { requests: limit, periodMs, remaining, toldAt: this.#clock.now() };
    }
    const isUsedUp = remaining === 0;
    // Nothing left although we have not used it up: somebody else sends on this appId too.
    if (isUsedUp && this.#window.startsSince(nowMs - periodMs) < (limit ?? Infinity) * PLAN_SHARE - 1) {
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + periodMs);
    }
  }

  #losePatience(id: string): Cancel {
    return this.#clock.after(BACKGROUND_PATIENCE_MS, () => {
      try {
        this.#queue.setPriority(id, 1);
      } catch (error) {
        // It has just started: p-queue has no "is it waiting?".
        if (!(error instanceof ReferenceError)) throw error;
      }
    });
  }
}
