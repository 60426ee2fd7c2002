// The brokers by name: those of the configuration (MQTT, Kafka, and the embedded broker that this process runs itself), and
// those that are defined over the API.
import path from 'node:path';
import { type AddressGuard, createAddressGuard } from '../brokers/address-guard.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../brokers/embedded.ts';
import { createKafkaBroker, type KafkaBrokerOptions } from '../brokers/kafka.ts';
import { isOwnName } from '../brokers/kafka-topics.ts';
import { createMqttBroker } from '../brokers/mqtt.ts';
import { isBelow } from '../brokers/topics.ts';
import type { BrokerConfig, Config, KafkaBrokerConfig, TopicsConfig } from '../config/config.ts';
import { addressOf, type BrokerDefinition, type KafkaDefinition } from '../domain/broker-definition.ts';
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
    const { maxMessageBytes } = options.sources;
    this.#options = options;
    this.#sort = compileSort(options.sources);
    this.#configs = options.brokers;
    this.guard = createAddressGuard(options.definedHosts ?? []);
    for (const [name, config] of Object.entries(options.brokers)) {
      if (config.kind === 'kafka') {
        this.#byName.set(name, createKafkaBroker(this.#kafkaOptions(name, config)));
        continue;
      }
      const own = this.#own(config);
      if (config.kind === 'mqtt') {
        this.#byName.set(name, createMqttBroker({ ...config, ...own, name, clock, chance, maxMessageBytes }));
        continue;
      }
      const { host, port, users } = config;
      const embedded = createEmbeddedBroker({
        ...{ name, ...own },
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
    if (definition.kind === 'kafka') return createKafkaBroker(this.#kafkaOptions(name, definition));
    const { clock, chance, sources } = this.#options;
    const { maxMessageBytes } = sources;
    const shared = { ...this.#own(definition), name, guard: this.guard, clock, chance, maxMessageBytes };
    return createMqttBroker({ ...mqttOptions(definition), ...shared });
  }

  /** How a cluster is reached; null: it is no Kafka. */
  kafka(name: string): KafkaBrokerOptions | null {
    const broker = this.isConfigured(name) ? this.#configs[name] : this.#defined.get(name);
    return broker?.kind === 'kafka' ? this.#kafkaOptions(name, broker) : null;
  }

  #kafkaOptions(name: string, broker: KafkaBrokerConfig | KafkaDefinition): KafkaBrokerOptions {
    const { clock, chance, sources } = this.#options;
    const { maxMessageBytes } = sources;
    const shared = { ...this.#own(broker), name, clock, chance, sort: this.#sort, maxMessageBytes };
    if (this.isConfigured(name)) return { ...(broker as KafkaBrokerConfig), ...shared };
    return { ...kafkaOptions(broker as KafkaDefinition), ...shared, guard: this.guard };
  }

  /** The bridge's own topics are there, by whatever name it is called; a topic or filter inside of them is nobody else's. */
  isOwnTopic(name: string, topic: string): boolean {
    const { prefix } = this.#options.topics;
    const broker = this.isConfigured(name) ? this.#configs[name] : this.#defined.get(name);
    if (broker === undefined || this.#own(broker).ownPrefix === undefined) return false;
    return isOwn(broker.kind, prefix, topic);
  }

  #own(broker: BrokerConfig | BrokerDefinition): { readonly ownPrefix?: string } {
    const { broker: carrier, prefix } = this.#options.topics;
    const places = new Set(placesOf(this.#configs[carrier]));
    return placesOf(broker).some((place) => places.has(place)) ? { ownPrefix: prefix } : {};
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

/** For those who look beside a bridge: none but that one has its embedded brokers, and no topic is made by looking at it. */
export function brokersToLookAt({ brokers }: Pick<Config, 'brokers'>): Config['brokers'] {
  const others = Object.entries(brokers).filter(([, { kind }]) => kind !== 'embedded');
  return Object.fromEntries(
    others.map(([name, broker]) => [name, broker.kind === 'kafka' ? { ...broker, createTopics: false } : broker]),
  );
}

/** Whether a topic, or all that a filter matches, is among those of the bridge on a broker of that kind. */
export function isOwn(kind: BrokerConfig['kind'] | null, prefix: string, topic: string): boolean {
  return kind === 'kafka' ? isOwnName(prefix, topic) : isBelow(prefix, topic);
}

/** Host and port, as far as they can be told by their names. */
function placesOf(broker: BrokerConfig | BrokerDefinition | undefined): readonly string[] {
  if (broker === undefined) return [];
  if (broker.kind === 'kafka') return broker.bootstrap.map((address) => `kafka ${address.toLowerCase()}`);
  const isLoopback = (host: string): boolean => /^(localhost|127\..*|\[?::1\]?|0\.0\.0\.0|::)$/.test(host);
  if (broker.kind === 'embedded') return [`mqtt ${isLoopback(broker.host) ? 'loopback' : broker.host}:${broker.port}`];
  const { hostname, port, protocol } = new URL(broker.url);
  const usual = { 'mqtt:': '1883', 'mqtts:': '8883', 'ws:': '80', 'wss:': '443' }[protocol];
  return [`mqtt ${isLoopback(hostname) ? 'loopback' : hostname}:${port || usual}`];
}

function urlOf(config: BrokerConfig, broker: Broker): string {
  if (config.kind === 'embedded') return (broker as EmbeddedBroker).url;
  return config.kind === 'mqtt' ? config.url : `kafka://${config.bootstrap.join(',')}`;
}
