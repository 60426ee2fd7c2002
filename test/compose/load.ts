// The traffic of a run: a fleet for each connection, over MQTT or Kafka, and what its broker has acknowledged: all of that must
// have arrived in the end.

import { fleetKafka } from '../../src/bridge/fleet-kafka.ts';
import { createKafkaClient } from '../../src/brokers/kafka-client.ts';
import { uplinkKey } from '../../src/chaos/arrivals.ts';
import type { Acknowledged } from '../../src/chaos/books.ts';
import { Publisher, topicOf } from '../../src/chaos/publishers.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { TELEMETRY_ONLY } from '../../src/sandbox/fleet/fleet.ts';
import { type KafkaFleet, startKafkaFleet } from '../../src/sandbox/fleet/kafka-publisher.ts';
import { kafkaOptions } from '../support/kafka-options.ts';

export interface Tenant {
  readonly id: string;
  readonly appId: string;
  /** Of Kafka; null: its uplinks come by MQTT. */
  readonly topic: string | null;
  readonly definition: unknown;
}

const DEVICES = 10;
const ENDLESS = 1_000_000;
const DRAIN_MS = 20_000;

/** On the accounts that `here-bridge sandbox --accounts` makes; every third one reads from Kafka. */
export function tenants(count: number): readonly Tenant[] {
  return Array.from({ length: count }, (_, at) => {
    const n = at + 1;
    const id = `tenant-${n}`;
    const appId = `sandbox-app-${n}`;
    const topic = n % 3 === 0 ? `uplinks-${n}` : null;
    const source =
      topic === null
        ? { broker: 'main', topics: [topicOf(id, '+')] }
        : { broker: 'log', topics: [topic], from: 'earliest' };
    const account = { email: `owner-${n}@sandbox.example`, password: `secret-of-${n}`, appId };
    const configuration = { ...account, service: 'sandbox', source };
    return { id, appId, topic, definition: { connectorId: 'actility-here-iot', name: `Tenant ${n}`, configuration } };
  });
}

export async function makeTopics(brokers: string, all: readonly Tenant[]): Promise<void> {
  const admin = createKafkaClient(kafkaOptions(brokers, { retries: 5 })).admin();
  await admin.connect();
  try {
    const topics = all.flatMap(({ topic }) => (topic === null ? [] : [{ topic, numPartitions: 3 }]));
    await admin.createTopics({ topics, waitForLeaders: true });
  } finally {
    await admin.disconnect();
  }
}

export class Load {
  readonly #sources: { readonly id: string; readonly acknowledged: Acknowledged[]; stop(): Promise<unknown> }[] = [];

  constructor(
    all: readonly Tenant[],
    { rate, mqttPort, kafkaPort }: { readonly rate: number; readonly mqttPort: number; readonly kafkaPort: number },
  ) {
    for (const [at, { id, topic }] of all.entries()) {
      const seed = 2_026_000 + at;
      if (topic === null) {
        const options = { port: mqttPort, connectionId: id, seed, devices: DEVICES, keepaliveS: 10 };
        const publisher = new Publisher(options);
        void publisher.publish(ENDLESS, rate, DRAIN_MS);
        this.#sources.push({ id, acknowledged: publisher.acknowledged, stop: () => publisher.stop() });
      } else this.#sources.push(overKafka(id, `kafka://127.0.0.1:${kafkaPort}/${topic}`, seed, rate));
    }
  }

  /** What the brokers have acknowledged of a connection's fleet. */
  acknowledged(id: string): readonly Acknowledged[] {
    return this.#sources.find((source) => source.id === id)?.acknowledged ?? [];
  }

  get total(): number {
    return this.#sources.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  }

  /** Publishes nothing further; what is under way may still be acknowledged meanwhile. */
  async stop(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.stop()));
  }
}

function overKafka(id: string, brokerUrl: string, seed: number, ratePerSecond: number) {
  const acknowledged: Acknowledged[] = [];
  const fleet: KafkaFleet = startKafkaFleet({
    ...{
      brokerUrl,
      connectTo: (address) => fleetKafka(address, systemClock),
      seed,
      ratePerSecond,
      devices: DEVICES,
      drainMs: DRAIN_MS,
      clock: systemClock,
    },
    mix: { ...TELEMETRY_ONLY, undecoded: 0 },
    onAcknowledged: ({ devEui, timeMs }) =>
      acknowledged.push({ key: uplinkKey(devEui, timeMs), isTelemetry: true, at: Date.now() }),
  });
  // A failure shows in the counts.
  fleet.done.catch(() => {});
  return { id, acknowledged, stop: () => fleet.stop() };
}
