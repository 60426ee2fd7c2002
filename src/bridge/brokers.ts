// The brokers by name: those of the configuration (MQTT, Kafka, and the embedded broker that this process runs itself), and
// those that are defined over the API.
import path from 'node:path';
import { type AddressGuard, createAddressGuard } from '../brokers/address-guard.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../brokers/embedded.ts';
import { createKafkaBroker } from '../brokers/kafka.ts';
import { createMqttBroker } from '../brokers/mqtt.ts';
import type { BrokerConfig, Config, TopicsConfig } from '../config/config.ts';
import { addressOf, type BrokerDefinition } from '../domain/broker-definition.ts';
import type { Broker, Sort } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { compileSort } from '../uplink/sort.ts';
import { kafkaOptions, mqttOptions } from './defined-broker.ts';

export interface BrokersOptions {
  readonly brokers: Readonly<Record<string, BrokerConfig>>;
  readonly topics: TopicsConfig;
  /** Where those that are defined over the API may be; none by default. */
  readonly definedHosts?: readonly string[];
  readonly dataDir: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly sources: Pick<Config['sources'], 'maxMessageBytes'>;
  readonly onNotice: (broker: string, message: string) => void;
}

export class Brokers {
  readonly #byName = new Map<string, Broker>();
  readonly #embedded: EmbeddedBroker[] = [];
  readonly #configs: Readonly<Record<string, BrokerConfig>>;
  readonly #defined = new Map<string, BrokerDefinition>();
  readonly #options: BrokersOptions;
  readonly #sort: Sort;
  readonly guard: AddressGuard;

  constructor(options: BrokersOptions) {
    const { clock, chance, dataDir } = options;
    this.#options = options;
    this.#sort = compileSort(options.sources);
    const sort = this.#sort;
    this.#configs = options.brokers;
    this.guard = createAddressGuard(options.definedHosts ?? []);
    for (const [name, config] of Object.entries(options.brokers)) {
      if (config.kind === 'mqtt') {
        this.#byName.set(name, createMqttBroker({ ...config, name, clock, chance }));
        continue;
      }
      if (config.kind === 'kafka') {
        const own = options.topics.broker === name ? { ownPrefix: options.topics.prefix } : {};
        this.#byName.set(name, createKafkaBroker({ ...config, ...own, name, clock, chance, sort }));
        continue;
      }
      const { host, port, users } = config;
      const embedded = createEmbeddedBroker({
        name,
        host,
        port,
        users: users.map(({ username, ...rest }) => ({ name: username, ...rest })),
        storeFile: path.join(dataDir, `broker-${name}.db`),
        clock,
        onNotice: (message) => options.onNotice(name, message),
      });
      this.#embedded.push(embedded);
      this.#byName.set(name, embedded);
    }
  }

  /** One that is defined over the API; null: no longer. Who uses it must begin anew. */
  define(name: string, definition: BrokerDefinition | null): void {
    if (this.isConfigured(name)) return;
    if (definition === null) {
      this.#byName.delete(name);
      this.#defined.delete(name);
      return;
    }
    this.#byName.set(name, this.make(name, definition));
    this.#defined.set(name, definition);
  }

  /** Connects nothing by itself. */
  make(name: string, definition: BrokerDefinition): Broker {
    const { clock, chance } = this.#options;
    const guard = this.guard;
    if (definition.kind === 'mqtt') return createMqttBroker({ ...mqttOptions(definition), name, guard, clock, chance });
    return createKafkaBroker({ ...kafkaOptions(definition), name, guard, clock, chance, sort: this.#sort });
  }

  isConfigured(name: string): boolean {
    return Object.hasOwn(this.#configs, name);
  }

  kindOf(name: string): BrokerConfig['kind'] | null {
    if (this.isConfigured(name)) return this.#configs[name]?.kind ?? null;
    return this.#defined.get(name)?.kind ?? null;
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
      const defined = this.#defined.get(name);
      if (defined !== undefined) return { name, kind: defined.kind, url: addressOf(defined) };
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
