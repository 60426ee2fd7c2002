// Project-scoped tokens of an account: platform projects take no other. Each has its own end; exchanged from the account's token.
import type { Clock } from '../domain/ports/clock.ts';
import type { AccountMemory } from './account-memory.ts';
import type { KeptToken } from './kept-account.ts';
import type { TokenOutcome } from './token-outcome.ts';
import type { UserCalls } from './user-calls.ts';

/** What it needs of the account's session. */
export interface BaseTokens {
  readonly token: string | null;
  exclusive<T>(task: () => Promise<T>): Promise<T>;
  renewInTurn(password: string, stale: string | null): Promise<TokenOutcome>;
  readonly memory: Pick<AccountMemory, 'state' | 'save'>;
}

interface Live {
  readonly token: string;
  readonly expiresMs: number;
}

/** A token is replaced this long before its end. */
const MARGIN_MS = 60_000;

export class ScopedTokens {
  readonly #base: BaseTokens;
  readonly #calls: UserCalls;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #live = new Map<string, Live>();

  constructor(base: BaseTokens, calls: UserCalls, clock: Clock, signal: AbortSignal) {
    this.#base = base;
    this.#calls = calls;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Without a promise; null: ask `renew`. */
  token(projectHrn: string): string | null {
    const live = this.#live.get(projectHrn);
    return live !== undefined && this.#clock.monotonic() < live.expiresMs ? live.token : null;
  }

  async renew(projectHrn: string, password: string, stale: string | null): Promise<TokenOutcome> {
    const token = this.token(projectHrn);
    if (token !== null && token !== stale) return { kind: 'ok', token, reused: true };
    return this.#base.exclusive(async () => {
      this.#adopt(projectHrn, this.#base.memory.state().scoped[projectHrn]);
      const meanwhile = this.token(projectHrn);
      if (meanwhile !== null && meanwhile !== stale) return { kind: 'ok', token: meanwhile, reused: true };
      return this.#exchange(projectHrn, password);
    });
  }

  /** HERE refused a token that had just been exchanged: the next one comes from a new exchange. */
  reject(token: string): void {
    for (const [projectHrn, live] of this.#live) if (live.token === token) this.#live.delete(projectHrn);
  }

  async #exchange(projectHrn: string, password: string): Promise<TokenOutcome> {
    let base = await this.#base.renewInTurn(password, null);
    for (let attempt = 1; base.kind === 'ok'; attempt++) {
      const answer = await this.#calls.exchange(base.token, projectHrn, this.#signal);
      if (answer.kind === 'granted') return this.#grant(projectHrn, answer.accessToken, answer.lifetimeMs);
      if (answer.kind === 'failed') {
        return { kind: 'retry', cause: answer.cause, afterMs: answer.afterMs, message: answer.message };
      }
      if (answer.status !== 401 || attempt > 1) {
        const message = `HERE gives no token for the project: ${answer.message}`;
        return { kind: 'refused', attempted: true, message };
      }
      base = await this.#base.renewInTurn(password, base.token);
    }
    return base;
  }

  #grant(projectHrn: string, accessToken: string, lifetimeMs: number): TokenOutcome {
    const kept: KeptToken = { accessToken, expiresAt: this.#clock.now() + lifetimeMs };
    const state = this.#base.memory.state();
    this.#base.memory.save({ ...state, scoped: { ...state.scoped, [projectHrn]: kept } });
    this.#live.set(projectHrn, {
      token: accessToken,
      expiresMs: this.#clock.monotonic() + lifetimeMs - marginOf(lifetimeMs),
    });
    return { kind: 'ok', token: accessToken, reused: false };
  }

  #adopt(projectHrn: string, kept: KeptToken | undefined): void {
    if (kept === undefined || this.#live.get(projectHrn)?.token === kept.accessToken) return;
    const leftMs = kept.expiresAt - this.#clock.now();
    this.#live.set(projectHrn, {
      token: kept.accessToken,
      expiresMs: this.#clock.monotonic() + leftMs - marginOf(leftMs),
    });
  }
}

function marginOf(lifetimeMs: number): number {
  return Math.min(MARGIN_MS, lifetimeMs / 5);
}
