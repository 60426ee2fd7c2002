// What HERE can take, where it does not say: permits and rate follow its answers between a floor and what is configured.
//
// HERE publishes neither a plan's rate nor how many requests at once it likes. So a 429 teaches a rate (what it accepted of
// late), a 503, a time-out or slower answers teach a number of permits; the learnt value is held for a while, then more is
// tried, slowly at first (as CUBIC does with TCP's window). Held values keep refusals rare: at most one trial in `TRIAL_EVERY`
// requests. A refusal while a value is held lowers it by a step, one right after another to seven tenths.
// All this is for a HERE that works: several refusals without a success between are an outage, see ramp.ts.

/** Answers that must have gone well before a refusal is taken for a limit and not for an outage. */
const WARM_AFTER = 20;
const OUTAGE_AFTER = 3;
/**
 * A plan that allows less is kept to by the pauses that HERE asks for: a rate so small, once learnt from refusals that were
 * about something else, would take minutes to be tried out of.
 */
const LEAST_PER_SECOND = 1;
const HOLD_MS = 45_000;
const TRIAL_EVERY = 300;
/** Refusals so close together mean that the value is far off. */
const CLOSE_MS = 5_000;
const STEP = 0.95;
const CUT = 0.7;
const OVERSHOT = 0.99;
/** What was accepted of late: so many answers make a rate, over a time within these bounds. */
const RECENT_ANSWERS = 30;
/** With fewer there was no rate to speak of: a 429 to one request a minute does not mean that one a minute is the limit. */
const LEAST_RECENT = 5;
const RECENT_MS = { least: 1_000, most: 10_000 } as const;
/** From the end of holding: how long until twice the rate is tried, and one permit more. */
const DOUBLE_MS = 60_000;
const PERMIT_MS = 10_000;
/** Full batches that take so much longer than the fastest of late tell of a queue at HERE. */
const SLOW_FACTOR = 2;
const SLOW_MS = 50;
/** The fastest is forgotten slowly: ten thousand batches make it a fifth slower. */
const FASTEST_GROWTH = 1.00002;
const SLOW_CUT = 0.8;
/** Answers that make a mean. */
const WINDOW = 30;

export interface Answered {
  /** `refused`: 429; `overloaded`: 503 or no answer in time. */
  readonly kind: 'good' | 'refused' | 'overloaded';
  /** Monotonic ms at which its request began; null: not known. */
  readonly startedMs: number | null;
  /** HERE tells its rate. */
  readonly rateTold: boolean;
  /** The pause that HERE asks for. */
  readonly pauseMs: number;
  /** Whether it carried a batch as full as may be: only such are compared by their duration. */
  readonly full: boolean;
  /** More would have been sent, had there been permits. */
  readonly saturated: boolean;
}

export class Adaptive {
  readonly floor: number;
  readonly #ceiling: number;
  #good = 0;
  #badInARow = 0;
  /** Of good answers, the latest last. */
  readonly #accepted: number[] = [];
  /** Since when requests have gone out without a pause; null: none was answered yet. */
  #resumedMs: number | null = null;
  #lastMs: number | null = null;
  /** Since when requests have waited for permits without a break: before that, what was accepted tells what came, not what HERE allows. */
  #busySinceMs = Number.NEGATIVE_INFINITY;
  readonly #rate = new Learnt();
  readonly #permits = new Learnt();
  #fastestMs = Number.POSITIVE_INFINITY;
  #samples = 0;
  #sumMs = 0;
  #slowWindows = 0;
  /** Before the last cut for slow answers. */
  #beforeCut: { readonly permits: number; readonly meanMs: number } | null = null;

  constructor(floor: number, ceiling: number) {
    this.floor = Math.min(floor, ceiling);
    this.#ceiling = ceiling;
  }

  /** Requests a second; null: nothing has been learnt. */
  get ratePerSecond(): number | null {
    const { value, trialMs } = this.#rate;
    return value === null ? null : value * (1 + (trialMs / DOUBLE_MS) ** 3);
  }

  get permits(): number {
    const { value, trialMs } = this.#permits;
    if (value === null) return this.#ceiling;
    return Math.min(this.#ceiling, Math.max(this.floor, Math.floor(value + trialMs / PERMIT_MS)));
  }

  /** False: this is no limit but an outage. */
  answered(answer: Answered, nowMs: number): boolean {
    // While fewer are sent than could be, nothing is learnt of how many could be.
    const passedMs = this.#lastMs === null || !answer.saturated ? 0 : Math.min(1000, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    if (!answer.saturated) this.#busySinceMs = nowMs;
    this.#rate.pass(passedMs);
    this.#permits.pass(passedMs);
    if (answer.kind === 'good') {
      this.#goodAnswer(answer, nowMs);
      return true;
    }
    // Where HERE tells its rate and it is kept to, a 429 is not about the rate.
    if (this.#good < WARM_AFTER || (answer.kind === 'refused' && answer.rateTold)) return false;
    const learnt = answer.kind === 'refused' ? this.#rate : this.#permits;
    // Sent before the last lesson: it teaches nothing new.
    if (answer.startedMs !== null && answer.startedMs <= learnt.learntMs) return true;
    if (++this.#badInARow >= OUTAGE_AFTER) {
      this.#good = 0;
      return false;
    }
    if (answer.kind === 'refused') return this.#tooFast(answer.pauseMs, nowMs);
    learnt.lower(Math.max(this.floor, this.permits - 1), Math.max(this.floor, this.permits * CUT), nowMs);
    return true;
  }

  #goodAnswer({ startedMs, full, saturated }: Answered, nowMs: number): void {
    this.#good += 1;
    this.#badInARow = 0;
    this.#rate.good();
    this.#permits.good();
    this.#resumedMs ??= startedMs ?? nowMs;
    this.#accepted.push(nowMs);
    if (this.#accepted.length > 2000) this.#accepted.splice(0, 1000);
    const isOfNow = startedMs !== null && startedMs > this.#permits.learntMs;
    if (isOfNow && full && saturated) this.#lookAtDuration(nowMs - startedMs, nowMs);
    // All that is configured may be used again: there is nothing left to be tried.
    const { value, trialMs } = this.#permits;
    if (value !== null && trialMs > 0 && this.permits === this.#ceiling) this.#permits.forget();
  }

  /** False: nothing can be learnt of it. */
  #tooFast(pauseMs: number, nowMs: number): boolean {
    const sinceMs = Math.max(1, nowMs - (this.#resumedMs ?? nowMs));
    const busyMs = Math.max(RECENT_MS.least, nowMs - this.#busySinceMs);
    const wanted = (RECENT_ANSWERS / Math.max(0.01, this.ratePerSecond ?? RECENT_ANSWERS / 5)) * 1000;
    const spanMs = Math.min(Math.max(wanted, RECENT_MS.least), RECENT_MS.most, sinceMs, busyMs);
    const count = this.#accepted.filter((at) => at > nowMs - spanMs).length;
    if (count < LEAST_RECENT) return false;
    // Where the pause is long beside what went before it, the limit counts over a longer period, pause and all.
    const periodMs = sinceMs > pauseMs * 5 ? spanMs : spanMs + pauseMs;
    const seen = count / (periodMs / 1000);
    if (seen < LEAST_PER_SECOND) return false;
    const current = this.ratePerSecond ?? Number.POSITIVE_INFINITY;
    const accepted = Math.min(current, seen);
    // A trial grows slowly, so the limit is just below what it had come to; else what was accepted of late tells more.
    const { value, trialMs } = this.#rate;
    const to = value !== null && trialMs > 0 ? Math.max(value, whole(current * OVERSHOT)) : whole(accepted);
    this.#rate.lower(to, Math.max(accepted, Math.min(current, Number.MAX_VALUE) * CUT), nowMs);
    this.#resumedMs = nowMs + pauseMs;
    return true;
  }

  /** Over windows of so many answers; the first slow one may be half of an earlier time, so the second counts. */
  #lookAtDuration(ms: number, nowMs: number): void {
    this.#samples += 1;
    this.#sumMs += ms;
    this.#fastestMs = Math.min(ms, this.#fastestMs * FASTEST_GROWTH);
    if (this.#samples < WINDOW) return;
    const meanMs = this.#sumMs / this.#samples;
    this.#samples = 0;
    this.#sumMs = 0;
    const isSlow = meanMs > this.#fastestMs * SLOW_FACTOR + SLOW_MS;
    this.#slowWindows = isSlow ? this.#slowWindows + 1 : 0;
    // The cut has helped: slowness that comes later is another matter.
    if (!isSlow) this.#beforeCut = null;
    if (this.#slowWindows < 2) return;
    this.#slowWindows = 0;
    if (this.#hasNotHelped(meanMs)) {
      // HERE itself has become slower: fewer at once would only cost throughput.
      this.#fastestMs = meanMs;
      this.#permits.value = this.#beforeCut?.permits ?? null;
      this.#beforeCut = null;
    } else if (this.permits > this.floor) {
      this.#beforeCut = { permits: this.permits, meanMs };
      const fewer = Math.max(this.floor, Math.min(this.permits - 1, Math.floor(this.permits * SLOW_CUT)));
      this.#permits.lower(fewer, fewer, nowMs);
      this.#permits.value = fewer;
    }
  }

  /** A queue gets shorter with what is put into it; answers that take as long as before did not wait in one. */
  #hasNotHelped(meanMs: number): boolean {
    const before = this.#beforeCut;
    // More has been tried since: the lesson is over.
    if (before === null || this.permits >= before.permits || this.#permits.trialMs > 0) return false;
    const ifQueuedMs = before.meanMs * (this.permits / before.permits);
    return meanMs > (before.meanMs + ifQueuedMs) / 2;
  }
}

/** A value that is held, then exceeded little by little until it is lowered again. */
class Learnt {
  value: number | null = null;
  learntMs = Number.NEGATIVE_INFINITY;
  #heldMs = 0;
  #requests = 0;

  /** How long more than the value has been tried. */
  get trialMs(): number {
    return this.#requests < TRIAL_EVERY ? 0 : Math.max(0, this.#heldMs - HOLD_MS);
  }

  good(): void {
    this.#requests += 1;
    // The time of holding ends with the last request that it wants.
    if (this.#requests === TRIAL_EVERY) this.#heldMs = Math.min(this.#heldMs, HOLD_MS);
  }

  pass(ms: number): void {
    if (this.value !== null) this.#heldMs += ms;
  }

  /** `to`: after a trial; `cut`: where the last lesson is a moment ago (null: the same). While it was held: a step down. */
  lower(to: number, cut: number | null, nowMs: number): void {
    if (this.value === null || this.trialMs > 0) this.value = to;
    else if (nowMs - this.learntMs < CLOSE_MS) this.value = Math.min(this.value, cut ?? to);
    else this.value = Math.min(to, Math.max(1, this.value * STEP));
    this.learntMs = nowMs;
    this.#heldMs = 0;
    this.#requests = 0;
  }

  forget(): void {
    this.value = null;
    this.#heldMs = 0;
    this.#requests = 0;
  }
}

/** Rates are kept by whole requests a second from ten on: a count of accepted ones is off by a part of one. */
function whole(perSecond: number): number {
  return perSecond < 10 ? perSecond : Math.floor(perSecond + 0.3);
}
