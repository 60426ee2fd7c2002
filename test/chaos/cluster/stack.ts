// A cluster under test: Kafka, Mosquitto and a simulated HERE; workers as processes on one disk; connections on accounts of
// their own, so that they spread over the workers.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { findMosquitto, Mosquitto } from '../../../src/chaos/mosquitto.ts';
import { topicOf } from '../../../src/chaos/publishers.ts';
import { until } from '../../../src/chaos/wait.ts';
import type { ClusterWorker } from '../../../src/domain/ports/cluster.ts';
import type { ConnectionView } from '../../../src/domain/ports/control.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.ts';
import { KafkaNode } from './kafka-node.ts';
import { WorkerProcess } from './worker-process.ts';

export interface ConnectionSpec {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly appId: string;
  /** Of Kafka; null: its uplinks come by MQTT. */
  readonly topic: string | null;
}

export interface ClusterOptions {
  readonly dir: string;
  readonly seed: number;
  readonly connections: number;
  /** One that is there already, `host:port`; null: one of the run's own, which can be killed. */
  readonly kafka: string | null;
  readonly prefix: string;
  readonly partitions: number;
  /** Where definitions, statuses, heartbeats and accounts are. */
  readonly topics: 'kafka' | 'mqtt';
}

const OPEN_MS = 60_000;

export class ClusterStack {
  readonly connections: readonly ConnectionSpec[];
  readonly here: Sandbox;
  readonly mosquitto: Mosquitto;
  readonly kafka: KafkaNode | null;
  readonly recordFile: string;
  readonly workers: WorkerProcess[] = [];
  readonly #options: ClusterOptions;
  #made = 0;

  static async start(options: ClusterOptions): Promise<ClusterStack> {
    mkdirSync(options.dir, { recursive: true });
    const connections = Array.from({ length: options.connections }, (_, index) => ({
      id: `c${index}`,
      email: `owner-${index}@tenant.example`,
      password: `secret-of-${index}`,
      appId: `cluster-app-${index}`,
      // Every third one: with none of the run's own, all come by MQTT.
      topic: options.kafka === null && index % 3 === 2 ? `uplinks-c${index}` : null,
    }));
    const recordFile = path.join(options.dir, 'here-records.ndjson');
    const here = await startSandbox({
      seed: options.seed,
      jobMs: 0,
      recordFile,
      keepRecords: 0,
      accounts: connections.map(({ email, password, appId }) => ({ email, password, projects: [{ appId }] })),
    });
    const program = findMosquitto(process.env);
    if (program === null) throw new Error('Mosquitto is not installed');
    const mosquitto = await Mosquitto.start(program, options.dir, process.env);
    const kafka = options.kafka === null ? await KafkaNode.start(options.dir) : null;
    const topics = connections.flatMap(({ topic }) => (topic === null ? [] : [topic]));
    await kafka?.makeTopics(topics);
    return new ClusterStack(options, { connections, here, mosquitto, kafka, recordFile });
  }

  private constructor(
    options: ClusterOptions,
    parts: Pick<ClusterStack, 'connections' | 'here' | 'mosquitto' | 'kafka' | 'recordFile'>,
  ) {
    this.#options = options;
    this.connections = parts.connections;
    this.here = parts.here;
    this.mosquitto = parts.mosquitto;
    this.kafka = parts.kafka;
    this.recordFile = parts.recordFile;
  }

  /** One more; resolves when it answers. */
  async addWorker(): Promise<WorkerProcess> {
    const { dir, kafka } = this.#options;
    const log = { kind: 'kafka', bootstrap: [kafka ?? this.kafka?.brokers] };
    const worker = await WorkerProcess.make({
      dir,
      dataDir: path.join(dir, 'data'),
      name: `worker-${++this.#made}`,
      args: this.#arguments(),
      env: { ...process.env, HERE_BRIDGE_BROKERS: JSON.stringify({ log }) },
    });
    this.workers.push(worker);
    worker.start();
    await worker.ready();
    return worker;
  }

  /** Any that runs. */
  get anyone(): WorkerProcess {
    const worker = this.workers.find(({ runs }) => runs);
    if (worker === undefined) throw new Error('No worker runs');
    return worker;
  }

  async define(spec: ConnectionSpec, change: { readonly name?: string } = {}): Promise<void> {
    const { id, email, password, appId, topic } = spec;
    const source =
      topic === null ? { topics: [topicOf(id, '+')] } : { broker: 'log', topics: [topic], from: 'earliest' as const };
    await this.anyone.call('PUT', `/connections/${id}`, {
      connectorId: 'actility-here-iot',
      name: change.name ?? `Cluster ${id}`,
      configuration: { email, password, appId, source },
    });
  }

  /** Who serves what, as the workers that run say together. */
  async owners(): Promise<ReadonlyMap<string, ClusterWorker>> {
    const workers = await this.anyone.workers();
    return new Map(workers.filter(({ alive }) => alive).flatMap((each) => each.connections.map((id) => [id, each])));
  }

  async view(id: string): Promise<ConnectionView> {
    return (await this.anyone.call('GET', `/connections/${id}`)) as ConnectionView;
  }

  /** All connections open and subscribed, each on one of `count` workers. */
  async settled(count: number, timeoutMs = OPEN_MS): Promise<boolean> {
    return until(
      timeoutMs,
      async () => {
        const workers = (await this.anyone.workers()).filter(({ alive }) => alive);
        const partitions = workers.reduce((sum, each) => sum + each.partitions.length, 0);
        if (workers.length !== count || partitions !== this.#options.partitions) return false;
        for (const { id } of this.connections) {
          const { state, status } = await this.view(id);
          if (state !== 'OPENED' || status.source?.up !== true) return false;
        }
        return true;
      },
      200,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    await this.mosquitto.kill();
    await this.kafka?.kill();
    await this.here.stop();
  }

  #arguments(): readonly string[] {
    const { prefix, partitions, topics } = this.#options;
    const values: Record<string, string | number> = {
      'brokers.main.url': `mqtt://127.0.0.1:${this.mosquitto.port}`,
      'brokers.main.keepaliveMs': 3_000,
      'brokers.main.connectTimeoutMs': 3_000,
      'topics.broker': topics === 'kafka' ? 'log' : 'main',
      'topics.prefix': prefix,
      'sources.broker': 'main',
      'ownership.broker': 'log',
      'ownership.partitions': partitions,
      'worker.heartbeatMs': 1_000,
      'here.services.here.timeoutMs': 2_000,
      'log.pretty': 'never',
    };
    const settings = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    return ['--here-url', this.here.url, ...settings];
  }
}
