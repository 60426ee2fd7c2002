// The brokers of the configuration, by name: MQTT clients, and the embedded broker that this process runs itself.
import path from 'node:path';
import { createEmbeddedBroker, type EmbeddedBroker } from '../brokers/embedded.ts';
import { createKafkaBroker } from '../brokers/kafka.ts';
import { createMqttBroker } from '../brokers/mqtt.ts';
import type { BrokerConfig, TopicsConfig } from '../config/config.ts';
import type { Broker } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';

export interface BrokersOptions {
  readonly brokers: Readonly<Record<string, BrokerConfig>>;
  readonly topics: TopicsConfig;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly onNotice: (broker: string, message: string) => void;
}

export class Brokers {
  readonly #byName = new Map<string, Broker>();
  readonly #embedded: EmbeddedBroker[] = [];
  readonly #configs: Readonly<Record<string, BrokerConfig>>;

  constructor(options: BrokersOptions) {
    const { clock, chance, dataDir } = options;
    this.#configs = options.brokers;
    for (const [name, config] of Object.entries(options.brokers)) {
      if (config.kind === 'mqtt') {
        this.#byName.set(name, createMqttBroker({ ...config, name, clock, chance }));
        continue;
      }
      if (config.kind === 'kafka') {
        const own = options.topics.broker === name ? { ownPrefix: options.topics.prefix } : {};
        this.#byName.set(name, createKafkaBroker({ ...config, ...own, name, clock, chance }));
        continue;
      }
      const { host, port, users } = config;
      const embedded = createEmbeddedBroker({
        name,
        host,
        port,
        users: users.map(({ username, password }) => ({ name: username, password })),
        storeFile: path.join(dataDir, `broker-${name}.db`),
        clock,
        onNotice: (message) => options.onNotice(name, message),
      });
      this.#embedded.push(embedded);
      this.#byName.set(name, embedded);
    }
  }

  get(name: string): Broker | null {
    return this.#byName.get(name) ?? null;
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** For people: where clients find each broker. */
  list(): { readonly name: string; readonly kind: string; readonly url: string }[] {
    return [...this.#byName].map(([name, broker]) => {
      const config = this.#configs[name] as BrokerConfig;
      return { name, kind: config.kind, url: urlOf(config, broker) };
    });
  }

  /** Copies the stores of embedded brokers into `directory`, within this turn of the event loop; their files' names. */
  copyStores(directory: string): string[] {
    return this.#embedded.map((embedded) => {
      const name = `broker-${embedded.name}.db`;
      embedded.copyStore(path.join(directory, name));
      return name;
    });
  }

  async start(): Promise<void> {
    for (const embedded of this.#embedded) await embedded.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#embedded.map((embedded) => embedded.stop()));
  }
}

function urlOf(config: BrokerConfig, broker: Broker): string {
  if (config.kind === 'embedded') return (broker as EmbeddedBroker).url;
  return config.kind === 'mqtt' ? config.url : `kafka://${config.bootstrap.join(',')}`;
}
