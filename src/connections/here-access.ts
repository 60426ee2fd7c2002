// One connection's way into HERE: its account and its project, as signals for the state machine.
import type { Connection } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { HereAccount, HereGateway, HereProject, OpenProjectOutcome } from '../domain/ports/here.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { Signal } from './machine.ts';
import { sentence } from './machine-draft.ts';
import { keepTold, wasTold } from './told-refusal.ts';

export interface Entry {
  readonly signal: Signal;
  /** Present with `projectOpened`. */
  readonly project: HereProject | null;
}

export class HereAccess {
  readonly #gateway: HereGateway;
  readonly #events: EventSink;
  #account: HereAccount | null = null;
  /** What the account was asked for with. */
  #asked: Connection['account'] | null = null;
  #forget = false;

  constructor(gateway: HereGateway, events: EventSink) {
    this.#gateway = gateway;
    this.#events = events;
  }

  /** The next `enter` may try a pair that HERE has refused. */
  forgetRefusal(): void {
    this.#forget = true;
  }

  /** Logs in and opens the project; never throws. An aborted one's answer is not to be used. */
  async enter(
    connection: Connection,
    store: Pick<ConnectionStore, 'getState' | 'setState'>,
    signal: AbortSignal,
  ): Promise<Entry> {
    try {
      const account = this.#accountOf(connection, store);
      if (this.#forget) account.forgetRefusal();
      this.#forget = false;
      const logIn = await account.authenticate(signal);
      if (logIn.kind === 'refused') {
        const words = logIn.attempted
          ? `HERE has refused the log-in: ${logIn.message}`
          : `HERE has refused this e-mail address and password before, so they were not tried again: ${logIn.message}`;
        const message = `${words} ${logIn.lockedOut === true ? UNLOCK : CORRECT}`;
        const refusal = logIn.lockedOut === true ? 'accountLocked' : 'logInRefused';
        const isNews = logIn.attempted || !wasTold(store, connection, refusal);
        keepTold(store, connection, refusal);
        return only({ kind: 'refused', message, event: isNews ? refusal : null });
      }
      if (logIn.kind === 'retry') {
        const { message, afterMs, isPause } = logIn;
        return only({ kind: 'transient', message, afterMs, ...(isPause && { isPause }) });
      }
      keepTold(store, connection, null);
      const key = rememberedKey(connection);
      const opened = await account.openProject(connection.appId, store.getState(key), signal);
      return this.#conclude(opened, connection, store, key, signal);
    } catch (error) {
      return only({ kind: 'transient', message: describeError(error), afterMs: null });
    }
  }

  /** See `HereAccount.settled`. */
  async settled(signal: AbortSignal): Promise<void> {
    await this.#account?.settled?.(signal);
  }

  release(): void {
    this.#account?.release();
    this.#account = null;
    this.#asked = null;
  }

  #accountOf(connection: Connection, store: Pick<ConnectionStore, 'getState' | 'setState'>): HereAccount {
    const { service, realm, email, password } = connection.account;
    const asked = this.#asked;
    const same =
      asked !== null &&
      asked.service === service &&
      asked.realm === realm &&
      asked.email === email &&
      asked.password === password;
    if (this.#account !== null && same) return this.#account;
    const before = this.#account;
    // Somebody has changed it meanwhile, and is to hear what comes of it.
    if (before !== null) keepTold(store, connection, null);
    this.#account = this.#gateway.account({ service, realm, email }, password);
    this.#asked = connection.account;
    // After the new one: an account that both name keeps its session.
    before?.release();
    return this.#account;
  }

  #conclude(
    opened: OpenProjectOutcome,
    connection: Connection,
    store: Pick<ConnectionStore, 'setState'>,
    key: string,
    signal: AbortSignal,
  ): Entry {
    switch (opened.kind) {
      case 'ok': {
        const { project } = opened;
        if (!signal.aborted && connection.appId === null) this.#remember(connection, project, store, key);
        return { signal: { kind: 'projectOpened' }, project };
      }
      case 'missing':
        return only({
          kind: 'unusable',
          event: 'projectMissing',
          message: `${sentence(opened.message)} ${THEN_RESTART}`,
        });
      case 'expired':
        return only({
          kind: 'unusable',
          event: 'licenceExpired',
          message: `${sentence(opened.message)} ${THEN_RESTART}`,
        });
      case 'refused':
        return only({ kind: 'unusable', event: 'held', message: `${sentence(opened.message)} ${THEN_RESTART}` });
      case 'retry':
        return only({ kind: 'transient', message: opened.message, afterMs: opened.afterMs });
    }
  }

  #remember(connection: Connection, project: HereProject, store: Pick<ConnectionStore, 'setState'>, key: string): void {
    try {
      store.setState(key, project.appId);
    } catch {
      // A failing disk is told by the journal and must not keep the connection from opening.
    }
    if (project.otherFirst === null) return;
    this.#events.emit({
      kind: 'projectOtherFirst',
      severity: 'warning',
      connectionId: connection.id,
      key: project.otherFirst,
      message: `HERE now lists the project ${project.otherFirst} first; the connection stays with ${project.appId}. Name the one you want as appId.`,
    });
  }
}

const CORRECT = 'Correct the connection, or restart it to try once more.';
const UNLOCK =
  'Look at HERE whether the account is locked, unlock it and check the password; then restart the connection.';
const THEN_RESTART =
  'Its uplinks wait, and it is tried again every 10 minutes. Mend it at HERE; a restart of the connection tries at once.';

/** HERE said so while the connection was open. */
export function licenceExpired(message: string): Signal {
  return { kind: 'unusable', event: 'licenceExpired', message: `${sentence(message)} ${THEN_RESTART}` };
}

/** The remembered project is the account's: another account begins anew. */
function rememberedKey(connection: Connection): string {
  const { service, realm, email } = connection.account;
  return `project:${JSON.stringify([service, realm, email])}`;
}

function only(signal: Signal): Entry {
  return { signal, project: null };
}
