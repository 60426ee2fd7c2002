// The state machine of a connection, pure: a signal goes in, the next state and the effects to be done come out.
// Retry is not reconnect: retries live in OPENING and OPENED; a connection that saw nothing but failure for `closeAfterMs`
// closes, and its reconnect strategy rules. A refused log-in waits for a person; a hold for a person, or for a probe that passes.

import { AWAY, bare, COMES_BACK, GIVEN_UP, noteClosing, TRYING } from './failure-series.ts';
import { initialMachine, type Machine, type MachineSettings, type Signal, type Step, type Target } from './machine.ts';
import { Draft, HELD, LIMITED, probing, sentence } from './machine-draft.ts';
import { nextReconnectMs } from './reconnect-strategy.ts';

const SHORT_PAUSE_MS = 20_000;
/** Timers count whole milliseconds, and may come a little before their time: that is no wait that was cut. */
const EARLY_MS = 50;

/** `at`: monotonic ms. A signal that has no meaning in the present state changes nothing. */
export function step(machine: Machine, signal: Signal, at: number, settings: MachineSettings): Step {
  const draft = new Transition(machine, at, settings);
  draft.take(signal);
  return draft.finish();
}

class Transition extends Draft {
  take(signal: Signal): void {
    const { phase } = this.m;
    switch (signal.kind) {
      case 'open':
        if (phase === 'DEACTIVATED') {
          this.m = initialMachine();
          this.#arrive('reopen', null);
        }
        if (this.m.target === 'deactivate') this.set({ target: 'reopen', reason: null });
        return;
      case 'deactivate':
        if (phase !== 'DEACTIVATED') this.#leave('deactivate', null);
        return;
      case 'restart':
        if (phase === 'DEACTIVATED' || this.m.target === 'deactivate') return;
        this.do({ kind: 'forgetRefusal' }, { kind: 'restartSource' });
        this.#startAnew();
        return;
      case 'reopen':
        if (phase !== 'DEACTIVATED' && this.m.target !== 'deactivate') this.#startAnew();
        return;
      case 'silence':
        if (phase !== 'OPENED' || this.m.held) return;
        this.do({ kind: 'restartSource', forSilence: true });
        this.set({ restartedFor: signal.again === true ? 'sameSilence' : 'silence' });
        this.#leave('reopen', 'No uplink for over an hour: restarting, as the strategy AGGRESSIVE says.');
        return;
      case 'settings':
        if (this.m.held) this.#startAnew();
        else if (phase === 'CLOSED' && this.m.series !== null) this.#closeForFailure(bare(this.m.reason));
        return;
      case 'prepared':
      case 'prepareFailed':
        this.#onPrepared(signal);
        return;
      case 'projectOpened':
        if (phase === 'AUTHENTICATING') this.#onOpened();
        return;
      case 'transient':
        if (phase === 'AUTHENTICATING') this.#onTransient(signal.message, signal.afterMs, signal.isPause);
        return;
      case 'refused':
        if (phase !== 'AUTHENTICATING') return;
        if (signal.event !== null) this.tell(signal.event, 'error', signal.message);
        this.#leave('refused', signal.message);
        return;
      case 'unusable':
        // In OPENED: what a look at the project has found.
        if (phase !== 'AUTHENTICATING' && phase !== 'OPENED') return;
        if (signal.message !== this.m.heldFor) this.tell(signal.event, 'error', signal.message);
        this.#leave('hold', signal.message);
        return;
      case 'accepted':
        if (phase === 'OPENED') this.#onAccepted();
        return;
      case 'failing':
        if (phase === 'OPENED') this.#onFailing(signal);
        return;
      case 'reauthenticate':
        if (phase === 'OPENED') this.#onTokenRefused();
        return;
      case 'hold':
        if (phase !== 'OPENED') return;
        if (!this.m.held) this.tell('held', 'error', `${sentence(signal.message)} ${HELD}`);
        this.#leave('hold', signal.message);
        return;
      case 'lineClosed':
        if (phase !== 'CLOSING' || !this.m.lineOpen) return;
        this.set({ lineOpen: false });
        this.#arrive(this.m.target ?? 'failure', this.m.reason);
        return;
      case 'tornDown':
        if (this.m.parts !== 'stopping') return;
        this.set({ parts: 'none' });
        if (this.m.target === 'deactivate') this.set({ phase: 'DEACTIVATED', target: null, reason: null });
        else this.#arrive('reopen', null);
        return;
      case 'retryDue':
        if (phase === 'OPENING' && this.m.parts !== 'making') this.#retry();
        return;
      case 'reconnectDue':
        if (phase === 'CLOSED' && !this.m.held) this.#arrive('reopen', this.m.reason);
        return;
      case 'probeDue':
        if (phase !== 'CLOSED' || !this.m.held || this.m.parts !== 'ready') return;
        this.set({ reason: probing(this.m.heldFor ?? '') });
        this.#authenticate();
        return;
      case 'hostHealthy':
        if (phase !== 'CLOSED' || this.m.held || this.m.series === null) return;
        // What HERE has asked for counts more than its health.
        if (this.at < this.m.notBefore) this.watchHost();
        else {
          this.set({ series: { ...this.m.series, healthTried: true } });
          this.#arrive('reopen', this.m.reason);
        }
    }
  }

  #onPrepared(signal: Signal & { kind: 'prepared' | 'prepareFailed' }): void {
    if (this.m.parts !== 'making') return;
    const ready = signal.kind === 'prepared';
    this.set({ parts: ready ? 'ready' : 'none' });
    if (this.m.phase === 'CLOSING') {
      this.#arrive(this.m.target ?? 'deactivate', this.m.reason);
    } else if (signal.kind === 'prepared') {
      const { heldFor = null } = signal;
      this.set({ attempts: 0, held: heldFor !== null, heldFor, reason: heldFor === null ? null : probing(heldFor) });
      this.#authenticate();
    } else {
      // The worker's own disk or configuration: tried for as long as it takes, whatever the strategy.
      this.set({ attempts: this.m.attempts + 1, reason: signal.message });
      this.do({ kind: 'retryAfter', ms: this.retryMs(), atLeastMs: 0 });
    }
  }

  #onOpened(): void {
    const again = this.m.lineOpen;
    const failing = again ? this.m.failingSince : null;
    const openedAt = again ? this.m.openedAt : this.at;
    const { held, heldFor } = this.m;
    const reason = heldFor === null ? null : probing(heldFor);
    this.set({ phase: 'OPENED', reason, attempts: 0, failingSince: failing, lineOpen: true, openedAt });
    this.do({ kind: 'openLine', probe: held });
    if (!again && !held) this.tellOpened();
    this.set({ restartedFor: null });
  }

  /**
   * Within OPENING: later, more and more seldom, but never past the moment at which the connection closes. A pause is no attempt, and ends
   * just then; a short one outlasts that moment, for HERE was not asked and may be well.
   */
  #onTransient(message: string, afterMs: number | null, isPause = false): void {
    const since = this.m.failingSince ?? this.at;
    const attempts = this.m.attempts + (isPause ? 0 : 1);
    const waitMs = afterMs ?? 0;
    this.set({ attempts, failingSince: since, notBefore: this.at + waitMs });
    if (!this.m.held) this.tellOutage(message, this.at - since);
    const isShort = isPause && waitMs <= SHORT_PAUSE_MS;
    const leftMs = isShort ? waitMs : since + this.settings.closeAfterMs - this.at;
    if (leftMs <= 0 && !isShort) {
      this.#giveUp(message);
      return;
    }
    this.set({ phase: 'OPENING', reason: sentence(message) + TRYING });
    const ms = isPause ? waitMs : Math.max(this.retryMs(), waitMs);
    this.do({ kind: 'retryAfter', ms: Math.min(ms, leftMs), atLeastMs: Math.min(waitMs, leftMs) });
  }

  #retry(): void {
    if (this.m.parts === 'none') {
      this.#arrive('reopen', this.m.reason);
    } else if (this.at + EARLY_MS < this.m.notBefore) {
      // Only the closing moment cuts a wait that HERE has asked for.
      this.#giveUp(bare(this.m.reason));
    } else this.#authenticate();
  }

  #onAccepted(): void {
    const { failingSince, series, tokenRefusals, outageTold, reason, held } = this.m;
    if (failingSince === null && series === null && tokenRefusals === 0 && !outageTold && reason === null) return;
    if (outageTold) this.tell('hereBack', 'info', 'HERE takes records again.');
    if (held) this.tell('released', 'info', 'HERE has accepted the uplink that was tried: no longer held.');
    if (series !== null) this.do({ kind: 'hostWorks' });
    this.set({ failingSince: null, series: null, tokenRefusals: 0, outageTold: false, attempts: 0 });
    this.set({ reason: null, held: false, heldFor: null });
  }

  #onFailing(signal: Signal & { kind: 'failing' }): void {
    if (this.m.held) {
      // Told already. No answer is no refusal: the line tries its one uplink again, at its own pace.
    } else if (signal.rateLimited) this.tell('rateLimited', 'warning', `${sentence(signal.message)} ${LIMITED}`);
    else this.tellOutage(signal.message, signal.sinceMs + (signal.pauseMs ?? 0));
    if (signal.sinceMs >= this.settings.closeAfterMs) this.#giveUp(signal.message);
    else this.set({ reason: sentence(signal.message) + TRYING });
  }

  /** Nothing but failure for too long. What is held stays so: its next probe is later. */
  #giveUp(message: string | null): void {
    if (this.m.held) this.#leave('hold', this.m.heldFor);
    else this.#leave('failure', message);
  }

  /** Once at once; a new token that is refused as well is a failure that backs off. */
  #onTokenRefused(): void {
    const old = this.at - this.m.tokenRefusedAt > 2 * this.settings.closeAfterMs;
    const tokenRefusals = old ? 1 : this.m.tokenRefusals + 1;
    if (old) this.set({ failingSince: null });
    this.set({ tokenRefusals, tokenRefusedAt: this.at, reason: 'HERE has refused the token: logging in again.' });
    if (tokenRefusals === 1) this.#authenticate();
    else {
      this.set({ attempts: tokenRefusals - 1 });
      this.#onTransient('HERE refuses the token that it has just given.', null);
    }
  }

  #authenticate(): void {
    this.set({ phase: 'AUTHENTICATING' });
    this.do({ kind: 'authenticate' });
  }

  /** A person or a new definition: old failures do not count any more. */
  #startAnew(): void {
    this.set({ attempts: 0, failingSince: null, notBefore: 0, series: null, tokenRefusals: 0, restartedFor: null });
    this.do({ kind: 'cancelTimers' });
    // Parts in the making go on to authenticate by themselves; a wait for the next try is cut short.
    if (this.m.phase === 'OPENING' && this.m.parts === 'making') return;
    this.#leave('reopen', null);
  }

  /** Ends what is under way, through CLOSING where the line or the parts must end first. */
  #leave(target: Target, reason: string | null): void {
    if (this.m.phase === 'CLOSING') {
      // What a person wants overrides where a failure was leading.
      this.set({ target, reason });
      return;
    }
    if (this.m.phase === 'AUTHENTICATING') this.do({ kind: 'cancelWork' });
    if (this.m.lineOpen) {
      this.set({ phase: 'CLOSING', target, reason });
      this.do({ kind: 'closeLine' });
    } else if (this.m.parts === 'making') {
      this.set({ phase: 'CLOSING', target, reason });
    } else this.#arrive(target, reason);
  }

  #arrive(target: Target, reason: string | null): void {
    const released = this.m.held;
    this.set({ target: null, reason, held: false, heldFor: null });
    // What else has come in between is what its opening ends.
    if (target !== 'reopen') this.set({ restartedFor: null });
    switch (target) {
      case 'reopen':
        if (released) this.tell('released', 'info', 'The connection is no longer held.');
        if (this.m.parts === 'ready') this.#authenticate();
        else {
          this.set({ phase: 'OPENING', parts: 'making' });
          this.do({ kind: 'prepare' });
        }
        return;
      case 'failure':
        this.#noteClosing(reason);
        this.#closeForFailure(reason);
        return;
      case 'refused':
        this.set({ phase: 'AUTHENTICATION_FAILED' });
        return;
      case 'hold':
        this.set({ phase: 'CLOSED', held: true, heldFor: reason, series: null, attempts: 0, failingSince: null });
        this.do({ kind: 'probeAfter', ms: this.settings.probeAfterMs });
        return;
      case 'deactivate':
        if (this.m.parts === 'none') this.set({ phase: 'DEACTIVATED', reason: null });
        else {
          this.set({ phase: 'CLOSING', parts: 'stopping', target: 'deactivate' });
          this.do({ kind: 'tearDown' });
        }
    }
  }

  #noteClosing(reason: string | null): void {
    const { change, news } = noteClosing(this.m, this.at, this.settings.closeAfterMs);
    this.set(change);
    if (news) this.tell('connectionClosed', 'error', `Closed: ${sentence(reason ?? AWAY)} ${COMES_BACK}`);
  }

  #closeForFailure(reason: string | null): void {
    const closedForMs = this.at - (this.m.series?.closedAt ?? this.at);
    const ms = nextReconnectMs(this.settings.strategy, closedForMs);
    const lost = (reason ?? AWAY) + GIVEN_UP;
    if (ms === null && this.m.reason !== lost) this.tell('connectionClosed', 'error', `Closed: ${lost}`);
    this.set({ phase: 'CLOSED', reason: ms === null ? lost : reason });
    this.do({ kind: 'cancelTimers' });
    if (ms === null) return;
    this.do({ kind: 'reconnectAfter', ms: Math.max(ms, this.m.notBefore - this.at) });
    this.watchHost();
  }
}
