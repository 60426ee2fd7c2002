// Who may write to the workers' topic is not believed: two workers on a real Kafka, their own topics on Mosquitto, a forged third.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { AuditEntry } from '../../src/domain/access.ts';
import type { ConnectionStatus } from '../../src/domain/connection.ts';
import type { BridgeEvent } from '../../src/domain/events.ts';
import { ClusterStack } from '../chaos/cluster/stack.ts';
import { until } from '../support/bridge.ts';
import { BrokerClient } from '../support/broker-client.ts';
import { freshName, KAFKA_START_MS, kafkaBrokers } from '../support/kafka.ts';
import { describeWith } from '../support/requirements.ts';

const DEVICE = '0018B20000000B20';

async function useThief() {
  const seen: string[] = [];
  const server = http.createServer(({ method, url, headers }, response) => {
    seen.push(`${method} ${url} ${headers.authorization}`);
    response.setHeader('content-type', 'application/json').end('[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { seen, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describeWith('kafka', 'Two workers and a forged heartbeat', () => {
  test('it is asked nothing and ends nobody; questions go on to their worker in the name of who asks', {
    timeout: KAFKA_START_MS + 240_000,
  }, async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'bridge-forged-'));
    const prefix = freshName('forged');
    const kafka = await kafkaBrokers();
    const options = { dir, seed: 1, connections: 4, partitions: 12, topics: 'mqtt' as const, kafka, prefix };
    const stack = await ClusterStack.start(options);
    onTestFinished(async () => {
      await stack.stop();
      rmSync(dir, { recursive: true, force: true });
    });
    const workers = [await stack.addWorker(), await stack.addWorker()];
    for (const spec of stack.connections) await stack.define(spec);
    expect(await stack.settled(2)).toBe(true);

    const thief = await useThief();
    const client = await BrokerClient.connect(`mqtt://127.0.0.1:${stack.mosquitto.port}`);
    const membership = {
      ...{ group: `${prefix}.ownership`, address: thief.address, confirmed: true, keyId: '00000000' },
      partitions: Array.from({ length: 12 }, (_, partition) => partition),
    };
    const forge = async (id: string, beat: number): Promise<void> => {
      const heartbeat = { id, alive: true, host: 'h', pid: 1, startedAt: 's', dataDir: '/d', beat, intervalMs: 60_000 };
      await client.publish(`${prefix}/workers/${id}`, JSON.stringify({ ...heartbeat, membership }), { retain: true });
    };
    const real = [...(await stack.owners()).values()][0]?.worker as string;
    for (let beat = 1; beat < 4; beat++) {
      for (const id of ['0-evil', real]) await forge(id, 1_000_000 + beat);
      for (const { id } of stack.connections) {
        for (const worker of workers) await worker.call('GET', `/connections/${id}/ledger`);
      }
      for (const worker of workers) {
        expect(await worker.call('GET', '/deleted-connections')).toEqual([]);
        expect((await worker.workers()).filter(({ alive }) => alive)).toHaveLength(2);
      }
    }
    expect(thief.seen).toEqual([]);
    for (const worker of workers) {
      await until('it is told', async () => {
        const events = (await worker.call('GET', '/events')) as readonly BridgeEvent[];
        return events.some(({ kind }) => kind === 'secretKeysDiffer' || kind === 'heartbeatIgnored');
      });
      expect(worker.runs).toBe(true);
    }

    // As a worker does that was cut off: its last word of what another one has by now does not stay.
    const owned = stack.connections[0]?.id as string;
    const topic = `${prefix}/status/${owned}`;
    await client.follow(topic);
    const said = () => JSON.parse(client.latest(topic) ?? '{}') as Partial<ConnectionStatus>;
    await until('its status is heard', () => said().state === 'OPENED');
    const mine = said();
    const late = { ...mine, worker: 'w-late', state: 'CLOSED', source: { broker: 'b', up: false, reason: 'away' } };
    await client.publish(topic, JSON.stringify(late), { retain: true });
    await until('the late word is there', () => said().worker === 'w-late');
    await until('its worker says it again', () => said().worker === mine.worker, 30_000);
    expect(said()).toEqual(mine);

    // The audit is each worker's own: it is at the one that did it, and says who asked for it.
    for (const worker of workers) await worker.call('POST', `/connections/${owned}/devices/${DEVICE}/forget`);
    const audits = await Promise.all(workers.map((worker) => worker.call('GET', '/audit') as Promise<AuditEntry[]>));
    const forgotten = audits.flat().filter(({ action }) => action === 'device.forget');
    expect(forgotten).toHaveLength(2);
    for (const { who, kind, from } of forgotten) {
      expect([who, kind]).toEqual(['anybody', 'open']);
      expect(from).toMatch(/127\.0\.0\.1$/);
    }
  });
});
