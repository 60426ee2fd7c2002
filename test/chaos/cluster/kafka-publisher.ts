// A fleet that publishes to a Kafka topic; what the cluster has acknowledged is what counts.
import type { Kafka, Producer } from 'kafkajs';
import { uplinkKey } from '../../../src/chaos/arrivals.ts';
import type { Acknowledged } from '../../../src/chaos/books.ts';
import { pause } from '../../../src/chaos/wait.ts';
import { systemClock } from '../../../src/sandbox/chance.ts';
import { createFleet, type FleetMessage, TELEMETRY_ONLY } from '../../../src/sandbox/fleet/fleet.ts';
import { runFleet } from '../../../src/sandbox/fleet/run.ts';

const TELEMETRY = new Set<FleetMessage['kind']>(['uplink', 'late', 'location', 'resolved']);

export class KafkaPublisher {
  readonly acknowledged: Acknowledged[] = [];
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #seed: number;
  readonly #devices: number;
  readonly #stopping = new AbortController();

  constructor(kafka: Kafka, options: { readonly topic: string; readonly seed: number; readonly devices: number }) {
    // Not idempotent: kafkajs (2.2.4) gives the next record the sequence number of one that timed out. Where the broker had taken
    // that one after all, it answers for the next as for a repetition, and does not keep it.
    this.#producer = kafka.producer({ maxInFlightRequests: 1 });
    this.#topic = options.topic;
    this.#seed = options.seed;
    this.#devices = options.devices;
  }

  async publish(total: number, ratePerSecond: number, drainMs: number): Promise<void> {
    await this.#producer.connect();
    const mix = { ...TELEMETRY_ONLY, join: 0.004, report: 0.004 };
    const run = runFleet({
      fleet: createFleet({ seed: this.#seed, devices: this.#devices, mix, topicPattern: 'x/{DevEUI}' }),
      publish: (message, done) => void this.#send(message, done),
      ratePerSecond,
      clock: systemClock,
      signal: this.#stopping.signal,
      total,
      maxUnacknowledged: 1_000_000,
      drainMs,
    });
    await run.done;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#producer.disconnect().catch(() => {});
  }

  async #send(message: FleetMessage, done: (error: Error | null) => void): Promise<void> {
    const { devEui, timeMs, kind, payload } = message;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#producer.send({ topic: this.#topic, acks: -1, messages: [{ key: devEui, value: payload }] });
        break;
      } catch {
        // Kafka is away: the same one again, as a publisher does that must not lose any.
        await pause(500);
      }
    }
    if (this.#stopping.signal.aborted) return;
    this.acknowledged.push({ key: uplinkKey(devEui, timeMs), isTelemetry: TELEMETRY.has(kind), at: Date.now() });
    done(null);
  }
}
