// The state machine of a connection, way by way.
import { describe, expect, it } from 'vitest';
import type { Effect, Signal } from '../../src/connections/machine.ts';
import { Run, refused, settings, transient } from './machine-run.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

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

  it('goes on just after a pause of its own, which is no attempt, and does not give up in a short one', () => {
    const run = new Run();
    run.give('open', 'prepared', transient());
    run.at += 500;
    run.give('retryDue');
    const pause = (afterMs: number): Signal => ({ ...transient('Too soon.', afterMs), isPause: true }) as Signal;
    for (const ms of [7_000, 1, 20_000]) {
      expect(run.give(pause(ms))).toEqual([{ kind: 'retryAfter', ms, atLeastMs: ms }]);
      // Timers count whole milliseconds and may come a little early.
      run.at += ms - 0.6;
      expect(kinds(run.give('retryDue'))).toContain('authenticate');
    }
    expect(run.give(transient()).at(-1)).toMatchObject({ kind: 'retryAfter', ms: 1000 });
    run.at += 5 * MINUTE;
    run.give('retryDue');
    expect(run.give(pause(20_000)).at(-1)).toMatchObject({ kind: 'retryAfter', ms: 20_000 });
    run.at += 20_000;
    run.give('retryDue');
    expect(run.machine.phase).toBe('AUTHENTICATING');
    run.give(transient());
    expect(run.machine).toMatchObject({ phase: 'CLOSED', reason: 'HTTP 503.' });
  });

  it('waits for a person after a refused log-in', () => {
    const run = new Run();
    const effects = run.give('open', 'prepared', refused);
    expect(run.machine).toMatchObject({ phase: 'AUTHENTICATION_FAILED', reason: 'Wrong password.' });
    expect(told(effects)).toEqual(['logInRefused']);
    const locked = new Run().give('open', 'prepared', { ...refused, event: 'accountLocked' } as Signal);
    expect(told(locked)).toEqual(['accountLocked']);
    for (const kind of ['reconnectDue', 'retryDue', 'hostHealthy', 'accepted', 'silence', 'settings'] as const) {
      expect(run.give(kind)).toEqual([]);
    }
    expect(kinds(run.give('restart'))).toEqual(['forgetRefusal', 'restartSource', 'cancelTimers', 'authenticate']);
    run.give(refused);
    expect(kinds(run.give('reopen'))).toContain('authenticate');
  });

  it('tells an outage at once where HERE says that it will last, since nothing is asked meanwhile', () => {
    const run = new Run().opened;
    const failing = { kind: 'failing', message: 'HTTP 503.', rateLimited: false } as const;
    expect(run.give({ ...failing, sinceMs: 0, pauseMs: 9_000 })).toEqual([]);
    expect(told(run.give({ ...failing, sinceMs: 0, pauseMs: 1_800_000 }))).toEqual(['hereUnavailable']);
    expect(told(run.give({ ...failing, sinceMs: 20_000, pauseMs: 1_800_000 }))).toEqual([]);
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

  it('is reopened by the health of its host, and when that was in vain is among those that are tried a few at a time', () => {
    const run = new Run().closedForFailure;
    expect(kinds(run.give('hostHealthy'))).toContain('authenticate');
    expect(run.give(transient())).toContainEqual({ kind: 'watchHost', again: true });
    expect(kinds(run.give('hostHealthy'))).toContain('authenticate');
  });

  it('is not reopened by the health of its host before the time that HERE has asked for', () => {
    const run = new Run().closedForFailure;
    run.give('hostHealthy');
    run.give(transient('HTTP 503.', 60_000));
    expect(run.give('hostHealthy')).toEqual([{ kind: 'watchHost', again: true }]);
  });

  it('gives up with CALM after 36 h, and takes up a new strategy while closed', () => {
    const run = new Run().closedForFailure;
    run.settings = { ...settings, strategy: 'CALM' };
    run.at += 36 * HOUR;
    run.give('reconnectDue');
    expect(kinds(run.give(transient()))).toEqual(['cancelWork', 'tell', 'cancelTimers']);
    expect(run.machine.reason).toContain('Given up');
    run.settings = settings;
    expect(run.give('settings')).toContainEqual({ kind: 'reconnectAfter', ms: 24 * HOUR });
    expect(run.machine.reason).not.toContain('Given up');
  });

  it('holds on 403, a missing project or an expired licence, until a person or a new definition releases it', () => {
    const run = new Run().opened;
    expect(told(run.give({ kind: 'hold', message: 'HTTP 403.' }))).toEqual(['held']);
    expect(run.give('lineClosed')).toEqual([{ kind: 'probeAfter', ms: 10 * MINUTE }]);
    expect(run.machine).toMatchObject({ phase: 'CLOSED', held: true, heldFor: 'HTTP 403.', reason: 'HTTP 403.' });
    expect(run.give('reconnectDue', 'hostHealthy')).toEqual([]);
    expect(told(run.give('restart'))).toEqual(['released']);
    const missing = { kind: 'unusable', event: 'projectMissing', message: 'None.' } as const;
    run.give(missing);
    expect(run.machine).toMatchObject({ phase: 'CLOSED', held: true, reason: 'None.' });
    expect(told(run.give('settings'))).toEqual(['released']);
    expect(run.give('projectOpened')).toContainEqual({ kind: 'openLine', probe: false });
  });

  it('is restarted for silence, which is news once; any other opening is news', () => {
    const silence = { kind: 'silence', again: true } as const;
    const openings = (effects: readonly Effect[]): string[] =>
      effects.flatMap((effect) => (effect.kind === 'tell' ? effect.event.message : []));
    const run = new Run().opened;
    expect(kinds(run.give('silence'))).toEqual(['restartSource', 'closeLine']);
    const [first] = openings(run.give('lineClosed', 'projectOpened'));
    expect(first).toContain('no uplink had come for over an hour');
    expect(openings(run.give(silence, 'lineClosed', 'projectOpened'))).toEqual([]);
    // A person's restart in the midst of it, a deactivation, HERE away at its opening.
    run.give(silence);
    const plain = ['The connection is open: uplinks go to HERE.'];
    expect(openings(run.give('restart', 'lineClosed', 'projectOpened'))).toEqual(plain);
    run.give(silence, 'deactivate', 'lineClosed', 'tornDown');
    expect(openings(run.give('open', 'prepared', 'projectOpened'))).toEqual(plain);
    run.give(silence, 'lineClosed', transient());
    run.at += 5 * MINUTE;
    expect(told(run.give('retryDue', transient()))).toContain('connectionClosed');
    expect(openings(run.give('reconnectDue', 'projectOpened'))).toEqual(plain);
  });

  it('tries a held connection with one uplink every 10 min, and says nothing before that is accepted', () => {
    const run = new Run().opened;
    run.give({ kind: 'hold', message: 'HTTP 403.' }, 'lineClosed');
    expect(kinds(run.give('probeDue'))).toEqual(['cancelTimers', 'authenticate']);
    expect(run.machine.reason).toBe('HTTP 403. Held; one uplink is tried.');
    expect(run.give('projectOpened')).toEqual([{ kind: 'openLine', probe: true }]);
    expect(run.machine).toMatchObject({ phase: 'OPENED', held: true });
    expect(run.give('silence')).toEqual([]);
    // Still refused, HERE away for too long, its licence gone: the next probe is 10 min later.
    expect(told(run.give({ kind: 'hold', message: 'HTTP 403.' }))).toEqual([]);
    expect(run.give('lineClosed')).toEqual([{ kind: 'probeAfter', ms: 10 * MINUTE }]);
    run.give('probeDue');
    run.give(transient());
    run.at += 5 * MINUTE;
    expect(run.give('retryDue', transient()).at(-1)).toEqual({ kind: 'probeAfter', ms: 10 * MINUTE });
    run.give('probeDue', 'projectOpened');
    run.give({ kind: 'failing', message: 'HTTP 503.', sinceMs: 5 * MINUTE, rateLimited: false });
    expect(run.give('lineClosed')).toEqual([{ kind: 'probeAfter', ms: 10 * MINUTE }]);
    expect(run.machine).toMatchObject({ phase: 'CLOSED', held: true, reason: 'HTTP 403.' });
    run.give('probeDue');
    const ended = { kind: 'unusable', event: 'licenceExpired', message: 'Ended.' } as const;
    expect(told(run.give(ended))).toEqual(['licenceExpired']);
    run.give('probeDue');
    expect(told(run.give(ended))).toEqual([]);
    run.give('probeDue', 'projectOpened');
    expect(told(run.give('accepted'))).toEqual(['released']);
    expect(run.machine).toMatchObject({ phase: 'OPENED', held: false, heldFor: null, reason: null });
  });

  it('repeats a probe that HERE has not answered, at the usual pace: no answer is no refusal', () => {
    const run = new Run().opened;
    run.give({ kind: 'hold', message: 'HTTP 403.' }, 'lineClosed', 'probeDue');
    expect(run.give(transient())).toEqual([{ kind: 'retryAfter', ms: 500, atLeastMs: 0 }]);
    expect(run.machine).toMatchObject({ phase: 'OPENING', held: true, heldFor: 'HTTP 403.' });
    expect(kinds(run.give('retryDue'))).toContain('authenticate');
    expect(run.give('projectOpened')).toEqual([{ kind: 'openLine', probe: true }]);
    expect(run.give({ kind: 'failing', message: 'HTTP 503.', sinceMs: 1, rateLimited: false })).toEqual([]);
    expect(run.machine).toMatchObject({ phase: 'OPENED', held: true });
    expect(told(run.give('accepted'))).toEqual(['released']);
    // Each probe has its own time, however long the ones before have failed.
    run.give({ kind: 'hold', message: 'HTTP 403.' }, 'lineClosed', 'probeDue', transient());
    run.at += 5 * MINUTE;
    run.give('retryDue', transient());
    run.at += 10 * MINUTE;
    run.give('probeDue');
    expect(run.give(transient())).toEqual([{ kind: 'retryAfter', ms: 500, atLeastMs: 0 }]);
  });

  it('goes on with a probe when the worker stopped while it was held', () => {
    const run = new Run();
    run.give('open', { kind: 'prepared', heldFor: 'HTTP 403.' });
    expect(run.give('projectOpened')).toEqual([{ kind: 'openLine', probe: true }]);
    expect(told(run.give('accepted'))).toEqual(['released']);
  });

  it('is held when a look at its open project finds the licence ended', () => {
    const run = new Run().opened;
    const ended = { kind: 'unusable', event: 'licenceExpired', message: 'Ended.' } as const;
    expect(kinds(run.give(ended))).toEqual(['tell', 'closeLine']);
    run.give('lineClosed');
    expect(run.machine).toMatchObject({ phase: 'CLOSED', held: true, heldFor: 'Ended.' });
  });

  it('logs in again at once for a refused token, and backs off when that does not help', () => {
    const run = new Run().opened;
    expect(kinds(run.give('reauthenticate'))).toEqual(['authenticate']);
    expect(run.give('projectOpened')).toEqual([{ kind: 'openLine', probe: false }]);
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
