// The other line of each connection: made with what all share, and kept beside its uplink line, which opens, closes and stops it.
import type { Config } from '../config/config.ts';
import { groupOf } from '../config/group.ts';
import type { Connection } from '../domain/connection.ts';
import { BridgeError } from '../domain/errors.ts';
import type { EventSink } from '../domain/events.ts';
import type { BrokerMessage, PassedOver, Publisher } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { HereProject } from '../domain/ports/here.ts';
import type { UplinkLine } from '../domain/ports/line.ts';
import type { BridgeStore, ConnectionStore } from '../domain/ports/store.ts';
import { DownlinkFlow } from '../downlink/downlink-flow.ts';
import { DownlinkHub } from '../downlink/downlink-hub.ts';
import { compileTopicPattern } from '../uplink/topic-pattern.ts';
import { Addresses } from './addresses.ts';
import type { Brokers } from './brokers.ts';
import { brokerNamed } from './setup.ts';

export interface DownlinksParts {
  readonly store: BridgeStore;
  readonly brokers: Pick<Brokers, 'get' | 'names' | 'isOwnTopic'>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly events: EventSink;
}

export class Downlinks {
  /** By connection id; those of connections that have stopped stay until they are made anew. */
  readonly flows = new Map<string, DownlinkFlow>();
  readonly addresses: Addresses;
  readonly #stores = new Map<string, ConnectionStore>();
  readonly #config: Config;
  readonly #parts: DownlinksParts;
  readonly #hub: DownlinkHub;
  readonly #publishers = new Map<string, Publisher>();

  constructor(config: Config, parts: DownlinksParts) {
    const { store, clock, chance, events } = parts;
    const { pollMinMs: min, pollMaxMs: max, commandMaxAgeMs: maxAgeMs } = config.downlinks;
    this.addresses = new Addresses(clock, chance);
    this.#config = config;
    this.#parts = parts;
    this.#hub = new DownlinkHub({ store: store.shadows, clock, chance, events, pollMs: { min, max }, maxAgeMs });
  }

  make(connection: Connection, store: ConnectionStore): DownlinkFlow {
    const { clock, chance, events, store: bridge } = this.#parts;
    const { retryMinMs: minMs, retryMaxMs: maxMs } = this.#config.delivery;
    const commands = bridge.commands(connection.id);
    if (commands === null) throw new BridgeError('storeClosed', `Nothing is stored of ${connection.id}`);
    const flow = new DownlinkFlow(connection, {
      ...{ store, commands, shadows: bridge.shadows, hub: this.#hub, clock, chance, events },
      publisher: (broker) => this.#publisher(broker),
      findTopic: async (broker, topic) => (await brokerNamed(this.#parts.brokers, broker).findTopic?.(topic)) ?? null,
      takesNetworkForms: (broker) => this.#parts.brokers.get(broker)?.kind !== 'kafka',
      isOwnTopic: (broker, topic) => this.#parts.brokers.isOwnTopic(broker, topic),
      compileTopic: (pattern) => ({
        needsUplink: pattern.replaceAll(/\{(\$\.)?DevEUI\}/gi, '').includes('{'),
        render: compileTopicPattern(pattern).render,
      }),
      retry: { minMs, maxMs },
      maxAgeMs: this.#config.downlinks.commandMaxAgeMs,
      isShared: groupOf(this.#config) !== null,
    });
    this.flows.set(connection.id, flow);
    this.#stores.set(connection.id, store);
    this.addresses.load(connection.id, store);
    return flow;
  }

  /** Of a connection that runs. Throws when the disk refuses. */
  newAddress(connectionId: string): string {
    return this.addresses.renew(connectionId, this.#stores.get(connectionId) as ConnectionStore);
  }

  /** Writes what is known of devices and not saved yet. */
  save(): void {
    this.#hub.save();
  }

  /** After all lines have stopped. */
  async stop(): Promise<void> {
    this.#hub.save();
    await Promise.all([...this.#publishers.values()].map((publisher) => publisher.stop()));
  }

  /** The broker has changed or is gone: those who publish there begin anew. */
  async forgetBroker(name: string): Promise<void> {
    const publisher = this.#publishers.get(name);
    this.#publishers.delete(name);
    await publisher?.stop();
  }

  /** One client a broker, which connects when the first downlink goes out. */
  #publisher(name: string): Publisher {
    const known = this.#publishers.get(name);
    if (known !== undefined) return known;
    const publisher = brokerNamed(this.#parts.brokers, name).openPublisher({});
    publisher.start();
    this.#publishers.set(name, publisher);
    return publisher;
  }
}

/** Both lines of a connection as its runtime sees them: the way back lives as long as the uplink line does. */
export class TwoWayLine implements UplinkLine {
  readonly #uplinks: UplinkLine;
  readonly #downlinks: DownlinkFlow;
  readonly #onHeard: (messages: readonly BrokerMessage[]) => void;

  constructor(
    uplinks: UplinkLine,
    downlinks: DownlinkFlow,
    onHeard: (messages: readonly BrokerMessage[]) => void = () => {},
  ) {
    this.#uplinks = uplinks;
    this.#downlinks = downlinks;
    this.#onHeard = onHeard;
  }

  get hasRoom(): boolean {
    return this.#uplinks.hasRoom;
  }

  get waiting(): UplinkLine['waiting'] {
    return this.#uplinks.waiting;
  }

  onMessages(messages: readonly BrokerMessage[], done: (error: Error | null) => void, passed?: PassedOver): void {
    this.#onHeard(messages);
    this.#uplinks.onMessages(messages, done, passed);
  }

  onLeftOut(messages: readonly BrokerMessage[]): void {
    this.#uplinks.onLeftOut(messages);
  }

  open(project: HereProject, mode?: 'all' | 'probe'): void {
    // First: in another project nothing of what rides on uplinks is meant for it.
    this.#downlinks.open(project);
    this.#uplinks.open(project, mode);
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#downlinks.close();
    await this.#uplinks.close(signal);
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#downlinks.close();
    await Promise.all([this.#uplinks.stop(signal), this.#downlinks.stop(signal)]);
  }
}
