// What the bridge says on an MQTT broker: each publish is settled by the broker's acknowledgement or by a time-out.
import type { MqttClient } from 'mqtt';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { Publisher, PublishOptions, WillOptions } from '../domain/ports/broker.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import { MqttLink } from './mqtt-link.ts';
import { type BrokerAddress, type MqttBrokerOptions, PUBLISH, type PublishLimits } from './mqtt-options.ts';
import { assertPublishable } from './topics.ts';

type Status = { readonly up: boolean; readonly reason?: string };

interface Pending {
  readonly topic: string;
  readonly payload: string | Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly cancel: Cancel;
}

export class MqttPublisher implements Publisher {
  readonly #broker: MqttBrokerOptions;
  readonly #link: MqttLink;
  readonly #limits: PublishLimits;
  readonly #listeners: ((status: Status) => void)[] = [];
  /** In the order asked; sent again, in this order, on a new connection. */
  readonly #pending = new Set<Pending>();
  #pendingBytes = 0;
  #running = false;
  /** The client on which publishes go out. */
  #client: MqttClient | null = null;

  constructor(
    broker: MqttBrokerOptions,
    address: BrokerAddress,
    options: { readonly clientId?: string; readonly will?: WillOptions },
  ) {
    this.#broker = broker;
    this.#limits = { ...PUBLISH, ...broker.publish };
    const clientId = options.clientId ?? `here-bridge-publisher-${broker.chance.uuid()}`;
    this.#link = new MqttLink(
      broker,
      address,
      { clientId, clean: true, ...(options.will === undefined ? {} : { will: options.will }) },
      {
        prepare: () => {},
        onConnected: (client, _sessionPresent, ready) => {
          ready();
          this.#client = client;
          this.#tell({ up: true });
          for (const entry of this.#pending) this.#send(client, entry);
        },
        onDown: ({ reason }) => {
          this.#client = null;
          this.#tell({ up: false, reason });
        },
      },
    );
  }

  start(): void {
    this.#running = true;
    this.#link.start();
  }

  /** Ends with DISCONNECT, so the will is not published. What is still unacknowledged is rejected. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#client = null;
    for (const entry of this.#pending) {
      this.#settle(entry, new BridgeError('publisherStopped', `Not published to "${entry.topic}": stopped`));
    }
    await this.#link.stop();
  }

  get connected(): boolean {
    return this.#client !== null;
  }

  onStatus(listen: (status: Status) => void): void {
    this.#listeners.push(listen);
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<void> {
    const bytes = topic.length + Buffer.byteLength(payload);
    return new Promise((resolve, reject) => {
      assertPublishable(topic);
      if (!this.#running) throw new BridgeError('publisherStopped', `Not published to "${topic}": not started`);
      const { maxPending, maxPendingBytes, timeoutMs } = this.#limits;
      if (this.#pending.size >= maxPending || this.#pendingBytes + bytes > maxPendingBytes) {
        throw new BridgeError(
          'publishQueueFull',
          `Not published to "${topic}": ${this.#pending.size} publishes wait for broker "${this.#broker.name}" already`,
          { exitCode: EXIT.unavailable },
        );
      }
      const entry: Pending = {
        topic,
        payload,
        qos: options.qos ?? 1,
        retain: options.retain ?? false,
        bytes,
        resolve,
        reject,
        cancel: this.#broker.clock.after(timeoutMs, () =>
          this.#settle(
            entry,
            new BridgeError(
              'publishTimeout',
              `Broker "${this.#broker.name}" did not acknowledge the publish to "${topic}" within ${timeoutMs} ms`,
              { exitCode: EXIT.unavailable },
            ),
          ),
        ),
      };
      this.#pending.add(entry);
      this.#pendingBytes += bytes;
      if (this.#client !== null) this.#send(this.#client, entry);
    });
  }

  #send(client: MqttClient, entry: Pending): void {
    client.publish(entry.topic, entry.payload, { qos: entry.qos, retain: entry.retain }, (error) => {
      if (!error) this.#settle(entry, null);
      else if ('code' in error && typeof error.code === 'number' && error.code >= 128) {
        this.#settle(
          entry,
          new BridgeError('publishRefused', `The broker refused the publish to "${entry.topic}" (MQTT ${error.code})`),
        );
      }
      // Any other error is the connection's: the entry is sent again on the next one, or times out.
    });
  }

  #settle(entry: Pending, error: Error | null): void {
    if (!this.#pending.delete(entry)) return;
    this.#pendingBytes -= entry.bytes;
    entry.cancel();
    if (error === null) entry.resolve();
    else entry.reject(error);
  }

  #tell(status: Status): void {
    for (const listen of this.#listeners) listen(status);
  }
}
