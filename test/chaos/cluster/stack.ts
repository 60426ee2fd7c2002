// A cluster under test: Kafka, Mosquitto and a simulated HERE; workers as processes on one disk; connections on accounts of
// their own, so that they spread over the workers.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findMosquitto, Mosquitto } from '../../../src/chaos/mosquitto.ts';
import { topicOf } from '../../../src/chaos/publishers.ts';
import { until } from '../../../src/chaos/wait.ts';
import type { ClusterWorker } from '../../../src/domain/ports/cluster.ts';
import type { ConnectionView } from '../../../src/domain/ports/control.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.ts';
import { accountsOf, type ConnectionSpec, plainConnections } from './cast.ts';
import { KafkaNode } from './kafka-node.ts';
import { WorkerProcess } from './worker-process.ts';

export interface ClusterOptions {
  readonly dir: string;
  readonly seed: number;
  /** With an account of their own each. */
  readonly connections: number;
  /** Besides those. */
  readonly more?: readonly ConnectionSpec[];
  /** One that is there already, `host:port`; null: one of the run's own, which can be killed. */
  readonly kafka: string | null;
  readonly prefix: string;
  readonly partitions: number;
  /** Where definitions, statuses, heartbeats and accounts are. */
  readonly topics: 'kafka' | 'mqtt';
}

/** A definition that is not as its spec says. */
export interface DefinitionChange {
  readonly name?: string;
  readonly password?: string;
  /** Others, which its uplinks come by as well. */
  readonly otherTopics?: boolean;
  /** Only these devices'. */
  readonly devices?: readonly string[];
}

const OPEN_MS = 60_000;

export class ClusterStack {
  readonly connections: readonly ConnectionSpec[];
  readonly here: Sandbox;
  readonly mosquitto: Mosquitto;
  readonly kafka: KafkaNode | null;
  readonly recordFile: string;
  readonly workers: WorkerProcess[] = [];
  /** What definitions have said that is not the account's password: by account. */
  readonly wrongPasswords = new Map<string, Set<string>>();
  /** Connections with such a one now. */
  readonly #refused = new Set<string>();
  readonly #options: ClusterOptions;
  #made = 0;

  static async start(options: ClusterOptions): Promise<ClusterStack> {
    mkdirSync(options.dir, { recursive: true });
    const connections = [...plainConnections(options.connections, options.kafka === null), ...(options.more ?? [])];
    const recordFile = path.join(options.dir, 'here-records.ndjson');
    const here = await startSandbox({
      seed: options.seed,
      jobMs: 0,
      recordFile,
      keepRecords: 0,
      accounts: accountsOf(connections),
    });
    const program = findMosquitto(process.env);
    if (program === null) throw new Error('Mosquitto is not installed');
    const mosquitto = await Mosquitto.start(program, options.dir, process.env, ['log_type notice']);
    const kafka = options.kafka === null ? await KafkaNode.start(options.dir) : null;
    const topics = connections.flatMap(({ topic }) => (topic === null ? [] : [topic]));
    await kafka?.makeTopics(topics.flatMap((topic) => [topic, otherTopic(topic)]));
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

  async define(spec: ConnectionSpec, change: DefinitionChange = {}): Promise<void> {
    const { id, email, appId, rightPassword = spec.password } = spec;
    const { name = `Cluster ${id}`, password = spec.password, otherTopics = false, devices } = change;
    if (password === rightPassword) this.#refused.delete(id);
    else {
      this.#refused.add(id);
      this.wrongPasswords.set(email, (this.wrongPasswords.get(email) ?? new Set()).add(password));
    }
    const matchers = devices?.map((device) => ({ type: 'key', key: `lora:${device}` }));
    const source = { ...sourceOf(spec, otherTopics), ...(matchers === undefined ? {} : { matchers }) };
    await this.anyone.call('PUT', `/connections/${id}`, {
      connectorId: 'actility-here-iot',
      name,
      configuration: { email, password, appId, source },
    });
  }

  /** How often each connection's client has connected to Mosquitto so far. */
  connects(): ReadonlyMap<string, number> {
    const log = readFileSync(path.join(this.#options.dir, 'mosquitto.log'), 'utf8');
    const counts = new Map(this.connections.map(({ id }) => [id, 0]));
    // Of a source that was moved the generation follows the id.
    for (const [, id = ''] of log.matchAll(
      /New client connected from \S+ as here-bridge-[0-9a-f]{8}-(\w+?)(?:~\d+)? \(/g,
    )) {
      if (counts.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  async remove(id: string): Promise<void> {
    await this.anyone.call('DELETE', `/connections/${id}`);
  }

  /** HERE takes its password: it sends what it gets. */
  isLetIn(id: string): boolean {
    return !this.#refused.has(id);
  }

  /** Who serves what, as the workers that run say together. */
  async owners(): Promise<ReadonlyMap<string, ClusterWorker>> {
    const workers = await this.anyone.workers();
    return new Map(workers.filter(({ alive }) => alive).flatMap((each) => each.connections.map((id) => [id, each])));
  }

  async view(id: string): Promise<ConnectionView> {
    return (await this.anyone.call('GET', `/connections/${id}`)) as ConnectionView;
  }

  /** All connections subscribed, each on one of `count` workers, and open, or refused where the password is wrong. */
  async settled(count: number, timeoutMs = OPEN_MS): Promise<boolean> {
    return until(
      timeoutMs,
      async () => {
        const workers = (await this.anyone.workers()).filter(({ alive }) => alive);
        const held = workers.map(({ partitions }) => partitions.length);
        if (workers.length !== count || !areDealt(held, this.#options.partitions)) return false;
        for (const { id } of this.connections) {
          const { state, status } = await this.view(id);
          if (state !== (this.isLetIn(id) ? 'OPENED' : 'AUTHENTICATION_FAILED') || status.source?.up !== true)
            return false;
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

/** Evenly: while a newcomer has none yet, the others hold all of them, and are about to give some up. */
function areDealt(held: readonly number[], partitions: number): boolean {
  const share = Math.floor(partitions / held.length);
  return held.reduce((sum, each) => sum + each, 0) === partitions && held.every((each) => each >= share);
}

function sourceOf({ id, topic }: ConnectionSpec, others: boolean) {
  if (topic === null) return { topics: others ? [topicOf(id, '+').replace(/[^/]+$/, '+')] : [topicOf(id, '+')] };
  return { broker: 'log', topics: others ? [topic, otherTopic(topic)] : [topic], from: 'earliest' as const };
}

function otherTopic(topic: string): string {
  return `${topic}-more`;
}
