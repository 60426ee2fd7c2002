// The fleet on Kafka: publishes its messages to one topic, keyed by DevEUI, and counts what the cluster acknowledged.
//
// One request at a time, and a refused one is sent again before anything younger: so each device's records are on the topic in
// the order in which they were made, whatever happens to Kafka meanwhile. A copy may be on it twice then.
import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs';
import type { Clock } from '../../domain/ports/clock.ts';
import { createFleet, type FleetMessage } from './fleet.ts';
import { CONNECT_TIMEOUT_MS, FleetError, NO_COUNTS, type PublishingOptions } from './publishing.ts';
import { type FleetCounts, type FleetResult, type FleetRun, runFleet } from './run.ts';

/** `brokerUrl`: `kafka://host:port/topic`; see `isKafkaUrl`. */
export interface KafkaFleetOptions extends PublishingOptions {
  /** A client for that address. */
  readonly connectTo: (address: string) => Kafka;
}

export interface KafkaFleet {
  /** Resolves when all is published and acknowledged, or stopped; rejects with a FleetError when the first connection fails. */
  readonly done: Promise<FleetResult>;
  readonly counts: FleetCounts;
  /** Publishes nothing further, waits for acknowledgements (`drainMs`), disconnects. Idempotent. */
  stop(): Promise<FleetResult>;
}

interface Waiting {
  readonly message: FleetMessage;
  readonly done: (error: Error | null) => void;
}

const AGAIN_MS = 500;
const MOST_A_REQUEST = 500;
const TOPIC = /^\/([A-Za-z0-9._-]{1,249})$/;

export function isKafkaUrl(url: string): boolean {
  return url.startsWith('kafka:');
}

export function startKafkaFleet(options: KafkaFleetOptions): KafkaFleet {
  const { clock } = options;
  const { address, topic } = partsOf(options.brokerUrl);
  const fleet = createFleet({ ...options, topicPattern: `${topic}/{DevEUI}` });
  const stopping = new AbortController();
  const ended = new AbortController();
  const waiting: Waiting[] = [];
  let run: FleetRun | null = null;
  let sending = false;

  const producer = options.connectTo(address).producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });

  const send = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    let up = true;
    while (waiting.length > 0 && !ended.signal.aborted) {
      const batch = waiting.slice(0, MOST_A_REQUEST);
      const messages: Message[] = batch.map(({ message }) => ({ key: message.devEui, value: message.payload }));
      try {
        await producer.send({ topic, acks: -1, messages });
        waiting.splice(0, batch.length);
        for (const { done } of batch) done(null);
        if (!up) options.onStatus?.({ up: true });
        up = true;
      } catch (error) {
        if (up) options.onStatus?.({ up: false, reason: reasonOf(error) });
        up = false;
        await pause(clock, AGAIN_MS);
      }
    }
    sending = false;
  };

  const work = async (): Promise<FleetResult> => {
    try {
      await connect(producer, address, options, stopping.signal);
      if (stopping.signal.aborted) return { ...NO_COUNTS, unanswered: 0, elapsedMs: 0 };
      run = runFleet({
        ...options,
        fleet,
        signal: stopping.signal,
        publish: (message, done) => {
          waiting.push({ message, done });
          void send();
        },
      });
      return await run.done;
    } finally {
      ended.abort();
      await producer.disconnect().catch(() => {});
    }
  };
  const done = work();
  return {
    done,
    get counts() {
      return run?.counts ?? NO_COUNTS;
    },
    stop() {
      stopping.abort();
      return done;
    },
  };
}

/** Throws a RangeError that says what is allowed. */
function partsOf(url: string): { readonly address: string; readonly topic: string } {
  const { protocol, host, pathname } = URL.canParse(url) ? new URL(url) : { protocol: '', host: '', pathname: '' };
  const topic = TOPIC.exec(pathname)?.[1];
  if (protocol !== 'kafka:' || host === '' || topic === undefined) {
    throw new RangeError('The address of a topic is kafka://host:port/topic');
  }
  return { address: /:\d+$/.test(host) ? host : `${host}:9092`, topic };
}

async function connect(
  producer: Producer,
  address: string,
  { clock, connectTimeoutMs = CONNECT_TIMEOUT_MS }: KafkaFleetOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const endMs = clock.monotonic() + connectTimeoutMs; !signal.aborted; await pause(clock, AGAIN_MS)) {
    try {
      await producer.connect();
      return;
    } catch (error) {
      if (clock.monotonic() < endMs) continue;
      const seconds = connectTimeoutMs / 1000;
      throw new FleetError(
        'brokerUnreachable',
        `kafka://${address} could not be reached within ${seconds} s: ${reasonOf(error)}`,
      );
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
