// takeover: a worker of three is killed with `kill -9`; how long until the last of its connections sends again.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Arrivals } from '../../src/chaos/arrivals.ts';
import { Publisher } from '../../src/chaos/publishers.ts';
import { until } from '../../src/chaos/wait.ts';
import { ClusterStack } from '../chaos/cluster/stack.ts';
import { Takeovers } from '../chaos/cluster/takeovers.ts';
import type { BenchSettings, Figure } from './bench.ts';
import { type Stoppable, startKafka } from './kafka-stack.ts';
import { median } from './process.ts';

const WORKERS = 3;
const CONNECTIONS = 6;
const ROUNDS = 5;
const PER_SECOND = 10;
const SETTLE_MS = 90_000;
const MOST_MS = 60_000;

export async function takeover({ say }: BenchSettings): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'here-bridge-bench-'));
  const children: Stoppable[] = [];
  try {
    const kafka = await startKafka(folder, children);
    const prefix = `takeover-${process.pid}`;
    const stack = await ClusterStack.start({
      ...{ dir: path.join(folder, 'cluster'), seed: 1, connections: CONNECTIONS, partitions: 12 },
      ...{ topics: 'kafka', kafka, prefix },
    });
    children.push(stack);
    for (let worker = 0; worker < WORKERS; worker++) await stack.addWorker();
    for (const spec of stack.connections) await stack.define(spec);
    const publishers = stack.connections.map(({ id }, index) => {
      return new Publisher({ port: stack.mosquitto.port, connectionId: id, seed: index, devices: 10, keepaliveS: 5 });
    });
    children.push({ stop: async () => void (await Promise.all(publishers.map((publisher) => publisher.stop()))) });
    // Until they are stopped.
    for (const publisher of publishers) void publisher.publish(1_000_000, PER_SECOND, 0);
    const seconds: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      if (!(await stack.settled(WORKERS, SETTLE_MS))) throw new Error('the workers do not share the connections');
      seconds.push((await killOne(stack, publishers)) / 1000);
      say(`  round ${round}: ${seconds.at(-1)?.toFixed(1)} s`);
      await stack.addWorker();
    }
    const unit = 's until the last connection sends again';
    return [
      { name: 'takeover', value: median(seconds), unit, must: 'atMost', bar: 15 },
      { name: 'takeover.worst', value: Math.max(...seconds), unit, must: 'atMost', bar: 15 },
    ];
  } finally {
    for (const child of children.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The worker that serves most; ms until the last of its connections sends again. */
async function killOne(stack: ClusterStack, publishers: readonly Publisher[]): Promise<number> {
  const arrivals = new Arrivals(stack.recordFile);
  const takeovers = new Takeovers((id) => {
    const index = stack.connections.findIndex((each) => each.id === id);
    const acknowledged = publishers[index]?.acknowledged ?? [];
    return { acknowledged, accepted: arrivals.project(stack.connections[index]?.appId ?? '').accepted };
  });
  const owners = await stack.owners();
  const served = (pid: number | undefined): string[] =>
    [...owners].filter(([, owner]) => owner.pid === pid).map(([id]) => id);
  const [victim] = stack.workers.filter(({ runs }) => runs).sort((a, b) => served(b.pid).length - served(a.pid).length);
  const lost = served(victim?.pid);
  if (victim === undefined || lost.length === 0) throw new Error('no worker serves anything');
  arrivals.look();
  await victim.kill();
  takeovers.began(lost);
  const isBack = await until(MOST_MS, () => {
    arrivals.look();
    takeovers.look();
    return !takeovers.isOpen;
  });
  if (!isBack) throw new Error(`${lost.join(', ')} send nothing for ${MOST_MS} ms`);
  return takeovers.summary().max as number;
}
