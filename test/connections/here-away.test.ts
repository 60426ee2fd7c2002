// Connections while HERE, or their uplinks, stay away.
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionsWorker, type WorkerParts } from '../support/fakes/connections-worker.ts';
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

describe('while HERE is away', () => {
  it('a connection closes after 5 min and comes back with the health of its host, the others going on', async () => {
    await worker.define('a', sample());
    await worker.define('b', sample());
    worker.gateway.healthy = false;
    const answer = { status: 503, hereErrorCode: null, message: 'HTTP 503.', requestId: 'r' };
    const { observer } = worker.line('a');
    observer.onFailing({ kind: 'retry', cause: 'unavailable', afterMs: null, answer }, 5 * MINUTE);
    await worker.clock.advance(0);
    expect(worker.statuses.get('a')).toMatchObject({ state: 'CLOSED', reason: 'HTTP 503.' });
    expect(worker.kinds('a')).toEqual(['connectionOpened', 'hereUnavailable', 'connectionClosed']);
    expect(worker.state('b')).toBe('OPENED');
    await worker.clock.advance(MINUTE);
    expect(worker.gateway.healthAsked).toBe(3);
    worker.gateway.healthy = true;
    await worker.clock.advance(20_000);
    expect(worker.state('a')).toBe('OPENED');
    worker.line('a').observer.onAccepted();
    expect(worker.kinds('a').slice(3)).toEqual(['connectionOpened', 'hereBack']);
  });

  it('retries a log-in inside OPENING with growing waits', async () => {
    let tries = 0;
    worker.gateway.logIn = () => {
      tries += 1;
      return { kind: 'retry', afterMs: null, message: 'HERE does not answer.' };
    };
    await worker.define('a', sample());
    expect(worker.statuses.get('a')).toMatchObject({ state: 'OPENING', reason: 'HERE does not answer. Trying again.' });
    await worker.clock.advance(MINUTE);
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(14);
    worker.gateway.logIn = null;
    await worker.clock.advance(20_000);
    expect(worker.state('a')).toBe('OPENED');
  });

  it('a hanging log-in of one does not delay another, nor its own stop', async () => {
    worker.gateway.logIn = () => new Promise(() => {});
    await worker.define('a', sample());
    worker.gateway.logIn = null;
    await worker.define('b', sample());
    expect([worker.state('a'), worker.state('b')]).toEqual(['AUTHENTICATING', 'OPENED']);
    await worker.stop();
    expect(worker.store.of('a').open).toBe(false);
    expect(worker.state('a')).toBe('AUTHENTICATING');
  });

  it('a stop waits for what is in flight, but not longer than it is told to', async () => {
    await worker.define('a', sample());
    worker.line('a').closing = new Promise(() => {});
    const hurry = new AbortController();
    let stopped = false;
    const stopping = worker.supervisor.stop(hurry.signal).then(() => {
      stopped = true;
    });
    await worker.clock.advance(1000);
    expect([stopped, source().source.state]).toEqual([false, 'stopped']);
    hurry.abort();
    await stopping;
    expect(worker.store.of('a').open).toBe(false);
  });

  it('restarts an AGGRESSIVE connection that has had no uplink for over an hour', async () => {
    await worker.define('a', sample({ reconnectStrategy: 'AGGRESSIVE' }));
    await worker.clock.advance(59 * MINUTE);
    await source().source.uplink('x');
    await worker.clock.advance(59 * MINUTE);
    expect(source().source.calls).toEqual(['start']);
    await worker.clock.advance(2 * MINUTE);
    expect(source().source.calls).toEqual(['start', 'stop', 'start']);
    expect(worker.state('a')).toBe('OPENED');
    await worker.clock.advance(60 * MINUTE);
    expect(source().source.calls).toHaveLength(5);
  });

  it('says why an AGGRESSIVE connection was restarted, once for a silence', async () => {
    await worker.define('a', sample({ reconnectStrategy: 'AGGRESSIVE' }));
    const opened = (): string[] =>
      worker.events.flatMap(({ kind, message }) => (kind === 'connectionOpened' ? message : []));
    await worker.clock.advance(7 * 60 * MINUTE);
    expect(source().source.calls.filter((call) => call === 'start').length).toBeGreaterThan(5);
    expect(opened()).toEqual([
      'The connection is open: uplinks go to HERE.',
      expect.stringContaining('no uplink had come for over an hour'),
    ]);
    await source().source.uplink('x');
    await worker.clock.advance(59 * MINUTE);
    expect(opened()).toHaveLength(2);
    await worker.clock.advance(3 * 60 * MINUTE);
    expect(opened()).toHaveLength(3);
    expect(opened()[2]).toBe(opened()[1]);
  });
});
