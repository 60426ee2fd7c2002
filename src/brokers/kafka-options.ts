// What the Kafka broker behind the port is made of: the configuration, time and chance, and what its parts share.
import type { KafkaBrokerConfig } from '../config/config.ts';
import type { Sort } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { KafkaClientOptions } from './kafka-client.ts';
import type { HeldLimits, PublishLimits, ReconnectOptions } from './mqtt-options.ts';

export interface KafkaBrokerOptions extends Omit<KafkaBrokerConfig, 'kind'>, Pick<KafkaClientOptions, 'pem' | 'guard'> {
  readonly name: string;
  readonly clock: Clock;
  readonly chance: Chance;
  /** `topics.prefix` where the bridge's own topics are on this broker: patterns of uplink topics leave them out. */
  readonly ownPrefix?: string;
  /** Tells whom a message concerns; absent: everyone who reads it. */
  readonly sort?: Sort;
  /** Of a source's payloads (see `payloadBounds`); what tables hold is never cut. */
  readonly maxMessageBytes?: number;
  readonly reconnect?: Partial<ReconnectOptions>;
  readonly held?: Partial<HeldLimits>;
  readonly publish?: Partial<PublishLimits>;
  /** How often settled offsets are committed. 1,000 by default. */
  readonly commitIntervalMs?: number;
  /** How long the cluster may hold a fetch for which it has nothing: what a newly started source may have to wait. 500 by default. */
  readonly pollMs?: number;
}

/** One cluster, many connections: a refused log-in counts for all of them, so that none hammers it. */
export class LoginGate {
  /** Monotonic ms before which nobody tries. */
  #until = Number.NEGATIVE_INFINITY;
  #reason = '';

  refused(until: number, reason: string): void {
    this.#until = Math.max(this.#until, until);
    this.#reason = reason;
  }

  passed(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }

  /** Null: try. */
  waits(now: number): { readonly ms: number; readonly reason: string } | null {
    return now < this.#until ? { ms: this.#until - now, reason: this.#reason } : null;
  }
}
