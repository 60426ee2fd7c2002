// One HERE account's tokens in this process: kept, renewed before they end, one renewal or log-in in flight for everybody.
import type { AccountKey } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { Cancel, Chance, Clock } from '../domain/ports/clock.ts';
import type { LogInOutcome } from '../domain/ports/here.ts';
import { AccountMemory } from './account-memory.ts';
import { FailedRenewals } from './failed-renewals.ts';
import type { HereHttp } from './http.ts';
import type { KeptAccount, KeptPair, KeptState } from './kept-account.ts';
import {
  attempted,
  forgiven,
  isLockedOut,
  mayTry,
  mustBeWell,
  notAnswered,
  notJudged,
  refused,
  worked,
} from './login-policy.ts';
import { Rejections } from './rejections.ts';
import { ScopedTokens } from './scoped-tokens.ts';
import { type Delay, NOT_WELL, pause, retry, type TokenOutcome, UNCONFIRMED } from './token-outcome.ts';
import { Unanswered } from './unanswered.ts';
import { type Granted, UserCalls } from './user-calls.ts';

/** Renewal begins this long before the end, or at four fifths of a shorter life; plus up to half of it by chance. */
const RENEW_BEFORE_MS = 3_600_000;
/** Between two tries to renew, or to log in, that failed for no fault of ours. */
const RETRY_AFTER_MS = 1000;
const BACKGROUND_RETRY_MS = 60_000;
/** A 403 to a log-in that is known to be right. */
const FORBIDDEN_MS = 600_000;

interface Live {
  readonly pair: KeptPair;
  /** Monotonic: a step of the wall clock changes nothing for a token that we hold. */
  readonly expiresMs: number;
  readonly renewMs: number;
}

export interface SessionOptions {
  readonly key: AccountKey;
  readonly http: HereHttp;
  readonly kept: KeptAccount;
  readonly clock: Clock;
  readonly chance: Chance;
  /** False: another worker may have the account, so nothing is asked of HERE in its name. */
  readonly mayAct: () => boolean;
  /** By HERE's own word, which needs no log-in. */
  readonly isHealthy: (signal: AbortSignal) => Promise<boolean>;
}

export class AccountSession {
  readonly #kept: KeptAccount;
  readonly #calls: UserCalls;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #stopping = new AbortController();
  readonly memory: AccountMemory;
  readonly scoped: ScopedTokens;
  #live: Live | null = null;
  /** An access token that HERE refused although it was fresh: only a log-in helps. */
  #rejected: string | null = null;
  /** An access token whose renewal HERE refused: it serves until its end. */
  #unrenewable: string | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  readonly #failedRenewals = new FailedRenewals();
  readonly #rejections = new Rejections();
  readonly #unanswered = new Unanswered();
  #cancelTimer: Cancel | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  readonly #options: SessionOptions;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#kept = options.kept;
    this.memory = new AccountMemory(options.kept);
    this.#clock = options.clock;
    this.#chance = options.chance;
    this.#calls = new UserCalls(options.http, () => options.clock.now());
    this.scoped = new ScopedTokens(this, this.#calls, options.clock, this.#stopping.signal);
  }

  /** The token now, without a promise; null: ask `renew`. */
  get token(): string | null {
    const live = this.#live;
    if (live === null || live.pair.accessToken === this.#rejected) return null;
    return this.#clock.monotonic() < live.expiresMs ? live.pair.accessToken : null;
  }

  /** For metrics: how long the token still lives (null: there is none), and whether nobody can log in, because HERE refuses. */
  get facts(): { readonly tokenExpiresInMs: number | null; readonly refused: boolean } {
    const live = this.#live;
    const leftMs = live === null ? null : Math.max(0, live.expiresMs - this.#clock.monotonic());
    // Once a corrected password works, the old one stays in the list: it must not keep an alert up.
    const { last } = this.memory;
    return { tokenExpiresInMs: leftMs, refused: last !== null && last.proven === null && last.refused.length > 0 };
  }

  /** A token for one who knows this password: the kept one if HERE has let this very pair in, else by a log-in. */
  async authenticate(password: string): Promise<LogInOutcome> {
    const outcome = await this.exclusive(() => this.#obtain(password, null, true));
    if (outcome.kind === 'retry') {
      const { afterMs, message, isPause } = outcome;
      return { kind: 'retry', afterMs, message, ...(isPause && { isPause }) };
    }
    return outcome.kind === 'ok' ? { kind: 'ok', reused: outcome.reused } : outcome;
  }

  /** A token other than `stale` (null: any): those who ask for it meanwhile get the same one. */
  async renew(password: string, stale: string | null): Promise<TokenOutcome> {
    const { token } = this;
    if (token !== null && token !== stale) return { kind: 'ok', token, reused: true };
    return this.exclusive(() => this.renewInTurn(password, stale));
  }

  /** As `renew`, for one who has the turn already. */
  renewInTurn(password: string, stale: string | null): Promise<TokenOutcome> {
    return this.#obtain(password, stale, false);
  }

  /** HERE refused a token that had just been renewed. */
  reject(token: string): void {
    if (this.#live?.pair.accessToken !== token || this.#rejected === token) return;
    this.#rejections.note(this.#clock.monotonic());
    this.#rejected = token;
  }

  forgetRefusal(password: string): void {
    try {
      this.memory.save(forgiven(this.memory.state(), this.#kept.fingerprint(this.#options.key.email, password)));
    } catch {
      // The vault cannot be read: the next log-in says so, and sends nothing.
    }
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
    this.#unanswered.forget();
    this.#failedRenewals.hurry();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#stopping.abort(new Error('stopped'));
  }

  /** One at a time, in the order asked. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(task);
    this.#tail = run.catch(() => undefined);
    return run;
  }

  /** `strict`: the token must have been obtained with this password. */
  async #obtain(password: string, stale: string | null, strict: boolean): Promise<TokenOutcome> {
    let state: KeptState;
    try {
      state = this.memory.state();
    } catch (error) {
      return retry('unavailable', null, `the account's kept state cannot be read: ${describeError(error)}`);
    }
    this.#adopt(state.pair);
    const fingerprint = this.#kept.fingerprint(this.#options.key.email, password);
    if (!strict || state.proven === fingerprint) {
      const { token } = this;
      if (token !== null && token !== stale) return { kind: 'ok', token, reused: true };
      if (!this.#options.mayAct()) return UNCONFIRMED;
      // Only a pair that is known to work: HERE may leave the log-in without an answer as well, and then it is not counted.
      const renewed = await this.#refresh(state.proven === fingerprint && mayTry(state, fingerprint).allowed);
      if (renewed !== null) return renewed;
    }
    return this.#options.mayAct() ? this.#logIn(password, fingerprint) : UNCONFIRMED;
  }

  /** null: there is nothing to renew, HERE refuses to, or it has failed so often that a log-in is tried (`orLogIn`). */
  async #refresh(orLogIn: boolean): Promise<TokenOutcome | null> {
    const pair = this.#live?.pair;
    if (pair === undefined || pair.accessToken === this.#rejected || pair.accessToken === this.#unrenewable)
      return null;
    const waitMs = this.#notBeforeMs - this.#clock.monotonic();
    if (waitMs > 0) return pause(waitMs, 'the last renewal failed a moment ago');
    const answer = await this.#calls.refresh(pair, this.#stopping.signal);
    if (answer.kind === 'granted') return this.#grant(answer, this.memory.state());
    if (answer.kind === 'failed') {
      return orLogIn && this.#failedRenewals.note(answer, this.#clock.monotonic()) ? null : this.#wait(answer);
    }
    this.#failedRenewals.forget();
    this.#unrenewable = pair.accessToken;
    return null;
  }

  async #logIn(password: string, fingerprint: string): Promise<TokenOutcome> {
    const known = this.memory.state();
    const permission = mayTry(known, fingerprint);
    if (!permission.allowed) {
      return { kind: 'refused', attempted: false, message: permission.message, lockedOut: permission.lockedOut };
    }
    const nowMs = this.#clock.monotonic();
    // Another password is a person's correction: it does not wait for what happened to the former one.
    const isSamePair = known.proven === null || known.proven === fingerprint;
    const notBeforeMs = isSamePair ? Math.max(this.#notBeforeMs, this.#rejections.noLogInBeforeMs) : nowMs;
    const waitMs = Math.max(notBeforeMs, this.#unanswered.noLogInBeforeMs(fingerprint)) - nowMs;
    if (waitMs > 0) {
      return pause(waitMs, 'the last log-in failed, or its token was refused, a moment ago: the next one waits');
    }
    const least = mustBeWell(known, fingerprint) || this.#failedRenewals.any ? 1 : 0;
    const questions = Math.max(least, this.#unanswered.healthQuestions(fingerprint));
    if (!(await this.#isWell(questions))) return this.#wait(NOT_WELL);
    const before = this.memory.state();
    if (!this.memory.saveOrLeave(attempted(before))) {
      return retry('unavailable', null, 'the log-in attempt could not be stored, so it was not made');
    }
    const stored = await this.#kept.everywhere().then(
      () => this.#options.mayAct(),
      () => false,
    );
    if (!stored) {
      // Nothing was sent. Where the attempt did arrive it is taken back there as well.
      this.memory.save(before);
      return retry('unavailable', null, 'the log-in attempt could not be stored for other workers, so it was not made');
    }
    const answer = await this.#calls.logIn(this.#options.key, password, this.#stopping.signal);
    const state = this.memory.state();
    if (answer.kind === 'granted') {
      return this.#grant(answer, worked(state, fingerprint));
    }
    if (answer.kind === 'denied' && answer.status === 403 && state.proven === fingerprint) {
      // The pair is known to be right, so this is no refusal of it: three tokens may be in use by others, until they end.
      this.memory.save(notJudged(state));
      return this.#wait({ cause: 'unavailable', afterMs: FORBIDDEN_MS, message: answer.message });
    }
    if (answer.kind === 'denied') {
      this.memory.save(refused(state, fingerprint, answer.message));
      const lockedOut = isLockedOut(state, answer.message);
      return { kind: 'refused', attempted: true, message: answer.message, lockedOut };
    }
    const after = answer.judged === 'no' ? notJudged(state) : notAnswered(state, fingerprint);
    this.memory.save(after);
    const answeredMs = this.#clock.monotonic();
    if (after.failed > before.failed) this.#unanswered.note(fingerprint, after.failed, answeredMs);
    else if (answer.judged !== 'no') this.#unanswered.noteProven(fingerprint, answeredMs);
    return this.#wait(answer);
  }

  async #isWell(questions: number): Promise<boolean> {
    const { isHealthy } = this.#options;
    const answers = Array.from({ length: questions }, () => isHealthy(this.#stopping.signal));
    return (await Promise.all(answers)).every(Boolean);
  }

  #grant(granted: Granted, state: KeptState): TokenOutcome {
    const { accessToken, lifetimeMs } = granted;
    const beforeMs = Math.min(RENEW_BEFORE_MS, lifetimeMs / 5) * (1 + this.#chance.random() / 2);
    const now = this.#clock.now();
    const refreshToken = granted.refreshToken ?? '';
    const expiresAt = now + lifetimeMs;
    const pair: KeptPair = { accessToken, refreshToken, expiresAt, renewAt: expiresAt - beforeMs };
    this.memory.save({ ...state, pair });
    this.#adopt(pair);
    return { kind: 'ok', token: accessToken, reused: false };
  }

  #adopt(pair: KeptPair | null): void {
    if (pair === null || pair.accessToken === this.#live?.pair.accessToken) return;
    const nowMs = this.#clock.monotonic();
    const now = this.#clock.now();
    this.#failedRenewals.forget();
    this.#live = { pair, expiresMs: nowMs + pair.expiresAt - now, renewMs: nowMs + pair.renewAt - now };
    this.#arm(this.#live.renewMs - nowMs);
  }

  /** Renews in time without anybody asking, so that a quiet account keeps its pair; never logs in. */
  #arm(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(ms, () => {
      void this.exclusive(async () => {
        if (this.#stopping.signal.aborted) return;
        this.#adopt(this.memory.state().pair);
        if (this.#live === null) return;
        const leftMs = this.#live.renewMs - this.#clock.monotonic();
        // Another pair was adopted, or the timer came a little early.
        if (leftMs > 0) return this.#arm(leftMs);
        if (!this.#options.mayAct()) return this.#arm(BACKGROUND_RETRY_MS);
        const outcome = await this.#refresh(false);
        if (outcome?.kind === 'retry') this.#arm(Math.max(outcome.afterMs ?? 0, this.#jitter(BACKGROUND_RETRY_MS)));
      }).catch(() => this.#arm(BACKGROUND_RETRY_MS));
    });
  }

  #wait(answer: Delay): TokenOutcome {
    this.#notBeforeMs = this.#clock.monotonic() + (answer.afterMs ?? this.#jitter(RETRY_AFTER_MS));
    return retry(answer.cause, answer.afterMs, answer.message);
  }

  #jitter(ms: number): number {
    return ms * (0.5 + this.#chance.random());
  }
}
