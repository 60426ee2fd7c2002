// Definitions, runtimes and heartbeats on a real (embedded) broker and a real store; line and HERE are models.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Views } from '../../src/bridge/views.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/brokers/embedded.ts';
import { claimPrefix } from '../../src/connections/claim-prefix.ts';
import { ConnectionRuntime } from '../../src/connections/connection-runtime.ts';
import { makeConnection } from '../../src/connections/definition.ts';
import { Definitions } from '../../src/connections/definitions.ts';
import { EventLog } from '../../src/connections/event-log.ts';
import { lastWill, type WorkerIdentity } from '../../src/connections/heartbeat.ts';
import { HeartbeatSeal } from '../../src/connections/heartbeat-seal.ts';
import { HostHealth } from '../../src/connections/host-health.ts';
import { StatusPublisher } from '../../src/connections/status-publisher.ts';
import { Supervisor } from '../../src/connections/supervisor.ts';
import { createDefinitionValidator } from '../../src/connections/validate-definition.ts';
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import type { Publisher } from '../../src/domain/ports/broker.ts';
import type { SecretBox } from '../../src/domain/ports/secrets.ts';
import type { BridgeStore } from '../../src/domain/ports/store.ts';
import { systemChance as chance, systemClock as clock } from '../../src/ops/clock.ts';
import { openSecretBox } from '../../src/store/secrets.ts';
import { openStore } from '../../src/store/store.ts';
import { ModelGateway } from '../support/fakes/model-gateway.ts';
import { ModelLine } from '../support/fakes/model-line.ts';
import { defaults, sample } from './definition-samples.ts';

let dir: string;
let broker: EmbeddedBroker;
let store: BridgeStore;
let outside: Publisher;
let retained: Map<string, string>;
const ends: (() => Promise<void> | void)[] = [];

const identity = (id: string): WorkerIdentity => ({
  id,
  host: 'h',
  pid: process.pid,
  startedAt: new Date().toISOString(),
  dataDir: dir,
  versions: {},
});

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'bridge-connections-'));
  broker = createEmbeddedBroker({ name: 'main', port: 0, storeFile: path.join(dir, 'broker.db'), clock });
  await broker.start();
  outside = broker.openPublisher({});
  outside.start();
  retained = new Map();
  for (const kind of ['status', 'ledger', 'workers']) {
    const listener = {
      onRecord: (key: string, value: Buffer | null) => {
        if (value === null) retained.delete(`${kind}/${key}`);
        else retained.set(`${kind}/${key}`, value.toString());
      },
      onSnapshot: () => {},
      onStatus: () => {},
    };
    const reader = broker.openTable({ prefix: `hb/${kind}`, settleMs: 10 }, listener);
    reader.start();
    ends.push(() => reader.stop());
  }
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await outside.stop();
  await broker.stop();
  await rm(dir, { recursive: true, force: true });
});

interface Worker {
  readonly stop: () => Promise<void>;
  readonly parts: (id: string) => ConnectionRuntime['parts'];
}

const boxOf = (dataDir: string): SecretBox => openSecretBox({ dataDir, key: null });

async function startWorker(): Promise<Worker> {
  const box = boxOf(dir);
  store = await openStore({ dataDir: path.join(dir, 'w'), clock, box, report: () => {} });
  const gateway = new ModelGateway();
  gateway.passwords.set('me@example.com', 'right');
  const seal = new HeartbeatSeal('hb', openSecretBox({ dataDir: '/nowhere', key: '11'.repeat(32) }));
  const publisher = broker.openPublisher({ will: lastWill(seal, identity('w1'), clock.now(), 200) });
  const status = new StatusPublisher({
    publisher,
    prefix: 'hb',
    seal,
    identity: identity('w1'),
    clock,
    heartbeatMs: 200,
  });
  const events = new EventLog({ clock, chance, store: store.events, onEvent: (event) => status.publishEvent(event) });
  const find = (name: string): EmbeddedBroker | null => (name === 'main' ? broker : null);
  const hostHealth = new HostHealth({ gateway, clock, chance });
  const journalMaxBytes = 1 << 20;
  const supervisor = new Supervisor({
    workerId: 'w1',
    store,
    events,
    status: new Views(status, clock),
    clock,
    purge: { store, broker: find, events, clock, journalMaxBytes },
    createRuntime: (connection) =>
      new ConnectionRuntime(connection, {
        workerId: 'w1',
        store,
        broker: find,
        gateway,
        makeLine: ({ store: its, observer }) => ({ line: new ModelLine(its, observer) }),
        clientId: (id, generation) => `hb-${id}-${generation}`,
        hostHealth,
        events,
        status,
        clock,
        chance,
        journalMaxBytes,
        closeAfterMs: 300_000,
        retryMinMs: 500,
        retryMaxMs: 20_000,
      }),
  });
  const definitions = new Definitions({
    broker,
    prefix: 'hb',
    clientId: 'hb-definitions',
    validate: createDefinitionValidator({}),
    make: (id, record) => makeConnection(id, record, box, defaults),
    listener: supervisor,
    events,
    settleMs: 100,
  });
  status.start();
  supervisor.start();
  definitions.start();
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await definitions.stop();
      await supervisor.stop(AbortSignal.timeout(5000));
      hostHealth.stop();
      events.stop();
      await status.stop();
      await store.close();
    })();
    return stopped;
  };
  ends.push(stop);
  const parts = (id: string): ConnectionRuntime['parts'] =>
    (supervisor.runtime(id) as ConnectionRuntime | null)?.parts ?? null;
  return { stop, parts };
}

function define(id: string, record: DefinitionRecord | null): Promise<void> {
  return outside.publish(`hb/connections/${id}`, record === null ? '' : JSON.stringify(record), { retain: true });
}

const sessionsOf = (worker: Worker): unknown => JSON.parse(worker.parts('a')?.store.getState('sessions') ?? '[]');
const read = (topic: string): Record<string, unknown> => JSON.parse(retained.get(topic) ?? '{}');
const state = (id: string): unknown => read(`status/${id}`).state;
const uplink = (topic: string): Promise<void> => outside.publish(topic, '{}');

describe('on a real broker and a real store', () => {
  it('a definition opens a connection, uplinks are journalled, and a corrected password opens within a second', async () => {
    await startWorker();
    await define('a', sample({ password: 'wrong' }));
    await vi.waitFor(() => expect(state('a')).toBe('AUTHENTICATION_FAILED'), 3000);
    await uplink('mqtt/things/0018B20000000B20/uplink');
    const corrected = Date.now();
    await define('a', sample());
    await vi.waitFor(() => expect(state('a')).toBe('OPENED'), { timeout: 3000, interval: 10 });
    // The status itself is published at most once a second.
    expect(Date.now() - corrected).toBeLessThan(1500);
    await vi.waitFor(() => expect(read('ledger/a')).toMatchObject({ received: 1, pending: 1 }), 4000);
    expect(store.events.list({ connectionId: 'a', limit: 10 }).map(({ kind }) => kind)).toContain('connectionOpened');
  });

  it('a moved source takes what comes on the new topic, and nothing more on the old one', async () => {
    const worker = await startWorker();
    await define('a', sample({ source: { topics: ['old/+'] } }));
    await vi.waitFor(() => expect(state('a')).toBe('OPENED'), 3000);
    await uplink('old/1');
    await define('a', sample({ source: { topics: ['new/+'] } }));
    const moved = async (): Promise<void> => {
      await uplink('new/1');
      expect(read('ledger/a').received).toBeGreaterThan(1);
    };
    await vi.waitFor(moved, { timeout: 5000, interval: 200 });
    // The old session has been silent for two seconds: it is ended, and its topic is nobody's.
    const ended = (): void => {
      expect(sessionsOf(worker)).toMatchObject([{ generation: 1, clientId: 'hb-a-1', topics: ['new/+'] }]);
    };
    await vi.waitFor(ended, 8000);
    const before = worker.parts('a')?.store.ledger().received ?? 0;
    await uplink('old/1');
    await uplink('new/1');
    await vi.waitFor(() => expect(worker.parts('a')?.store.ledger().received).toBe(before + 1), 3000);
  });

  it('a deletion made while the worker was away is done at its start, as a whole', async () => {
    const first = await startWorker();
    await define('a', sample());
    await define('b', sample());
    await vi.waitFor(() => expect([state('a'), state('b')]).toEqual(['OPENED', 'OPENED']), 3000);
    await uplink('mqtt/things/0018B20000000B20/uplink');
    await first.stop();
    expect(read('workers/w1').alive).toBe(false);
    await define('a', null);
    await startWorker();
    await vi.waitFor(() => expect(retained.has('status/a')).toBe(false), 5000);
    expect(store.connectionIds()).toEqual(['b']);
    await vi.waitFor(() => expect(state('b')).toBe('OPENED'), 3000);
  });

  it('nothing that comes for a connection whose deletion a kill interrupted goes to the next one of its name', async () => {
    const first = await startWorker();
    await define('a', sample({ source: { topics: ['old/+'] } }));
    await vi.waitFor(() => expect(state('a')).toBe('OPENED'), 3000);
    await first.stop();
    const killed = await openStore({ dataDir: path.join(dir, 'w'), clock, box: boxOf(dir), report: () => {} });
    killed.setState('a', 'deleting', '1');
    await killed.close();
    await uplink('old/1');
    await define('a', sample({ source: { topics: ['new/+'] } }));
    const worker = await startWorker();
    await vi.waitFor(() => expect(worker.parts('a')?.store).toBeDefined(), 3000);
    const received = (): number | undefined => worker.parts('a')?.store.ledger().received;
    const comes = async (): Promise<void> => {
      await uplink('old/2');
      await uplink('new/1');
      expect(received()).toBeGreaterThan(0);
    };
    await vi.waitFor(comes, { timeout: 5000, interval: 200 });
    const topics = await worker.parts('a')?.store.read(1, 100, 1 << 20);
    expect(new Set(topics?.map(({ topic }) => topic))).toEqual(new Set(['new/1']));
    await vi.waitFor(() => expect(sessionsOf(worker)).toMatchObject([{ clientId: 'hb-a-1' }]), 5000);
    const before = received() ?? 0;
    await uplink('old/3');
    await uplink('new/1');
    await vi.waitFor(() => expect(received()).toBe(before + 1), 3000);
  });

  it('a second worker on the prefix is told of the first, and may start once that is gone', async () => {
    const first = await startWorker();
    await vi.waitFor(() => expect(read('workers/w1').alive).toBe(true), 3000);
    const claim = (): Promise<void> => {
      const signal = new AbortController().signal;
      return claimPrefix({ broker, prefix: 'hb', identity: identity('w2'), clock, signal });
    };
    await expect(claim()).rejects.toMatchObject({ code: 'prefixInUse', exitCode: 75, message: /"w1"/ });
    await first.stop();
    const before = Date.now();
    await claim();
    expect(Date.now() - before).toBeLessThan(1000);
  });
});
