// What a worker says of itself: retained statuses, ledgers and heartbeats, and events, also over a broker that comes and goes.
import { describe, expect, it } from 'vitest';
import { lastWill, parseHeartbeat, type WorkerIdentity } from '../../src/connections/heartbeat.ts';
import { HeartbeatSeal } from '../../src/connections/heartbeat-seal.ts';
import { StatusPublisher } from '../../src/connections/status-publisher.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import { emptyLedger } from '../../src/domain/ledger.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { ModelBroker, type ModelPublisher } from '../support/fakes/model-broker.ts';
import { ManualClock } from '../support/manual-clock.ts';

const identity: WorkerIdentity = {
  id: 'w1',
  host: 'h',
  pid: 7,
  startedAt: '2026-01-01T00:00:00.000Z',
  dataDir: '/data',
  versions: { bridge: '0.1.0' },
};

const status = (state: ConnectionStatus['state'], id = 'a'): ConnectionStatus => ({
  id,
  name: id,
  state,
  reason: null,
  since: '2026-01-01T00:00:00.000Z',
  startupTime: null,
  worker: 'w1',
  appId: null,
  source: null,
});

const event = (id: number): BridgeEvent => ({
  id: String(id),
  time: '2026-01-01T00:00:00.000Z',
  kind: 'hereBack',
  severity: 'info',
  connectionId: id % 2 === 0 ? 'a' : null,
  message: 'm',
  count: 1,
});

function make(away = false): {
  clock: ManualClock;
  broker: ModelBroker;
  publisher: ModelPublisher;
  out: StatusPublisher;
} {
  const clock = new ManualClock();
  const broker = new ModelBroker();
  broker.away = away;
  const seal = new HeartbeatSeal('hb', openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) }));
  const publisher = broker.openPublisher({ will: lastWill(seal, identity, clock.now()) });
  const out = new StatusPublisher({ publisher, prefix: 'hb', seal, identity, clock });
  out.start();
  return { clock, broker, publisher, out };
}

describe('StatusPublisher', () => {
  it('says the latest of each topic at most once a second, and nothing when nothing changes', async () => {
    const { clock, publisher, out } = make();
    out.setStatus(status('OPENING'));
    for (let turn = 0; turn < 50; turn += 1) {
      out.setStatus(status(turn % 2 === 0 ? 'AUTHENTICATING' : 'OPENED'));
      out.setLedger('a', { ...emptyLedger(), received: turn, pending: turn });
    }
    await clock.advance(1000);
    expect(publisher.of('hb/status/a').map((text) => JSON.parse(text).state)).toEqual(['OPENING', 'OPENED']);
    expect(publisher.of('hb/ledger/a').map((text) => JSON.parse(text))).toMatchObject([
      { received: 0 },
      { id: 'a', worker: 'w1', received: 49, pending: 49 },
    ]);
    await clock.advance(60_000);
    out.setStatus(status('OPENED'));
    await clock.advance(2000);
    expect(publisher.of('hb/status/a')).toHaveLength(2);
    expect(publisher.published.every(({ retain }) => retain)).toBe(true);
  });

  it('beats, and says with its will and at its stop that it is gone', async () => {
    const { clock, broker, publisher, out } = make();
    await clock.advance(12_000);
    const beats = publisher.of('hb/workers/w1').map((text) => JSON.parse(text));
    expect(beats).toMatchObject([{ ...identity, alive: true, beat: 1, intervalMs: 5000 }, { beat: 2 }, { beat: 3 }]);
    expect(JSON.parse(publisher.options.will?.payload ?? '')).toMatchObject({ ...identity, alive: false });
    expect(publisher.options.will).toMatchObject({ topic: 'hb/workers/w1', retain: true });
    out.setStatus(status('OPENED'));
    out.setStatus(status('CLOSED'));
    await out.stop();
    expect(JSON.parse(broker.retained.get('hb/workers/w1') ?? '')).toMatchObject({ alive: false });
    expect(JSON.parse(broker.retained.get('hb/status/a') ?? '')).toMatchObject({ state: 'CLOSED' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('publishes the latest of everything, the heartbeat first, when a broker that was away returns', async () => {
    const { clock, broker, publisher, out } = make(true);
    for (let id = 0; id < 200; id += 1) out.setStatus(status('OPENED', `c${id}`));
    out.setStatus(status('CLOSED', 'c0'));
    for (let id = 0; id < 600; id += 1) out.publishEvent(event(id));
    await clock.advance(60_000);
    expect(publisher.published).toEqual([]);
    publisher.up();
    await clock.advance(0);
    await clock.advance(100);
    expect(publisher.published[0]).toMatchObject({ topic: 'hb/workers/w1' });
    expect([...broker.retained.keys()].filter((topic) => topic.startsWith('hb/status/'))).toHaveLength(200);
    expect(JSON.parse(broker.retained.get('hb/status/c0') ?? '')).toMatchObject({ state: 'CLOSED' });
    const events = publisher.published.filter(({ topic }) => topic.startsWith('hb/events/'));
    expect(events.map(({ payload }) => JSON.parse(payload).id)).toEqual(
      Array.from({ length: 500 }, (_, i) => String(i + 100)),
    );
    expect(new Set(events.map(({ topic }) => topic))).toEqual(new Set(['hb/events/a', 'hb/events/worker']));
    // A broker that lost its retained messages gets them again.
    publisher.down();
    broker.retained.clear();
    await clock.advance(5000);
    publisher.up();
    await clock.advance(2000);
    expect([...broker.retained.keys()].filter((topic) => topic.startsWith('hb/status/'))).toHaveLength(200);
  });

  it('clears the records of a deleted connection', async () => {
    const { clock, broker, out } = make();
    out.setStatus(status('OPENED'));
    out.setLedger('a', emptyLedger());
    await clock.advance(2000);
    // As a deletion does: said a moment ago, and gone at once.
    out.setStatus(status('CLOSED'));
    let isGone = false;
    void out.clear('a').then(() => {
      isGone = true;
    });
    await clock.advance(0);
    expect([...broker.retained.keys()]).toEqual(['hb/workers/w1']);
    expect(isGone).toBe(true);
  });

  it('says that they are cleared once the broker is back', async () => {
    const { clock, broker, publisher, out } = make();
    out.setStatus(status('OPENED'));
    await clock.advance(2000);
    publisher.down();
    let isGone = false;
    void out.clear('a').then(() => {
      isGone = true;
    });
    await clock.advance(60_000);
    expect([broker.retained.has('hb/status/a'), isGone]).toEqual([true, false]);
    publisher.up();
    await clock.advance(2000);
    expect([broker.retained.has('hb/status/a'), isGone]).toEqual([false, true]);
  });
});

describe('A heartbeat', () => {
  it('is read of nothing but heartbeats', () => {
    for (const text of ['', 'x', '5', 'null', '{}', '{"alive":1}', '['.repeat(20_000)]) {
      expect(parseHeartbeat('w', Buffer.from(text))).toBeNull();
    }
    expect(parseHeartbeat('w', Buffer.from('{"alive":true,"intervalMs":1e9,"host":5}'))).toMatchObject({
      id: 'w',
      host: '',
      intervalMs: 60_000,
    });
  });
});
