// One connection's life: does what its state machine asks for, and tells it what came of it.
import type { Connection, ConnectionStatus, FieldError } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { NewEvent } from '../domain/events.ts';
import type { SourceStatus } from '../domain/ports/broker.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import type { HereProject } from '../domain/ports/here.ts';
import { classifyChange } from './classify-change.ts';
import { drainLine } from './drain-line.ts';
import { HereAccess } from './here-access.ts';
import { keepHold, keptHold } from './kept-hold.ts';
import { type Effect, initialMachine, type Machine, type MachineSettings, PATIENCE, type Signal } from './machine.ts';
import { RECONNECT_JITTER_MS } from './reconnect-strategy.ts';
import type { Runtime, RuntimeOptions } from './runtime-options.ts';
import { RuntimeParts } from './runtime-parts.ts';
import { observerOf, watchListenerOf } from './signals.ts';
import { SourceNews } from './source-news.ts';
import { step } from './state-machine.ts';
import { isoNow, statusOf, unheard } from './status-of.ts';

const DEACTIVATED =
  'Deactivated, as its definition says: uplinks wait at the broker, as far as it keeps them. Set active to true to go on.';

export class ConnectionRuntime implements Runtime {
  readonly #options: RuntimeOptions;
  readonly #access: HereAccess;
  #connection: Connection;
  #machine: Machine = initialMachine();
  readonly #signals: Signal[] = [];
  #stepping = false;
  #parts: RuntimeParts | null = null;
  #project: HereProject | null = null;
  /** Getting its parts ready, or logging in: never both. */
  #work = new AbortController();
  #timers: Cancel[] = [];
  #since: string;
  #startupTime: string | null = null;
  #errors: readonly FieldError[] | null = null;
  readonly #source: SourceNews;
  #stopping = false;
  /** Aborts when the one who stops this cannot wait any longer. */
  readonly #hurry = new AbortController();
  #stopped = Promise.withResolvers<void>();

  constructor(connection: Connection, options: RuntimeOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#access = new HereAccess(options.gateway, options.events);
    this.#source = new SourceNews(connection.id, options.events);
    this.#since = isoNow(this.#options.clock);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** The line and store while they are there: for what the admin interface shows. */
  get parts(): Pick<RuntimeParts, 'made' | 'store'> | null {
    return this.#parts;
  }

  start(): void {
    this.#startupTime = isoNow(this.#options.clock);
    if (this.#connection.active) this.#signal({ kind: 'open' });
    else this.#publish();
  }

  change(next: Connection): boolean {
    const change = classifyChange(this.#connection, next);
    // Parts in the making were given the old definition.
    if ((change.line || change.source) && this.#machine.parts === 'making') return false;
    if (change.source && this.#options.broker(next.source.broker) === null) return false;
    const ready = this.#machine.parts === 'ready' ? this.#parts : null;
    if (change.line && ready !== null && ready.made.reconfigure?.(next) !== true) return false;
    if (change.source && ready !== null && !ready.move(next.source)) return false;
    this.#connection = next;
    this.#errors = null;
    ready?.made.adapt?.(next);
    if (change.active) {
      if (next.active) this.#startupTime = isoNow(this.#options.clock);
      else this.#tell({ kind: 'connectionDeactivated', severity: 'info', message: DEACTIVATED });
      this.#signal({ kind: next.active ? 'open' : 'deactivate' });
    } else if (change.restart) {
      this.#startupTime = isoNow(this.#options.clock);
      this.#signal({ kind: 'restart' });
    } else if (change.reopen) this.#signal({ kind: 'reopen' });
    else this.#signal({ kind: 'settings' });
    this.#publish();
    return true;
  }

  noteErrors(errors: readonly FieldError[] | null): void {
    this.#errors = errors;
    this.#publish();
  }

  tick(): void {
    this.#parts?.watches.tick(this.#connection);
  }

  async stop(signal: AbortSignal): Promise<void> {
    if (signal.aborted) this.#hurry.abort();
    signal.addEventListener('abort', () => this.#hurry.abort(), { once: true });
    if (!this.#stopping) {
      this.#stopping = true;
      this.#work.abort();
      // Nothing more is taken, even while what is in flight settles.
      await this.#parts?.sources.stop();
      const line = this.#parts?.made.line;
      if (line !== undefined && this.#machine.phase === 'OPENED') await drainLine(line, this.#options.clock, signal);
      if (this.#machine.phase === 'DEACTIVATED') this.#ended();
      else this.#signal({ kind: 'deactivate' });
    }
    await this.#stopped.promise;
  }

  /** Signals that effects give rise to are taken after the step that asked for them. */
  #signal(signal: Signal): void {
    this.#signals.push(signal);
    if (this.#stepping) return;
    this.#stepping = true;
    const { phase, reason, heldFor } = this.#machine;
    for (let next = this.#signals.shift(); next !== undefined; next = this.#signals.shift()) {
      const { next: machine, effects } = step(this.#machine, next, this.#options.clock.monotonic(), this.#settings());
      this.#machine = machine;
      for (const effect of effects) this.#perform(effect);
    }
    this.#stepping = false;
    if (this.#machine.heldFor !== heldFor) this.#keepHold();
    if (this.#machine.phase !== phase) this.#since = isoNow(this.#options.clock);
    if (this.#machine.phase !== phase || this.#machine.reason !== reason) this.#publish();
    if (this.#machine.phase === 'DEACTIVATED' && this.#stopping) this.#ended();
  }

  /** A worker that stops leaves its holds to its next start. */
  #keepHold(): void {
    if (this.#parts !== null && !this.#stopping) keepHold(this.#parts.store, this.#connection, this.#machine.heldFor);
  }

  #settings(): MachineSettings {
    const { closeAfterMs, retryMinMs, retryMaxMs } = this.#options;
    const strategy = this.#connection.reconnectStrategy;
    return { strategy, closeAfterMs, retryMinMs, retryMaxMs, ...PATIENCE };
  }

  #perform(effect: Effect): void {
    const { chance, hostHealth } = this.#options;
    switch (effect.kind) {
      case 'prepare':
        void this.#prepare();
        return;
      case 'authenticate':
        void this.#enter();
        return;
      case 'cancelWork':
        this.#work.abort();
        return;
      case 'openLine':
        this.#openLine(effect.probe);
        return;
      case 'closeLine':
        this.#parts?.watches.closed();
        void this.#closeLine();
        return;
      case 'tearDown':
        void this.#tearDown();
        return;
      case 'restartSource':
        this.#parts?.watches.restarted(effect.forSilence === true);
        void this.#parts?.sources.restart();
        return;
      case 'forgetRefusal':
        this.#access.forgetRefusal();
        return;
      case 'retryAfter':
        this.#later(Math.max(effect.atLeastMs, effect.ms * (0.5 + chance.random() / 2)), 'retryDue');
        return;
      case 'reconnectAfter':
        this.#later(effect.ms + chance.random() * RECONNECT_JITTER_MS, 'reconnectDue');
        return;
      case 'probeAfter':
        this.#later(effect.ms * (0.9 + chance.random() / 5), 'probeDue');
        return;
      case 'watchHost': {
        const reopen = (): void => this.#signal({ kind: 'hostHealthy' });
        this.#timers.push(hostHealth.watch(this.#connection.account.service, reopen, effect.again));
        return;
      }
      case 'hostWorks':
        hostHealth.works(this.#connection.account.service);
        return;
      case 'cancelTimers':
        for (const cancel of this.#timers.splice(0)) cancel();
        return;
      case 'tell':
        this.#tell(effect.event);
    }
  }

  #tell(event: Omit<NewEvent, 'connectionId'>): void {
    this.#options.events.emit({ ...event, connectionId: this.#connection.id });
  }

  #openLine(probe: boolean): void {
    const [project, parts] = [this.#project, this.#parts];
    if (project === null || parts === null) return;
    parts.made.line.open(project, probe ? 'probe' : 'all');
    parts.watches.opened(project, this.#connection);
  }

  #later(ms: number, kind: 'retryDue' | 'reconnectDue' | 'probeDue'): void {
    this.#timers.push(this.#options.clock.after(ms, () => this.#signal({ kind })));
  }

  async #prepare(): Promise<void> {
    this.#work = new AbortController();
    const { signal } = this.#work;
    try {
      const give = (next: Signal): void => this.#signal(next);
      const watch = watchListenerOf(give, () => this.#publish());
      const onSource = (status: SourceStatus): void => this.#onSource(status);
      const listener = { observer: observerOf(give), watch, onSource };
      this.#parts = await RuntimeParts.make(this.#connection, this.#options, listener, signal);
      // The definition may have changed since the making began.
      this.#parts.made.adapt?.(this.#connection);
      if (this.#stopping) await this.#parts.sources.stop();
      this.#signal({ kind: 'prepared', heldFor: keptHold(this.#parts.store, this.#connection) });
    } catch (error) {
      const message = `The journal or the source cannot be opened: ${describeError(error)}.`;
      if (!signal.aborted) this.#tell({ kind: 'diskFailed', severity: 'error', key: 'open', message });
      this.#signal({ kind: 'prepareFailed', message });
    }
  }

  #onSource(status: SourceStatus): void {
    this.#source.heard(status, this.#connection.source.broker);
    this.#publish();
  }

  async #enter(): Promise<void> {
    this.#work.abort();
    const mine = new AbortController();
    this.#work = mine;
    if (this.#parts === null) return;
    const { signal, project } = await this.#access.enter(this.#connection, this.#parts.store, mine.signal);
    if (mine.signal.aborted) return;
    this.#project = project;
    this.#signal(signal);
  }

  async #closeLine(): Promise<void> {
    await this.#bounded(async (signal) => this.#parts?.made.line.close(signal));
    this.#signal({ kind: 'lineClosed' });
  }

  async #tearDown(): Promise<void> {
    const parts = this.#parts;
    await this.#bounded(async (signal) => parts?.stop(signal, this.#hurry.signal));
    this.#parts = null;
    this.#project = null;
    this.#source.reset();
    await this.#bounded((signal) => this.#access.settled(signal));
    this.#access.release();
    this.#signal({ kind: 'tornDown' });
  }

  async #bounded(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const late = new AbortController();
    const cancel = this.#options.clock.after(this.#options.closeTimeoutMs ?? 10_000, () => late.abort());
    try {
      await work(AbortSignal.any([late.signal, this.#hurry.signal]));
    } catch {
      // What could not be settled is still in the journal.
    }
    cancel();
  }

  #ended(): void {
    for (const cancel of this.#timers.splice(0)) cancel();
    this.#stopped.resolve();
  }

  #publish(): void {
    // A worker that stops leaves its last states behind: its heartbeat says that it is gone.
    if (this.#stopping) return;
    this.#options.status.setStatus(this.status());
  }

  status(): ConnectionStatus {
    return statusOf(this.#connection, this.#machine, {
      worker: this.#options.workerId,
      since: this.#since,
      startupTime: this.#startupTime,
      errors: this.#errors,
      projectAppId: this.#project?.appId ?? null,
      source: this.#source.state ?? (this.#parts === null ? null : unheard(this.#connection)),
      activeAlarms: this.#parts?.watches.activeAlarms ?? [],
    });
  }
}
