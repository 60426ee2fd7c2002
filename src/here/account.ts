// A connection's hold on a HERE account: the shared session, seen by one who names a password.
import { describeError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { HereAccount, LogInOutcome, OpenProjectOutcome } from '../domain/ports/here.ts';
import type { Answered, ListedProject } from '../domain/ports/here-questions.ts';
import { AuthorizedCalls, untilAborted } from './authorized.ts';
import type { HereHttp } from './http.ts';
import { OpenProject, type ProjectState } from './project.ts';
import { chooseProject, listLicences } from './projects.ts';
import type { AccountSession } from './session.ts';

export interface AccountHandleOptions {
  readonly session: AccountSession;
  readonly password: string;
  readonly http: HereHttp;
  /** Where project-scoped tokens are used. */
  readonly scopedHttp: HereHttp;
  readonly clock: Clock;
  readonly useProject: (origin: string, appId: string) => { state: ProjectState; release: () => void };
  /** See `HereAccount.settled`. */
  readonly settled: () => Promise<void>;
  readonly onRelease: () => void;
}

export class AccountHandle implements HereAccount {
  readonly #options: AccountHandleOptions;
  /** What this handle has opened: released together. */
  readonly #projects = new Map<string, { state: ProjectState; release: () => void }>();
  readonly #released = new AbortController();

  constructor(options: AccountHandleOptions) {
    this.#options = options;
  }

  /** Does not throw. */
  authenticate(signal: AbortSignal): Promise<LogInOutcome> {
    const { session, password } = this.#options;
    const stopped: LogInOutcome = { kind: 'retry', afterMs: null, message: 'stopped' };
    if (this.#released.signal.aborted) return Promise.resolve(stopped);
    const outcome = session.authenticate(password).catch((error): LogInOutcome => {
      return { kind: 'retry', afterMs: null, message: describeError(error) };
    });
    return untilAborted(outcome, signal, stopped);
  }

  forgetRefusal(): void {
    this.#options.session.forgetRefusal(this.#options.password);
  }

  async openProject(appId: string | null, remembered: string | null, signal: AbortSignal): Promise<OpenProjectOutcome> {
    const { session, password, http, scopedHttp, clock } = this.#options;
    if (this.#released.signal.aborted) return { kind: 'retry', afterMs: null, message: 'stopped' };
    const unscoped = new AuthorizedCalls(session, password, http, null);
    const licences = (ask: AbortSignal) => listLicences(unscoped, () => clock.now(), ask);
    const listed = await licences(signal);
    if (listed.kind !== 'ok') return listed;
    const choice = chooseProject(listed.licences, appId, remembered);
    if (choice.kind !== 'ok') return choice;
    const { licence, otherFirst } = choice;
    const host = licence.projectHrn === null ? http : scopedHttp;
    const calls = new AuthorizedCalls(session, password, host, licence.projectHrn);
    const token = await calls.prepare(signal);
    if (token.kind === 'refused') return { kind: 'refused', message: token.message };
    if (token.kind === 'retry') return { kind: 'retry', afterMs: token.afterMs, message: token.message };
    if (this.#released.signal.aborted) return { kind: 'retry', afterMs: null, message: 'stopped' };
    const state = this.#use(host.origin, licence.appId);
    const options = { licence, otherFirst, state, calls, licences, clock, signal: this.#released.signal };
    return { kind: 'ok', project: new OpenProject(options) };
  }

  async projects(signal: AbortSignal): Promise<Answered<readonly ListedProject[]>> {
    const { session, password, http, clock } = this.#options;
    const calls = new AuthorizedCalls(session, password, http, null);
    const listed = await listLicences(calls, () => clock.now(), signal);
    if (listed.kind === 'refused') return listed;
    if (listed.kind === 'retry') return { kind: 'unavailable', message: listed.message, afterMs: listed.afterMs };
    const value = listed.licences.map(({ projectHrn: _, ...project }) => project);
    return { kind: 'ok', value };
  }

  settled(signal: AbortSignal): Promise<void> {
    return untilAborted(
      this.#options.settled().catch(() => {}),
      signal,
      undefined,
    );
  }

  /** Idempotent. */
  release(): void {
    if (this.#released.signal.aborted) return;
    this.#released.abort(new Error('released'));
    for (const { release } of this.#projects.values()) release();
    this.#options.onRelease();
  }

  #use(origin: string, appId: string): ProjectState {
    const key = `${origin}|${appId}`;
    const held = this.#projects.get(key) ?? this.#options.useProject(origin, appId);
    this.#projects.set(key, held);
    return held.state;
  }
}
