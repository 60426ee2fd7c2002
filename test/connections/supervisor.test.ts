// Connections side by side: started, changed, stopped and deleted without touching each other.
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionsWorker, type WorkerParts } from '../support/fakes/connections-worker.ts';
import { ModelBroker } from '../support/fakes/model-broker.ts';
import { defaults, markBox, sample } from './definition-samples.ts';

let worker: ConnectionsWorker;
const MINUTE = 60_000;

function start(parts: Partial<WorkerParts> = {}): ConnectionsWorker {
  const made = new ConnectionsWorker({ box: markBox, defaults, ...parts });
  made.gateway.passwords.set('me@example.com', 'right');
  made.gateway.passwords.set('you@example.com', 'right');
  return made;
}

beforeEach(() => {
  worker = start();
});

const source = (index = 0, of = worker): NonNullable<ConnectionsWorker['brokers'][number]> => of.brokers[index]!;

describe('a connection', () => {
  it('opens in the order of its states and journals from the beginning', async () => {
    await worker.define('a', sample());
    expect(worker.states).toEqual(['a OPENING', 'a AUTHENTICATING', 'a OPENED']);
    expect(worker.statuses.get('a')).toMatchObject({
      name: 'My first HERE connection',
      reason: null,
      startupTime: '2026-01-01T00:00:00.000Z',
      worker: 'w1',
      appId: 'first-of-me@example.com',
      source: { broker: 'main', up: true, reason: null },
    });
    expect(source().source.options).toEqual({
      clientId: 'hb-a',
      topics: ['mqtt/things/+/uplink'],
      expectSession: false,
      from: 'now',
    });
    expect(await source().source.uplink('x')).toBeNull();
    await worker.clock.advance(1000);
    expect(worker.ledgers.get('a')).toMatchObject({ received: 1, pending: 1 });
  });

  it('journals while its log-in is refused, tries it once, and not again after a restart of the worker', async () => {
    await worker.define('a', sample({ password: 'wrong' }));
    await worker.define('b', sample());
    expect([worker.state('a'), worker.state('b')]).toEqual(['AUTHENTICATION_FAILED', 'OPENED']);
    expect(worker.kinds('a')).toEqual(['logInRefused']);
    expect(await source().sources[0]!.uplink('x')).toBeNull();
    await worker.clock.advance(24 * 60 * MINUTE);
    expect(worker.gateway.attempts.filter((pair) => pair.endsWith('wrong'))).toHaveLength(1);
    await worker.stop();
    const { store, gateway, config } = worker;
    const next = start({ store, gateway, config });
    await next.clock.advance(60 * MINUTE);
    expect(next.state('a')).toBe('AUTHENTICATION_FAILED');
    expect(next.statuses.get('a')?.reason).toContain('were not tried again');
    expect(gateway.attempts.filter((pair) => pair.endsWith('wrong'))).toHaveLength(1);
    // Nothing has happened that a person was not told.
    expect(next.kinds('a')).toEqual([]);
    // A person's restart tries once more; a corrected password opens at once.
    await next.define('a', { ...sample({ password: 'wrong' }), restart: '1' });
    expect(gateway.attempts.filter((pair) => pair.endsWith('wrong'))).toHaveLength(2);
    expect(next.kinds('a')).toEqual(['logInRefused']);
    await next.define('a', { ...sample(), restart: '1' });
    expect(next.state('a')).toBe('OPENED');
  });

  it('takes its waiting uplinks to another project or account, remembered by account', async () => {
    await worker.define('a', sample());
    await worker.define('a', sample({ email: 'you@example.com' }));
    await worker.define('a', sample({ email: 'me@example.com' }));
    await worker.define('a', sample({ appId: 'other' }));
    expect(worker.lines.get('a')).toHaveLength(1);
    expect(worker.line('a').calls).toEqual([
      'open first-of-me@example.com',
      'close',
      'open first-of-you@example.com',
      'close',
      'open first-of-me@example.com',
      'close',
      'open other',
    ]);
    expect(worker.gateway.projectsAsked).toEqual([
      { appId: null, remembered: null },
      { appId: null, remembered: null },
      { appId: null, remembered: 'first-of-me@example.com' },
      { appId: 'other', remembered: 'first-of-me@example.com' },
    ]);
    expect(source().source.calls).toEqual(['start']);
    expect(worker.gateway.releases).toBe(2);
  });

  it('that goes to another worker is given up only when the log-in under way has its answer', async () => {
    const settled = Promise.withResolvers<void>();
    worker.gateway.settled = () => settled.promise;
    await worker.define('a', sample());
    let isGivenUp = false;
    const released = worker.supervisor.release('a').then(() => {
      isGivenUp = true;
    });
    await worker.clock.advance(1_000);
    expect([isGivenUp, worker.gateway.releases]).toEqual([false, 0]);
    settled.resolve();
    await released;
    expect(worker.gateway.releases).toBe(1);
  });

  it('takes names and strategies live, and what the line can take, without an interruption', async () => {
    const live = start({ reconfigurable: true });
    await live.define('a', sample());
    await live.define('a', { ...sample({ reconnectStrategy: 'CALM', description: 'd' }), name: 'New' });
    expect(live.reconfigured).toEqual([]);
    await live.define('a', { ...sample({ uplinkTimeValidity: '5m' }), name: 'New' });
    expect(live.statuses.get('a')?.name).toBe('New');
    expect(live.reconfigured).toHaveLength(1);
    expect(live.line('a').calls).toEqual(['open first-of-me@example.com']);
    expect(source(0, live).source.calls).toEqual(['start']);
  });

  it('is made anew for a change that its line cannot take', async () => {
    await worker.define('a', sample());
    await worker.define('b', sample());
    await worker.define('a', sample({ createDevices: false }));
    expect(worker.lines.get('a')).toHaveLength(2);
    expect(worker.lines.get('b')).toHaveLength(1);
    expect(worker.state('a')).toBe('OPENED');
    expect(source().source.options.expectSession).toBe(true);
  });

  it('stops taking when deactivated, keeps its session, and comes back', async () => {
    await worker.define('a', sample());
    await worker.define('a', { ...sample(), active: false });
    expect(worker.state('a')).toBe('DEACTIVATED');
    expect(source().source.calls).toEqual(['start', 'stop']);
    expect(worker.store.of('a').open).toBe(false);
    await worker.define('a', sample());
    expect(worker.state('a')).toBe('OPENED');
    await worker.define('b', { ...sample(), active: false });
    expect(worker.state('b')).toBe('DEACTIVATED');
  });

  it('moves its source without a gap: the old session ends when the new one is up and the old one is read empty', async () => {
    worker = start({ reconfigurable: true });
    await worker.define('a', sample());
    const [old] = source().sources;
    await worker.clock.advance(2 * MINUTE);
    source(1).autoUp = false;
    await worker.define('a', sample({ source: { broker: 'backup', topics: ['t/#'] } }));
    await worker.clock.advance(10 * MINUTE);
    expect(old?.calls).toEqual(['start']);
    expect(worker.state('a')).toBe('OPENED');
    source(1).source.tell({ kind: 'up', sessionLost: false });
    // From then on the new one has all that comes: the old one only gives what it holds.
    expect(old?.calls).toEqual(['start', 'unsubscribe']);
    await worker.clock.advance(3000);
    expect(old?.calls).toEqual(['start', 'unsubscribe', 'stop', 'clear']);
    expect(source().cleared).toEqual(['hb-a']);
    expect(source(1).source.options).toMatchObject({ clientId: 'hb-a-1', topics: ['t/#'] });
    await worker.clock.advance(MINUTE);
    expect(worker.clock.pendingTimers).toBe(1);
  });

  it('finishes a move after a crash, reading what the old session has queued', async () => {
    await worker.define('a', sample());
    await worker.stop();
    const { store, config } = worker;
    config.retained.set('hb/connections/a', JSON.stringify(sample({ source: { topics: ['t/#'] } })));
    const next = start({ store, config });
    await next.clock.advance(500);
    const [now, old] = [...source(0, next).sources].reverse();
    expect([old?.options.clientId, now?.options.clientId]).toEqual(['hb-a', 'hb-a-1']);
    expect(await old?.uplink('queued')).toBeNull();
    await next.clock.advance(1600);
    expect(old?.calls).toEqual(['start', 'unsubscribe']);
    await next.clock.advance(1000);
    expect(old?.calls).toEqual(['start', 'unsubscribe', 'stop', 'clear']);
  });

  it('is deleted as a whole, waits for a broker that is away, and never skips a deletion', async () => {
    await worker.define('a', sample());
    source().away = true;
    await worker.define('a', null);
    expect(worker.store.states.get('a')?.get('deleting')).toBe('1');
    expect(worker.statuses.get('a')).toMatchObject({ state: 'CLOSED', reason: expect.stringContaining('deleted') });
    source().away = false;
    await worker.clock.advance(6000);
    expect(source().cleared).toEqual(['hb-a']);
    expect(worker.removed).toEqual(['a']);
    expect(worker.store.connectionIds()).toEqual([]);
    // Deleted and defined again in one breath: a new connection, with nothing of the old.
    await worker.define('b', sample());
    const before = worker.store.states.get('b');
    worker.config.put('hb/connections/b', null);
    await worker.define('b', sample());
    expect(worker.state('b')).toBe('OPENED');
    expect(worker.store.states.get('b')).not.toBe(before);
    expect(worker.kinds('b')).toEqual(['connectionOpened', 'connectionDeleted', 'connectionOpened']);
  });

  it('ends its session before its store goes, also where the deletion comes while the store is being opened', async () => {
    await worker.define('a', sample());
    await worker.stop();
    const { store, gateway, config, brokers } = worker;
    const opened = Promise.withResolvers<void>();
    const openConnection = store.openConnection.bind(store);
    store.openConnection = (id, options) => opened.promise.then(() => openConnection(id, options));
    const deleteConnection = store.deleteConnection.bind(store);
    store.deleteConnection = (id) => {
      // A kill right after it: nobody would know of the session any more.
      expect(source().cleared).toEqual(['hb-a']);
      return deleteConnection(id);
    };
    const next = start({ store, gateway, config, brokers });
    await next.clock.advance(0);
    expect(next.state('a')).toBe('OPENING');
    await next.define('a', null);
    opened.resolve();
    await next.clock.advance(6000);
    expect(source().cleared).toEqual(['hb-a']);
    expect(next.kinds('a')).toEqual(['connectionDeleted']);
    expect(store.connectionIds()).toEqual([]);
  });

  it('is deleted when the disk takes it at last, and at once when it is deleted once more', async () => {
    await worker.define('a', sample());
    const deleteConnection = worker.store.deleteConnection.bind(worker.store);
    worker.store.deleteConnection = () => Promise.reject(new Error('ENOSPC: no space left on device'));
    await worker.define('a', null);
    expect(worker.events.at(-1)).toMatchObject({ kind: 'diskFailed', message: expect.stringContaining('ENOSPC') });
    worker.store.deleteConnection = deleteConnection;
    await worker.clock.advance(11_000);
    expect(worker.store.connectionIds()).toEqual([]);
    // What is said of it cannot be taken away, and something is said again meanwhile: nobody would tell of the end any more.
    await worker.define('b', sample());
    worker.removing = new Promise(() => {});
    await worker.define('b', null);
    expect(worker.store.connectionIds()).toEqual(['b']);
    worker.removing = Promise.resolve();
    await worker.define('b', null);
    expect(worker.store.connectionIds()).toEqual([]);
  });

  it('keeps a new definition waiting only briefly for a deletion whose broker is away', async () => {
    await worker.define('a', sample());
    source().away = true;
    await worker.define('a', null);
    await worker.define('a', sample());
    expect(worker.state('a')).toBe('OPENED');
  });

  it('takes the last of several changes that come while it stops', async () => {
    await worker.define('a', sample());
    let closed = (): void => {};
    worker.line('a').closing = new Promise((resolve) => (closed = resolve));
    for (const maxDevices of [1, 2, 3]) await worker.define('a', sample({ maxDevices }));
    expect(worker.lines.get('a')).toHaveLength(1);
    closed();
    await worker.clock.advance(0);
    expect(worker.lines.get('a')).toHaveLength(2);
    expect(worker.supervisor.runtime('a')?.connection.maxDevices).toBe(3);
  });

  it('tries a store that cannot be opened until it can', async () => {
    worker.store.failure = new Error('EACCES');
    await worker.define('a', sample());
    expect(worker.statuses.get('a')).toMatchObject({ state: 'OPENING', reason: expect.stringContaining('EACCES') });
    await worker.clock.advance(10 * MINUTE);
    worker.store.failure = null;
    await worker.clock.advance(20_000);
    expect(worker.state('a')).toBe('OPENED');
  });

  it('pauses its source while the journal is full, and resumes it below 80 %', async () => {
    await worker.define('a', sample());
    worker.store.of('a').bytes = 1000;
    await source().source.uplink('x');
    expect(source().source.state).toBe('paused');
    worker.store.of('a').bytes = 790;
    await worker.clock.advance(1000);
    expect(source().source.state).toBe('running');
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'journalFull', 'journalHasRoom']);
    const embedded = start({ brokers: [new ModelBroker('main', 'embedded')] });
    await embedded.define('a', sample());
    embedded.store.of('a').bytes = 1000;
    await source(0, embedded).source.uplink('x');
    expect(source(0, embedded).source.state).toBe('running');
    embedded.line('a').hasRoom = false;
    expect(source(0, embedded).source.listener.hasRoom).toBe(false);
  });
});
