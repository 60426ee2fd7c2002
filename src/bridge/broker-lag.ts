// How many messages brokers that keep them by themselves (Kafka) hold beyond what each connection has taken; looked at now and then,
// once for all connections of a broker.
import { describeError } from '../domain/errors.ts';
import type { Broker, SourcePlaces, TopicEnd } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { Logger } from '../ops/logger.ts';

export interface ReadingConnection {
  readonly id: string;
  readonly broker: string;
  readonly topics: readonly string[];
  readonly places: Pick<SourcePlaces, 'taken'>;
}

export interface BrokerLagOptions {
  readonly broker: (name: string) => Broker | null;
  readonly connections: () => readonly ReadingConnection[];
  readonly clock: Clock;
  readonly logger: Logger;
}

const LOOK_MS = 15_000;

export class BrokerLag {
  readonly #o: BrokerLagOptions;
  #lags = new Map<string, number>();
  #timer: Cancel = () => {};
  #isStopped = false;
  #told = '';

  constructor(options: BrokerLagOptions) {
    this.#o = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = this.#o.clock.after(LOOK_MS, () => void this.look().finally(() => this.start()));
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer();
  }

  /** null: its broker keeps nothing by itself, or nothing is known yet. */
  of(connectionId: string): number | null {
    return this.#lags.get(connectionId) ?? null;
  }

  /** Never rejects: what cannot be asked is not known. */
  async look(): Promise<void> {
    const byBroker = Map.groupBy(this.#o.connections(), ({ broker }) => broker);
    const lags = new Map<string, number>();
    for (const [name, connections] of byBroker) {
      const broker = this.#o.broker(name);
      if (broker?.endOffsets === undefined) continue;
      try {
        const ends = await broker.endOffsets([...new Set(connections.flatMap(({ topics }) => topics))]);
        for (const { id, places } of connections) {
          const lag = lagOf(ends, places);
          if (lag !== null) lags.set(id, lag);
        }
        this.#told = '';
      } catch (error) {
        const message = `How far behind readers of ${name} are cannot be asked: ${describeError(error)}`;
        if (message !== this.#told) this.#o.logger.debug({ broker: name }, message);
        this.#told = message;
      }
    }
    this.#lags = lags;
  }
}

function lagOf(ends: readonly TopicEnd[], places: Pick<SourcePlaces, 'taken'>): number | null {
  let lag: number | null = null;
  for (const { topic, partition, end } of ends) {
    const taken = places.taken(topic, partition);
    if (taken !== null) lag = (lag ?? 0) + Math.max(0, end - taken.position - taken.above.size);
  }
  return lag;
}
