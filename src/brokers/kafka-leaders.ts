// Where the topics of a publisher are, on one connection: asked when one is first written to, now and then, and when a leader
// has been wrong. Who asks does not wait: what goes to topics that are known goes on.
import type { KafkaWire } from './kafka-internals.ts';
import { LinkDown, sleep } from './kafka-link.ts';
import { metadataOf, settledTopic, type TopicMetadata } from './kafka-metadata.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';

export interface LeadersListener {
  onFound(): void;
  /** It is not there, or may not be seen. */
  onAbsent(topic: string, reason: string): void;
  /** The connection is no good. */
  onFailed(error: unknown): void;
}

export class TopicLeaders {
  readonly #wire: KafkaWire;
  readonly #broker: KafkaBrokerOptions;
  readonly #signal: AbortSignal;
  readonly #listener: LeadersListener;
  readonly #known = new Map<string, { readonly metadata: TopicMetadata; readonly at: number }>();
  readonly #asked = new Set<string>();

  constructor(wire: KafkaWire, broker: KafkaBrokerOptions, signal: AbortSignal, listener: LeadersListener) {
    this.#wire = wire;
    this.#broker = broker;
    this.#signal = signal;
    this.#listener = listener;
  }

  /** Null: it is being asked for. */
  get(topic: string): TopicMetadata | null {
    const known = this.#known.get(topic);
    const { clock, metadataRefreshMs } = this.#broker;
    if (known === undefined || clock.monotonic() - known.at >= metadataRefreshMs) this.ask(topic, 0);
    return known?.metadata ?? null;
  }

  /** After a pause; once, however many ask. What was known counts meanwhile. */
  ask(topic: string, pauseMs: number): void {
    if (this.#asked.has(topic)) return;
    this.#asked.add(topic);
    const { clock } = this.#broker;
    void sleep(clock, pauseMs, this.#signal)
      .then(() => {
        this.#signal.throwIfAborted();
        return this.#look(topic);
      })
      .then(
        (metadata) => {
          this.#asked.delete(topic);
          this.#known.set(topic, { metadata, at: clock.monotonic() });
          this.#listener.onFound();
        },
        (error) => {
          this.#asked.delete(topic);
          this.#known.delete(topic);
          if (this.#signal.aborted) return;
          if (error instanceof LinkDown) this.#listener.onAbsent(topic, error.down.reason);
          else this.#listener.onFailed(error);
        },
      );
  }

  /** A partition without a leader holds up no other one, once the topic is known. */
  async #look(topic: string): Promise<TopicMetadata> {
    if (this.#known.has(topic)) {
      const [found] = await metadataOf(this.#wire, [topic]);
      if (found?.topicErrorCode === 0) return found;
    }
    return settledTopic(this.#wire, this.#broker, topic, this.#signal);
  }
}
