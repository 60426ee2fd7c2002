// Three workers on a real Kafka: one dies, the others take its connections over, and theirs go on untouched.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { Arrivals } from '../../src/chaos/arrivals.ts';
import { Publisher, topicOf } from '../../src/chaos/publishers.ts';
import { until } from '../../src/chaos/wait.ts';
import { imbalance, type Ledger } from '../../src/domain/ledger.ts';
import type { ConnectionView } from '../../src/domain/ports/control.ts';
import { KafkaPublisher } from '../chaos/cluster/kafka-publisher.ts';
import { ClusterStack } from '../chaos/cluster/stack.ts';
import { Takeovers } from '../chaos/cluster/takeovers.ts';
import { figures } from '../support/bridge.ts';
import { freshName, KAFKA_START_MS, kafkaBrokers, kafkaClient, makeTopic } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';

const TAKEOVER_MS = 15_000;

interface Letters {
  readonly letters: readonly { readonly key: string }[];
}

async function useCluster(connections: number): Promise<ClusterStack> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bridge-cluster-'));
  const stack = await ClusterStack.start({
    ...{ dir, seed: 1, connections, partitions: 12, topics: 'kafka' as const },
    kafka: await kafkaBrokers(),
    prefix: freshName('cluster'),
  });
  onTestFinished(async () => {
    await stack.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return stack;
}

describeWith('kafka', 'Three workers', () => {
  test('one is killed: its connections send again within 15 s with nothing missing, the others’ go on untouched, nobody logs in anew', {
    timeout: KAFKA_START_MS + 240_000,
  }, async () => {
    const stack = await useCluster(6);
    await Promise.all([stack.addWorker(), stack.addWorker(), stack.addWorker()]);
    for (const spec of stack.connections) await stack.define(spec);
    expect(await stack.settled(3)).toBe(true);

    const arrivals = new Arrivals(stack.recordFile);
    const publishers = stack.connections.map(({ id }, index) => {
      return new Publisher({ port: stack.mosquitto.port, connectionId: id, seed: index, devices: 10, keepaliveS: 5 });
    });
    onTestFinished(async () => {
      await Promise.all(publishers.map((publisher) => publisher.stop()));
    });
    const published = Promise.all(publishers.map((publisher) => publisher.publish(200, 10, 60_000)));
    const find = (id: string) => {
      const index = stack.connections.findIndex((each) => each.id === id);
      const appId = stack.connections[index]?.appId ?? '';
      return { acknowledged: publishers[index]?.acknowledged ?? [], accepted: arrivals.project(appId).accepted };
    };
    expect(await until(30_000, () => arrivals.look() && find('c0').accepted.size > 10)).toBe(true);
    const client = connect(`mqtt://127.0.0.1:${stack.mosquitto.port}`);
    onTestFinished(() => client.endAsync(true));
    for (let n = 0; n < 3; n++) await client.publishAsync(topicOf('c0', 'unreadable'), `no JSON ${n}`, { qos: 1 });
    const letters = async (): Promise<readonly string[]> => {
      const page = (await stack.anyone.call('GET', '/connections/c0/dead-letters').catch(() => null)) as Letters | null;
      return (page?.letters ?? []).map(({ key }) => key).sort();
    };
    await expect.poll(async () => (await letters()).length, { timeout: 10_000 }).toBe(3);
    const keys = await letters();

    const owners = await stack.owners();
    const pid = owners.get('c0')?.pid;
    const victim = stack.workers.find((each) => each.pid === pid);
    const victimId = owners.get('c0')?.worker;
    const lost = [...owners].filter(([, owner]) => owner.pid === pid).map(([id]) => id);
    const kept = [...owners].filter(([, owner]) => owner.pid !== pid).map(([id]) => id);
    const survivor = stack.workers.find((each) => each !== victim);
    const connected = stack.connects();
    for (const { id } of stack.connections) expect([id, connected.get(id)]).toEqual([id, expect.any(Number)]);
    expect(Math.min(...connected.values())).toBeGreaterThan(0);
    const watching = stack.workers.filter((each) => each !== victim);
    const told = await Promise.all(watching.map((worker) => worker.news()));
    const before = new Map<string, string | null>();
    for (const id of kept) before.set(id, (await stack.view(id)).status.since);
    const takeovers = new Takeovers(find);
    await victim?.kill();
    takeovers.began(lost);
    const isBack = await until(TAKEOVER_MS * 2, () => {
      arrivals.look();
      takeovers.look();
      return !takeovers.isOpen;
    });
    expect(isBack).toBe(true);
    expect(takeovers.summary().max).toBeLessThan(TAKEOVER_MS);

    await published;
    const isMissing = (id: string): number => {
      const { acknowledged, accepted } = find(id);
      return acknowledged.filter(({ key, isTelemetry }) => isTelemetry && !accepted.has(key)).length;
    };
    await until(60_000, () => {
      arrivals.look();
      return stack.connections.every(({ id }) => isMissing(id) === 0);
    });
    expect(Object.fromEntries(stack.connections.map(({ id }) => [id, isMissing(id)]))).toEqual(
      Object.fromEntries(stack.connections.map(({ id }) => [id, 0])),
    );
    // Not for a moment: no session of theirs was taken up anew at the broker, while those of the lost ones were.
    const connectedNow = stack.connects();
    for (const id of kept) expect([id, connectedNow.get(id)]).toEqual([id, connected.get(id)]);
    for (const id of lost) expect(connectedNow.get(id)).toBeGreaterThan(connected.get(id) ?? 0);
    // Each says what it has gained, and nobody has lost any; one of them looks after the journal that is left.
    const since = await Promise.all(
      watching.map(async (worker, index) => (await worker.news()).slice(told[index]?.length)),
    );
    const ofGroup = since.map((news) => news.filter(({ kind }) => kind === 'ownershipChanged'));
    for (const news of ofGroup) {
      expect(news.length).toBeGreaterThan(0);
      for (const { message } of news) expect(message).toMatch(/^Gained /);
    }
    const adopted = () =>
      Promise.all(watching.map((worker) => worker.news())).then((all) =>
        all.flat().filter(({ kind, message }) => kind === 'journalAdopted' && message.includes(`${victimId} (`)),
      );
    await expect.poll(adopted, { timeout: 30_000 }).not.toEqual([]);
    for (const id of kept) {
      expect((await survivor?.call('GET', `/connections/${id}`)) as object).toMatchObject({
        status: { since: before.get(id), state: 'OPENED' },
      });
    }
    // Whoever is asked, of the list or of one: the sum over all that served it.
    for (const worker of stack.workers.filter(({ runs }) => runs)) {
      await expect
        .poll(
          async () => {
            const listed = (await worker.call('GET', '/connections')) as readonly ConnectionView[];
            return Promise.all(
              listed.map(async ({ id, ledger }) => {
                const one = (await worker.call('GET', `/connections/${id}`)) as ConnectionView;
                const { acknowledged } = find(id);
                const whole = (each: Ledger | null) =>
                  each !== null && each.pending === 0 && imbalance(each) === 0 && each.received >= acknowledged.length;
                return whole(ledger) && whole(one.ledger) ? 'whole' : { id, listed: ledger, one: one.ledger };
              }),
            );
          },
          { timeout: 15_000 },
        )
        .toEqual(stack.connections.map(() => 'whole'));
    }
    // The dead letters of the one that is gone are where the connection is now.
    await expect.poll(letters, { timeout: 15_000 }).toEqual(keys);
    for (const { email, logIns, failedLogIns, liveTokens } of stack.here.accounts()) {
      if (email.startsWith('owner-'))
        expect({ email, logIns, failedLogIns, liveTokens }).toMatchObject({
          logIns: 1,
          failedLogIns: 0,
          liveTokens: 1,
        });
    }
    // Deleted, it is on the list of whoever is asked, with the letters of the worker that keeps them.
    await stack.anyone.call('DELETE', '/connections/c0');
    for (const worker of stack.workers.filter(({ runs }) => runs)) {
      await expect
        .poll(() => worker.call('GET', '/deleted-connections').catch(String), { timeout: 15_000 })
        .toMatchObject([{ id: 'c0', count: 3 }]);
    }
  });

  test('one is told to end: its connections go to the others with nothing missing and hardly anything sent twice, and are back at once', {
    timeout: KAFKA_START_MS + 240_000,
  }, async () => {
    const stack = await useCluster(6);
    await Promise.all([stack.addWorker(), stack.addWorker(), stack.addWorker()]);
    // Of each worker's connections some read MQTT, some Kafka.
    const topics = new Map<string, string>();
    for (const [index, spec] of stack.connections.entries()) {
      const topic = index % 2 === 0 ? null : await makeTopic(freshName('uplinks'), { partitions: 2 });
      if (topic !== null) topics.set(spec.id, topic);
      await stack.define({ ...spec, topic });
    }
    expect(await stack.settled(3)).toBe(true);
    const arrivals = new Arrivals(stack.recordFile);
    const kafka = await kafkaClient();
    const publishers = stack.connections.map(({ id }, seed) => {
      const topic = topics.get(id);
      if (topic !== undefined) return new KafkaPublisher(kafka, { topic, seed, devices: 10 });
      return new Publisher({ port: stack.mosquitto.port, connectionId: id, seed, devices: 10, keepaliveS: 5 });
    });
    onTestFinished(async () => {
      await Promise.all(publishers.map((publisher) => publisher.stop()));
    });
    const published = Promise.all(publishers.map((publisher) => publisher.publish(900, 30, 60_000)));
    const find = (id: string) => {
      const index = stack.connections.findIndex((each) => each.id === id);
      const appId = stack.connections[index]?.appId ?? '';
      return { acknowledged: publishers[index]?.acknowledged ?? [], accepted: arrivals.project(appId).accepted };
    };
    const isFlowing = () => arrivals.look() && stack.connections.every(({ id }) => find(id).accepted.size > 50);
    expect(await until(30_000, isFlowing)).toBe(true);
    const takeovers = new Takeovers(find);
    const copies = (isKafka: boolean): number =>
      stack.connections
        .filter(({ id }) => topics.has(id) === isKafka)
        .reduce((sum, { appId }) => sum + arrivals.project(appId).duplicates, 0);
    for (let round = 0; round < 2; round++) {
      const owners = await stack.owners();
      // The one with most of them.
      const pids = [...owners.values()].map(({ pid }) => pid);
      const most = Math.max(...pids.map((pid) => pids.filter((other) => other === pid).length));
      const pid = pids.find((each) => pids.filter((other) => other === each).length === most);
      const leaving = stack.workers.find((each) => each.runs && each.pid === pid);
      takeovers.began([...owners].filter(([, owner]) => owner.pid === pid).map(([id]) => id));
      const ending = await leaving?.stop();
      expect(ending).toMatchObject({ code: 0, signal: null });
      const isBack = await until(TAKEOVER_MS, () => {
        arrivals.look();
        takeovers.look();
        return !takeovers.isOpen;
      });
      expect(isBack).toBe(true);
    }
    await published;
    const missing = () =>
      stack.connections.map(({ id }) => {
        const { acknowledged, accepted } = find(id);
        return acknowledged.filter(({ key, isTelemetry }) => isTelemetry && !accepted.has(key)).length;
      });
    await until(60_000, () => {
      arrivals.look();
      return missing().every((count) => count === 0);
    });
    expect(missing()).toEqual(stack.connections.map(() => 0));
    figures('graceful hand-overs', { mqtt: copies(false), kafka: copies(true), takeoverMs: takeovers.summary() });
    // Of some thousand. One may be under way to HERE for longer than a worker that ends may wait.
    expect(copies(false) + copies(true)).toBeLessThanOrEqual(1);
  });
});
