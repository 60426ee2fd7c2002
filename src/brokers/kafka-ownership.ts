// Ownership on Kafka: the partitions of the `ownership` topic, dealt out by a consumer group of all workers.
import type { Kafka } from 'kafkajs';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { Ownership, OwnershipListener } from '../domain/ports/ownership.ts';
import { failureOf, openCluster } from './kafka-group.ts';
import { KafkaMembership } from './kafka-membership.ts';
import { createCommand, ownershipTopic } from './kafka-topics.ts';

export interface KafkaOwnershipOptions {
  /** A client for the group alone: it should not repeat by itself (`retry: { retries: 0 }`). */
  readonly kafka: Kafka;
  /** The topic; the group has its name too. */
  readonly topic: string;
  /** Of the topic, where it must be made; an existing one has what it has. */
  readonly partitionsWhenMade: number;
  /** Make it where it is missing. */
  readonly createTopics: boolean;
  /** null: the cluster's. */
  readonly replicationFactor: number | null;
  /** For the command that makes it. */
  readonly bootstrap: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly chance: Chance;
}

const RETRY_MS = 1_000;
const REFUSED_RETRY_MS = 30_000;

export class KafkaOwnership implements Ownership {
  readonly #options: KafkaOwnershipOptions;
  #membership: KafkaMembership | null = null;
  #partitions = 0;

  constructor(options: KafkaOwnershipOptions) {
    this.#options = options;
  }

  get partitions(): number {
    return this.#partitions;
  }

  get owned(): readonly number[] {
    return this.#membership?.owned ?? [];
  }

  get confirmed(): boolean {
    return this.#membership?.confirmed ?? false;
  }

  /** Resolves when the partitions are known. For one that serves nothing: it has to know whom to ask. */
  async learn(listener: Pick<OwnershipListener, 'onTrouble'>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let failures = 0;
    let isTroubled = false;
    while (this.#partitions === 0) {
      try {
        this.#partitions = await this.#lookAtTopic();
      } catch (error) {
        const fatal = failureOf(error) === 'refused' || error instanceof BridgeError;
        failures += 1;
        // The first failure is often a topic that was made just now, and has no leaders yet.
        if (fatal || failures > 1) {
          isTroubled = true;
          listener.onTrouble({ reason: describeError(error), fatal });
        }
        await pause(clock, fatal ? REFUSED_RETRY_MS : RETRY_MS, signal);
      }
      if (signal.aborted) throw new BridgeError('stopped', 'Stopped while waiting for Kafka.', { exitCode: EXIT.ok });
    }
    if (isTroubled) listener.onTrouble(null);
  }

  async start(listener: OwnershipListener, signal: AbortSignal): Promise<void> {
    await this.learn(listener, signal);
    const { clock, kafka, topic, sessionTimeoutMs, heartbeatMs, chance } = this.#options;
    this.#membership = new KafkaMembership({
      ...{ sessionTimeoutMs, heartbeatMs, clock, chance },
      openCluster: () => openCluster(kafka),
      groupId: topic,
      topic,
      partitions: this.#partitions,
      listener,
    });
    this.#membership.start();
  }

  async stop(): Promise<void> {
    await this.#membership?.stop();
  }

  /** Makes it where it is missing; the number of its partitions. */
  async #lookAtTopic(): Promise<number> {
    const { kafka, topic } = this.#options;
    const admin = kafka.admin();
    await admin.connect();
    try {
      if (!(await admin.listTopics()).includes(topic)) await this.#make(admin);
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const count = topics[0]?.partitions.length ?? 0;
      if (count === 0) throw new Error(`Kafka does not say yet how many partitions "${topic}" has`);
      return count;
    } finally {
      // What was asked has its answer.
      await admin.disconnect().catch(() => {});
    }
  }

  async #make(admin: Admin): Promise<void> {
    const { topic, partitionsWhenMade, createTopics, replicationFactor, bootstrap } = this.#options;
    const command = createCommand(topic, ownershipTopic(partitionsWhenMade), bootstrap);
    const missing = (why: string, cause?: unknown): BridgeError =>
      new BridgeError('topicMissing', `The topic "${topic}" does not exist and ${why}. Make it: ${command}`, {
        exitCode: EXIT.unavailable,
        cause,
      });
    if (!createTopics) throw missing('is not to be made by the bridge');
    const made = { topic, numPartitions: partitionsWhenMade, replicationFactor: replicationFactor ?? -1 };
    try {
      // False: another worker has made it at the same moment. Its leaders are not waited for: on a busy cluster kafkajs gives that up
      // at the first "This server does not host this topic-partition", as if the topic had been refused.
      await admin.createTopics({ topics: [made], waitForLeaders: false });
    } catch (error) {
      // What only a person can mend; anything else is tried again soon.
      if (isRefusedTopic(error)) throw missing(`cannot be made (${describeError(error)})`, error);
      throw error;
    }
  }
}

type Admin = ReturnType<Kafka['admin']>;

/** Answers to CreateTopics that stay the same until a right, a policy or a setting is changed. */
const REFUSED = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_CONFIG',
  'INVALID_REQUEST',
]);

/** kafkajs gathers the topics' errors in one (KafkaJSAggregateError). */
function isRefusedTopic(error: unknown): boolean {
  const { type, errors = [] } = error as { readonly type?: string; readonly errors?: readonly unknown[] };
  return REFUSED.has(type ?? '') || errors.some(isRefusedTopic);
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
