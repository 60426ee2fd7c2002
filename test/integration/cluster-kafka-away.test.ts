// Kafka is away for longer than the session time-out: workers live on and send nothing, what comes in by MQTT waits in their
// journals, and all goes on by itself when Kafka is back.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Arrivals } from '../../src/chaos/arrivals.ts';
import { Publisher } from '../../src/chaos/publishers.ts';
import { pause, until } from '../../src/chaos/wait.ts';
import type { ConnectionView } from '../../src/domain/ports/control.ts';
import { ClusterStack } from '../chaos/cluster/stack.ts';
import type { WorkerProcess } from '../chaos/cluster/worker-process.ts';
import { describeWith } from '../support/requirements.ts';

const SESSION_MS = 6_000;

async function statusOf(worker: WorkerProcess, route: string): Promise<number> {
  const answer = await worker.ask('GET', route);
  await answer.body?.cancel();
  return answer.status;
}

describeWith('kafkaJars', 'Two workers whose Kafka is away', () => {
  test('say so, journal and send nothing meanwhile; then all arrives, without a log-in and without a restart', {
    timeout: 360_000,
  }, async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'bridge-cluster-'));
    const stack = await ClusterStack.start({
      ...{ dir, seed: 1, connections: 2, partitions: 4, topics: 'kafka' as const, kafka: null, prefix: 'away' },
    });
    onTestFinished(async () => {
      await stack.stop();
      rmSync(dir, { recursive: true, force: true });
    });
    await Promise.all([stack.addWorker(), stack.addWorker()]);
    for (const spec of stack.connections) await stack.define(spec);
    expect(await stack.settled(2)).toBe(true);
    const arrivals = new Arrivals(stack.recordFile);
    const publishers = stack.connections.map(({ id }, index) => {
      return new Publisher({ port: stack.mosquitto.port, connectionId: id, seed: index, devices: 10, keepaliveS: 5 });
    });
    onTestFinished(async () => {
      await Promise.all(publishers.map((publisher) => publisher.stop()));
    });
    const count = (): number => {
      arrivals.look();
      return stack.connections.reduce((sum, { appId }) => sum + arrivals.project(appId).accepted.size, 0);
    };
    const published = Promise.all(publishers.map((publisher) => publisher.publish(400, 10, 60_000)));
    expect(await until(30_000, () => count() > 20)).toBe(true);

    const owners = new Map<string, WorkerProcess>();
    for (const [id, { pid }] of await stack.owners()) {
      owners.set(id, stack.workers.find((each) => each.pid === pid) as WorkerProcess);
    }
    for (const worker of stack.workers) expect(await worker.told()).not.toContain('groupUnreachable');

    stack.kafka?.freeze();
    // From the last heartbeat on, and what was in flight by then.
    await pause(SESSION_MS + 3_000);
    const then = count();
    const received = async (id: string): Promise<number> => {
      const view = (await owners.get(id)?.call('GET', `/connections/${id}`)) as ConnectionView;
      return view.ledger?.received ?? 0;
    };
    const before = new Map<string, number>();
    for (const { id } of stack.connections) before.set(id, await received(id));
    await pause(4_000);
    expect(count()).toBe(then);
    // What comes meanwhile is in the journal, and waits.
    for (const { id } of stack.connections) {
      await expect.poll(() => received(id), { timeout: 20_000 }).toBeGreaterThan((before.get(id) ?? 0) + 10);
      const view = (await owners.get(id)?.call('GET', `/connections/${id}`)) as ConnectionView;
      expect(view.ledger?.pending).toBeGreaterThan(10);
    }
    for (const worker of stack.workers) {
      expect(worker.runs).toBe(true);
      await expect.poll(() => worker.told(), { timeout: 20_000 }).toContain('groupUnreachable');
      expect(await worker.told()).not.toContain('groupBack');
      await expect.poll(() => statusOf(worker, '/health/ready'), { timeout: 60_000 }).toBe(503);
      expect(await statusOf(worker, '/health/live')).toBe(200);
    }
    expect(count()).toBe(then);

    stack.kafka?.thaw();
    await published;
    const isMissing = (): number => {
      arrivals.look();
      return publishers.reduce((sum, { acknowledged }, index) => {
        const { accepted } = arrivals.project(stack.connections[index]?.appId ?? '');
        return sum + acknowledged.filter(({ key, isTelemetry }) => isTelemetry && !accepted.has(key)).length;
      }, 0);
    };
    await until(90_000, () => isMissing() === 0);
    expect(isMissing()).toBe(0);
    for (const worker of stack.workers) {
      await expect.poll(() => worker.told(), { timeout: 30_000 }).toContain('groupBack');
      await expect.poll(() => statusOf(worker, '/health/ready'), { timeout: 30_000 }).toBe(200);
    }
    for (const { email, logIns } of stack.here.accounts()) if (email.startsWith('owner-')) expect(logIns).toBe(1);
  });
});
