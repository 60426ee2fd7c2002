// Accounts of the simulated HERE: log-in with its limits, token pairs, renewal, project-scoped tokens.
import { randomBytes } from 'node:crypto';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { HereError } from './answer.ts';
import type { Project } from './devices.ts';
import type { AccountOptions, Settings } from './options.ts';

const MAX_SCOPED = 100;

export interface Account {
  readonly email: string;
  password: string;
  readonly realm: string | null;
  readonly userId: string;
  readonly projects: readonly Project[];
  /** Live pairs, oldest first. */
  readonly pairs: TokenPair[];
  failures: number;
  locked: boolean;
  logIns: number;
  failedLogIns: number;
  refreshes: number;
  exchanges: number;
}

export interface TokenPair {
  readonly account: Account;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Monotonic ms. */
  readonly expiresAt: number;
  /** A refresh token serves once. */
  refreshed: boolean;
}

/** What a bearer token stands for. */
export interface Session {
  readonly account: Account;
  readonly pair: TokenPair;
  /** The one project of a token from `tokenExchange`; null for a user token. */
  readonly scope: Project | null;
  readonly expiresAt: number;
}

export interface TokenAnswer {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: number;
  readonly tokenType: 'bearer';
  readonly userId: string;
  readonly realm: string;
}

export class Accounts {
  readonly #byEmail = new Map<string, Account>();
  readonly #sessions = new Map<string, Session>();
  readonly #refresh = new Map<string, TokenPair>();
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #chance: Chance;

  constructor(settings: Settings, clock: Clock, chance: Chance) {
    this.#settings = settings;
    this.#clock = clock;
    this.#chance = chance;
  }

  add(options: AccountOptions, projects: readonly Project[]): Account {
    const account: Account = {
      email: options.email,
      password: options.password,
      realm: options.realm?.toLowerCase() ?? null,
      userId: `HERE-${this.#chance.uuid()}`,
      projects,
      pairs: [],
      failures: 0,
      locked: false,
      logIns: 0,
      failedLogIns: 0,
      refreshes: 0,
      exchanges: 0,
    };
    this.#byEmail.set(options.email.toLowerCase(), account);
    return account;
  }

  all(): readonly Account[] {
    return [...this.#byEmail.values()];
  }

  find(email: string): Account | null {
    return this.#byEmail.get(email.toLowerCase()) ?? null;
  }

  /** A locked account answers like a wrong password, whatever was sent. */
  logIn(email: string, password: string, realm: string | null): TokenAnswer {
    const account = this.find(email);
    if (!account) throw new HereError(401);
    const realmFits = account.realm === null || realm === null || account.realm === realm.toLowerCase();
    if (account.locked || account.password !== password || !realmFits) {
      account.failedLogIns++;
      account.failures++;
      if (account.failures >= this.#settings.maxLogInFailures) account.locked = true;
      throw new HereError(401, account.locked ? 'The account is locked.' : undefined);
    }
    this.#makeRoom(account);
    account.failures = 0;
    account.logIns++;
    return this.#issue(account);
  }

  /** Needs both tokens of one pair. The old access token lives on until it expires, and counts until then. */
  refresh(accessToken: string, refreshToken: string): TokenAnswer {
    const pair = this.#refresh.get(refreshToken);
    if (!pair || pair.accessToken !== accessToken || pair.refreshed) throw new HereError(401);
    this.#makeRoom(pair.account);
    pair.refreshed = true;
    this.#refresh.delete(refreshToken);
    pair.account.refreshes++;
    return this.#issue(pair.account);
  }

  exchange(accessToken: string, hrn: string): { accessToken: string; expiresIn: number; scope: string } {
    const session = this.session(accessToken);
    if (!session) throw new HereError(401);
    const project = session.account.projects.find((candidate) => candidate.hrn === hrn);
    if (!project) throw new HereError(404);
    this.#boundScoped(session.pair);
    const token = this.#token();
    this.#sessions.set(token, {
      account: session.account,
      pair: session.pair,
      scope: project,
      expiresAt: session.expiresAt,
    });
    session.account.exchanges++;
    const expiresIn = Math.max(1, Math.floor((session.expiresAt - this.#clock.monotonic()) / 1000));
    return { accessToken: token, expiresIn, scope: hrn };
  }

  session(token: string): Session | null {
    const session = this.#sessions.get(token);
    if (!session) return null;
    if (session.expiresAt > this.#clock.monotonic()) return session;
    this.#expire(session.account);
    return null;
  }

  liveTokens(account: Account): number {
    this.#expire(account);
    return account.pairs.length;
  }

  /** Ends a pair with everything made from it; its refresh token too. */
  revoke(pair: TokenPair): void {
    this.#refresh.delete(pair.refreshToken);
    this.#end(pair);
  }

  revokeAll(account: Account): number {
    const pairs = [...account.pairs];
    for (const pair of pairs) this.revoke(pair);
    return pairs.length;
  }

  unlock(account: Account): void {
    account.locked = false;
    account.failures = 0;
  }

  #makeRoom(account: Account): void {
    this.#expire(account);
    if (account.pairs.length < this.#settings.maxTokens) return;
    if (this.#settings.fourthLogIn === 'refused') throw new HereError(403, 'Too many valid tokens.');
    const oldest = account.pairs[0];
    if (oldest) this.revoke(oldest);
  }

  /** Project-scoped tokens do not count among the three; the oldest go so that they cannot grow without end. */
  #boundScoped(pair: TokenPair): void {
    const scoped = [...this.#sessions].filter(([, session]) => session.pair === pair && session.scope !== null);
    for (const [token] of scoped.slice(0, Math.max(0, scoped.length - MAX_SCOPED + 1))) this.#sessions.delete(token);
  }

  #issue(account: Account): TokenAnswer {
    const pair: TokenPair = {
      account,
      accessToken: this.#token(),
      refreshToken: this.#token(),
      expiresAt: this.#clock.monotonic() + this.#settings.tokenLifetimeS * 1000,
      refreshed: false,
    };
    account.pairs.push(pair);
    this.#sessions.set(pair.accessToken, { account, pair, scope: null, expiresAt: pair.expiresAt });
    this.#refresh.set(pair.refreshToken, pair);
    return {
      accessToken: pair.accessToken,
      refreshToken: pair.refreshToken,
      expiresIn: this.#settings.tokenLifetimeS,
      tokenType: 'bearer',
      userId: account.userId,
      realm: account.realm ?? 'HERE',
    };
  }

  /** Expired access tokens go; their refresh tokens stay good for one more lifetime. */
  #expire(account: Account): void {
    const now = this.#clock.monotonic();
    for (const pair of account.pairs.filter((candidate) => candidate.expiresAt <= now)) this.#end(pair);
    const gone = now - this.#settings.tokenLifetimeS * 1000;
    for (const [token, pair] of this.#refresh) if (pair.expiresAt <= gone) this.#refresh.delete(token);
  }

  #end(pair: TokenPair): void {
    const at = pair.account.pairs.indexOf(pair);
    if (at >= 0) pair.account.pairs.splice(at, 1);
    for (const [token, session] of this.#sessions) if (session.pair === pair) this.#sessions.delete(token);
  }

  /** Random even under a seed: a restarted sandbox must never issue a token of its former life again. */
  #token(): string {
    return `h1.${randomBytes(36).toString('base64url')}`;
  }
}
