// The state machine of a connection: its ways by example, and what must hold on every way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Effect,
  initialMachine,
  type Machine,
  type MachineSettings,
  type Signal,
} from '../../src/connections/machine.ts';
import { step } from '../../src/connections/state-machine.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const settings: MachineSettings = {
  strategy: 'NORMAL',
  closeAfterMs: 5 * MINUTE,
  retryMinMs: 500,
  retryMaxMs: 20_000,
  tellOutageAfterMs: 10_000,
};

class Run {
  machine: Machine = initialMachine();
  at = 1000;
  readonly phases: string[] = [];
  settings = settings;

  give(...signals: (Signal | Signal['kind'])[]): Effect[] {
    const all: Effect[] = [];
    for (const signal of signals) {
      const whole = typeof signal === 'string' ? ({ kind: signal } as Signal) : signal;
      const { next, effects } = step(this.machine, whole, this.at, this.settings);
      if (next.phase !== this.machine.phase) this.phases.push(next.phase);
      this.machine = next;
      all.push(...effects);
    }
    return all;
  }

  get opened(): this {
    this.give('open', 'prepared', 'projectOpened');
    this.phases.length = 0;
    return this;
  }

  get closedForFailure(): this {
    this.opened.give({ kind: 'failing', message: 'HTTP 503.', sinceMs: 5 * MINUTE, rateLimited: false }, 'lineClosed');
    this.phases.length = 0;
    return this;
  }
}

const transient = (message = 'HTTP 503.', afterMs: number | null = null): Signal => ({
  kind: 'transient',
  message,
  afterMs,
});
const kinds = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.kind);
const told = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'tell' ? [effect.event.kind] : []));

describe('the state machine', () => {
  it('opens: OPENING, AUTHENTICATING, OPENED', () => {
    const run = new Run();
    expect(kinds(run.give('open'))).toEqual(['prepare']);
    expect(kinds(run.give('prepared'))).toEqual(['cancelTimers', 'authenticate']);
    expect(kinds(run.give('projectOpened'))).toEqual(['openLine', 'tell']);
    expect(run.phases).toEqual(['OPENING', 'AUTHENTICATING', 'OPENED']);
    expect(run.machine.reason).toBeNull();
  });

  it('retries inside OPENING from 0.5 s to 20 s, obeys Retry-After, and closes after 5 min of nothing but failure', () => {
    const run = new Run();
    run.give('open', 'prepared');
    const waits: number[] = [];
    const events: string[] = [];
    while (run.machine.phase !== 'CLOSED') {
      const effects = run.give(transient());
      events.push(...told(effects));
      const wait = effects.find((effect) => effect.kind === 'retryAfter');
      if (wait === undefined) break;
      waits.push(wait.ms);
      run.at += wait.ms;
      run.give('retryDue');
    }
    expect(waits.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    expect(run.at - 1000).toBe(5 * MINUTE);
    expect(run.machine).toMatchObject({ phase: 'CLOSED', reason: 'HTTP 503.', held: false });
    expect(events).toEqual(['hereUnavailable', 'connectionClosed']);
    const polite = new Run();
    polite.give('open', 'prepared');
    expect(polite.give(transient('HTTP 429.', 90_000)).at(-1)).toEqual({
      kind: 'retryAfter',
      ms: 90_000,
      atLeastMs: 90_000,
    });
    // A wait longer than the closing moment: no log-in before it, and the reconnect waits as well.
    const long = new Run();
    long.give('open', 'prepared', transient('HTTP 429.', 2 * HOUR));
    long.at += 5 * MINUTE;
    const effects = long.give('retryDue');
    expect(kinds(effects)).not.toContain('authenticate');
    expect(effects.find((effect) => effect.kind === 'reconnectAfter')?.ms).toBe(2 * HOUR - 5 * MINUTE);
  });

  it('waits for a person after a refused log-in', () => {
    const run = new Run();
    const effects = run.give('open', 'prepared', { kind: 'refused', message: 'Wrong password.' });
    expect(run.machine).toMatchObject({ phase: 'AUTHENTICATION_FAILED', reason: 'Wrong password.' });
    expect(told(effects)).toEqual(['logInRefused']);
    for (const kind of ['reconnectDue', 'retryDue', 'hostHealthy', 'accepted', 'silence', 'settings'] as const) {
      expect(run.give(kind)).toEqual([]);
    }
    expect(kinds(run.give('restart'))).toEqual(['forgetRefusal', 'restartSource', 'cancelTimers', 'authenticate']);
    run.give({ kind: 'refused', message: 'Wrong password.' });
    expect(kinds(run.give('reopen'))).toContain('authenticate');
  });

  it('closes an open connection through CLOSING, and reconnects as the strategy says', () => {
    const run = new Run().opened;
    expect(run.give({ kind: 'failing', message: 'HTTP 503.', sinceMs: 1000, rateLimited: false })).toEqual([]);
    expect(run.machine.reason).toBe('HTTP 503. Trying again.');
    expect(kinds(run.give({ kind: 'failing', message: 'HTTP 503.', sinceMs: 300_000, rateLimited: false }))).toEqual([
      'tell',
      'closeLine',
    ]);
    const effects = run.give('lineClosed');
    expect(run.phases).toEqual(['CLOSING', 'CLOSED']);
    expect(effects).toContainEqual({ kind: 'reconnectAfter', ms: 5 * MINUTE });
    expect(kinds(effects)).toContain('watchHost');
    run.at += 5 * MINUTE;
    expect(kinds(run.give('reconnectDue'))).toEqual(['cancelTimers', 'authenticate']);
    // One attempt: its failure closes again at once, and is no news.
    const again = run.give(transient());
    expect(run.machine.phase).toBe('CLOSED');
    expect(told(again)).toEqual([]);
    run.at += HOUR;
    run.give('reconnectDue');
    expect(run.give(transient())).toContainEqual({ kind: 'reconnectAfter', ms: HOUR });
    run.give('reconnectDue', 'projectOpened');
    expect(told(run.give('accepted'))).toEqual(['hereBack']);
    expect(run.machine).toMatchObject({ phase: 'OPENED', series: null, failingSince: null, reason: null });
  });

  it('is reopened once by the health of its host in one series of failures', () => {
    const run = new Run().closedForFailure;
    expect(kinds(run.give('hostHealthy'))).toContain('authenticate');
    const effects = run.give(transient());
    expect(kinds(effects)).not.toContain('watchHost');
    expect(run.give('hostHealthy')).toEqual([]);
  });

  it('gives up with CALM after 36 h, and takes up a new strategy while closed', () => {
    const run = new Run().closedForFailure;
    run.settings = { ...settings, strategy: 'CALM' };
    run.at += 36 * HOUR;
    run.give('reconnectDue');
    expect(kinds(run.give(transient()))).not.toContain('reconnectAfter');
    expect(run.machine.reason).toContain('Given up');
    run.settings = settings;
    expect(run.give('settings')).toContainEqual({ kind: 'reconnectAfter', ms: 24 * HOUR });
    expect(run.machine.reason).not.toContain('Given up');
  });

  it('holds for a person on 403, a missing project or an expired licence', () => {
    const run = new Run().opened;
    expect(told(run.give({ kind: 'hold', message: 'HTTP 403.' }))).toEqual(['held']);
    expect(run.give('lineClosed')).toEqual([]);
    expect(run.machine).toMatchObject({ phase: 'CLOSED', held: true, reason: 'HTTP 403.' });
    expect(run.give('reconnectDue', 'hostHealthy', 'settings')).toEqual([]);
    expect(told(run.give('restart'))).toEqual(['released']);
    run.give({ kind: 'unusable', event: 'projectMissing', message: 'None.' });
    expect(run.machine).toMatchObject({ phase: 'CLOSED', held: true, reason: 'None.' });
  });

  it('logs in again at once for a refused token, and backs off when that does not help', () => {
    const run = new Run().opened;
    expect(kinds(run.give('reauthenticate'))).toEqual(['authenticate']);
    expect(kinds(run.give('projectOpened'))).toEqual(['openLine']);
    expect(run.give('reauthenticate')).toContainEqual({ kind: 'retryAfter', ms: 1000, atLeastMs: 0 });
    run.at += 6 * MINUTE;
    run.give('retryDue', 'projectOpened', 'reauthenticate', 'lineClosed');
    expect(run.machine.phase).toBe('CLOSED');
    // A day later it is a first refusal again.
    const calm = new Run().opened;
    calm.give('reauthenticate', 'projectOpened');
    calm.at += 24 * HOUR;
    expect(kinds(calm.give('reauthenticate'))).toEqual(['authenticate']);
  });

  it('goes to another project by closing the line and opening it again', () => {
    const run = new Run().opened;
    expect(kinds(run.give('reopen'))).toEqual(['cancelTimers', 'closeLine']);
    expect(kinds(run.give('lineClosed'))).toEqual(['authenticate']);
    expect(kinds(run.give('projectOpened'))).toEqual(['openLine', 'tell']);
    expect(run.phases).toEqual(['CLOSING', 'AUTHENTICATING', 'OPENED']);
  });

  it('deactivates from anywhere, and the last wish wins', () => {
    const run = new Run().opened;
    run.give('deactivate');
    expect(kinds(run.give('lineClosed'))).toEqual(['tearDown']);
    run.give('open', 'deactivate', 'open');
    expect(kinds(run.give('tornDown'))).toEqual(['prepare']);
    run.give('deactivate');
    expect(run.machine.phase).toBe('CLOSING');
    expect(kinds(run.give('prepared'))).toEqual(['tearDown']);
    run.give('tornDown');
    expect(run.machine.phase).toBe('DEACTIVATED');
    expect(run.give('restart', 'reopen', 'lineClosed', 'retryDue')).toEqual([]);
  });

  it('tries a journal that cannot be opened again and again, whatever the strategy', () => {
    const run = new Run();
    run.give('open');
    for (let turn = 0; turn < 100; turn += 1) {
      expect(kinds(run.give({ kind: 'prepareFailed', message: 'ENOSPC' }))).toContain('retryAfter');
      expect(run.machine).toMatchObject({ phase: 'OPENING', reason: 'ENOSPC' });
      run.at += 20_000;
      expect(kinds(run.give('retryDue'))).toEqual(['prepare']);
    }
  });
});

/** Plays the runtime: keeps what is under way, answers in any order, and checks what must hold at each step. */
class World {
  readonly run = new Run();
  preparing = false;
  entering = false;
  closing = false;
  tearing = false;
  refused = false;
  parts = false;

  take(signal: Signal | Signal['kind']): void {
    const kind = typeof signal === 'string' ? signal : signal.kind;
    if (kind === 'refused') this.refused = true;
    if (kind === 'reopen' || kind === 'restart' || kind === 'open') this.refused = false;
    for (const effect of this.run.give(signal)) this.#do(effect);
    const { machine } = this.run;
    if (machine.phase === 'OPENED') expect(machine.lineOpen && machine.parts === 'ready').toBe(true);
    if (machine.phase === 'DEACTIVATED') expect(machine.parts).toBe('none');
    if (machine.phase === 'AUTHENTICATING') expect(this.entering).toBe(true);
    if (machine.phase === 'CLOSING') expect(this.closing || this.tearing || this.preparing).toBe(true);
    if (machine.phase === 'OPENING' && machine.parts === 'making') expect(this.preparing).toBe(true);
  }

  #do(effect: Effect): void {
    if (effect.kind === 'prepare') {
      expect(this.preparing || this.parts).toBe(false);
      this.preparing = true;
    } else if (effect.kind === 'authenticate') {
      expect(this.parts && !this.closing && !this.tearing && !this.refused).toBe(true);
      this.entering = true;
    } else if (effect.kind === 'cancelWork') this.entering = false;
    else if (effect.kind === 'closeLine') {
      expect(this.closing).toBe(false);
      this.closing = true;
    } else if (effect.kind === 'tearDown') {
      expect(this.parts && !this.closing && !this.entering).toBe(true);
      this.tearing = true;
    } else if (effect.kind === 'openLine') expect(this.parts && !this.closing).toBe(true);
  }

  /** Lets one thing under way end. */
  end(how: number): boolean {
    if (this.preparing) {
      this.preparing = false;
      this.parts = how % 4 !== 0;
      this.take(this.parts ? 'prepared' : { kind: 'prepareFailed', message: 'disk' });
    } else if (this.closing) {
      this.closing = false;
      this.take('lineClosed');
    } else if (this.tearing) {
      this.tearing = false;
      this.parts = false;
      this.take('tornDown');
    } else if (this.entering) {
      this.entering = false;
      if (how % 5 === 0) this.take({ kind: 'refused', message: 'no' });
      else if (how % 5 === 1) this.take(transient('later', how * 100));
      else if (how % 5 === 2) this.take({ kind: 'unusable', event: 'projectMissing', message: 'none' });
      else this.take('projectOpened');
    } else return false;
    return true;
  }
}

describe('on every way', () => {
  it('work never overlaps, a refused log-in is not repeated by itself, and a deactivated connection comes to rest', () => {
    const signals: fc.Arbitrary<Signal> = fc.oneof(
      fc
        .constantFrom<Signal['kind']>(
          'open',
          'deactivate',
          'reopen',
          'restart',
          'silence',
          'settings',
          'accepted',
          'reauthenticate',
          'retryDue',
          'reconnectDue',
          'hostHealthy',
        )
        .map((kind) => ({ kind }) as Signal),
      fc.record({ kind: fc.constant('hold' as const), message: fc.constant('403') }),
      fc.record({
        kind: fc.constant('failing' as const),
        message: fc.constant('503'),
        sinceMs: fc.nat(600_000),
        rateLimited: fc.boolean(),
      }),
    );
    const move = fc.oneof(signals, fc.nat(19));
    fc.assert(
      fc.property(fc.array(fc.tuple(move, fc.nat(400_000)), { maxLength: 60 }), (moves) => {
        const world = new World();
        for (const [what, ms] of moves) {
          world.run.at += ms;
          if (typeof what === 'number') world.end(what);
          else world.take(what);
        }
        world.take('deactivate');
        for (let turn = 0; turn < 20 && world.end(3); turn += 1);
        expect(world.run.machine.phase).toBe('DEACTIVATED');
        world.take('open');
        for (let turn = 0; turn < 20 && world.run.machine.phase !== 'OPENED'; turn += 1) world.end(3);
        expect(world.run.machine.phase).toBe('OPENED');
      }),
      { numRuns: 1000 },
    );
  });
});
