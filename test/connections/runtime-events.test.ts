// What a running connection tells: held and released, locked out, deactivated, its low-rate alarms.
import { beforeEach, describe, expect, it } from 'vitest';
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import { ConnectionsWorker } from '../support/fakes/connections-worker.ts';
import { answer, modelProject } from '../support/model-project.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let worker: ConnectionsWorker;

function start(parts: Partial<ConstructorParameters<typeof ConnectionsWorker>[0]> = {}): ConnectionsWorker {
  const made = new ConnectionsWorker({ box: markBox, defaults, ...parts });
  made.gateway.passwords.set('me@example.com', 'right');
  return made;
}

beforeEach(() => {
  worker = start();
});

describe('a held connection', () => {
  it('is tried every 10 min, on the same line, and released when HERE accepts an uplink', async () => {
    await worker.define('a', sample());
    const { observer, calls } = worker.line('a');
    observer.onHold('HERE refuses the account (403): no');
    await worker.clock.advance(0);
    expect(worker.statuses.get('a')).toMatchObject({ state: 'CLOSED', reason: 'HERE refuses the account (403): no' });
    await worker.clock.advance(8 * MINUTE);
    expect(calls).toEqual(['open first-of-me@example.com', 'close']);
    await worker.clock.advance(3 * MINUTE);
    expect(calls.slice(2)).toEqual(['probe first-of-me@example.com']);
    observer.onHold('HERE has refused the uplink that was tried: no');
    await worker.clock.advance(12 * MINUTE);
    expect(calls.slice(3)).toEqual(['close', 'probe first-of-me@example.com']);
    observer.onAccepted();
    await worker.clock.advance(HOUR);
    expect(calls).toHaveLength(5);
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'held', 'released']);
    expect(worker.statuses.get('a')).toMatchObject({ state: 'OPENED', reason: null });
  });

  it('is released by a changed definition, also one that changed while the worker was away', async () => {
    await worker.define('a', sample());
    worker.line('a').observer.onHold('no');
    await worker.clock.advance(0);
    await worker.define('a', { ...sample(), name: 'Another name' });
    expect(worker.state('a')).toBe('OPENED');
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'held', 'released', 'connectionOpened']);
    worker.line('a').observer.onHold('no');
    await worker.clock.advance(0);
    await worker.stop();
    const { store, config, brokers, clock, gateway } = worker;
    const again = start({ store, config, brokers, clock, gateway });
    await again.clock.advance(0);
    expect(again.line('a').calls).toEqual(['probe first-of-me@example.com']);
    expect(again.statuses.get('a')?.reason).toBe('no. Held; one uplink is tried.');
    await again.stop();
    config.put('hb/connections/a', JSON.stringify({ ...sample(), name: 'A third name' }));
    const third = start({ store, config, brokers, clock, gateway });
    await third.clock.advance(0);
    expect(third.line('a').calls).toEqual(['open first-of-me@example.com']);
  });

  it('is held when a daily look finds the licence ended, and comes back with its renewal', async () => {
    let ended = false;
    worker.gateway.project = () => {
      if (ended) return { kind: 'expired', message: 'the licence of project P has ended' };
      const look = () => (ended ? { kind: 'expired' as const, message: 'it has ended' } : OK);
      return { kind: 'ok', project: modelProject({ appId: 'p', look }) };
    };
    await worker.define('a', sample());
    await worker.clock.advance(HOUR);
    expect(worker.state('a')).toBe('OPENED');
    ended = true;
    await worker.clock.advance(27 * HOUR);
    expect(worker.statuses.get('a')).toMatchObject({ state: 'CLOSED', reason: expect.stringContaining('has ended') });
    const told = worker.kinds('a').filter((kind) => kind === 'licenceExpired').length;
    expect(told).toBeLessThanOrEqual(2);
    ended = false;
    await worker.clock.advance(12 * MINUTE);
    expect(worker.line('a').calls.at(-1)).toBe('probe p');
  });
});

const OK = { kind: 'ok', licenceEndsAt: null, devices: null } as const;

describe('a connection', () => {
  it('that has no log-in attempt left says so', async () => {
    worker.gateway.logIn = () => ({ kind: 'refused', attempted: false, lockedOut: true, message: 'four failed' });
    await worker.define('a', sample());
    expect(worker.state('a')).toBe('AUTHENTICATION_FAILED');
    expect(worker.kinds('a')).toEqual(['accountLocked']);
    expect(worker.events[0]?.message).toMatch(/four failed .*unlock it and check the password; then restart/);
  });

  it('whose account has no such project is held, as an error', async () => {
    worker.gateway.project = () => ({ kind: 'missing', message: 'the account has no project P' });
    await worker.define('a', sample());
    expect(worker.state('a')).toBe('CLOSED');
    expect(worker.events).toMatchObject([
      {
        kind: 'projectMissing',
        severity: 'error',
        connectionId: 'a',
        message: expect.stringContaining('no project P'),
      },
    ]);
  });

  it('that HERE limits says so, and goes on', async () => {
    await worker.define('a', sample());
    const limited = { kind: 'retry', cause: 'rateLimited', afterMs: null, answer: answer(429) } as const;
    worker.line('a').observer.onFailing(limited, 1_000);
    expect(worker.state('a')).toBe('OPENED');
    expect(worker.events.slice(1)).toMatchObject([{ kind: 'rateLimited', severity: 'warning', connectionId: 'a' }]);
  });

  it('that is deactivated says so; a worker that stops does not', async () => {
    await worker.define('a', sample());
    await worker.define('a', { ...sample(), active: false });
    expect(worker.state('a')).toBe('DEACTIVATED');
    await worker.define('a', sample());
    await worker.stop();
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'connectionDeactivated', 'connectionOpened']);
  });

  it('shows its low-rate alarms in its status, whatever state it is in, and takes changed ones while it runs', async () => {
    const alarmed = (minimum: number): DefinitionRecord => ({
      ...sample(),
      alarms: [
        {
          startTime: '00:00',
          endTime: '24:00',
          timezone: 'UTC',
          recurrence: [{ frequency: 'weekly', byDays: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] }],
          uplinkRateMinPerHour: minimum,
        },
      ],
    });
    worker.gateway.passwords.clear();
    // A Thursday; the log-in is refused, and uplinks are counted all the same.
    await worker.define('a', alarmed(2));
    expect(worker.state('a')).toBe('AUTHENTICATION_FAILED');
    await worker.clock.advance(30 * MINUTE);
    await worker.brokers[0]!.source.uplink('x');
    await worker.clock.advance(31 * MINUTE);
    expect(worker.statuses.get('a')?.activeAlarms).toMatchObject([
      { message: 'Few uplinks', uplinksPerHour: 1, uplinkRateMinPerHour: 2 },
    ]);
    expect(worker.kinds('a')).toEqual(['logInRefused', 'alarmRaised']);
    await worker.define('a', alarmed(1));
    await worker.clock.advance(MINUTE);
    expect(worker.statuses.get('a')?.activeAlarms).toBeUndefined();
    expect(worker.kinds('a').at(-1)).toBe('alarmCleared');
    expect(worker.lines.get('a')).toHaveLength(1);
  });
});
