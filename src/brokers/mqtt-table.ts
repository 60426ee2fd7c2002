// A table on an MQTT broker: the retained messages one level under a prefix, and their changes.
// MQTT 3.1.1 cannot tell a change that was retained from one that was not, so both count.
import type { MqttClient } from 'mqtt';
import { NotKept } from '../domain/errors.ts';
import type { TableListener, TableOptions, TableReader } from '../domain/ports/broker.ts';
import type { Cancel } from '../domain/ports/clock.ts';
import { MqttLink } from './mqtt-link.ts';
import type { BrokerAddress, MqttBrokerOptions } from './mqtt-options.ts';
import { subscribe } from './mqtt-subscribe.ts';
import { TableKeys } from './table-keys.ts';

/** Told to mqtt.js in place of a success, it sends no PUBACK: the broker brings the message again. */
const NOT_HEARD = new Error('stopped');

export class MqttTable implements TableReader {
  readonly #broker: MqttBrokerOptions;
  readonly #options: TableOptions;
  readonly #listener: TableListener;
  readonly #link: MqttLink;
  #running = false;
  /** Keys seen with a value on this connection. */
  #keys: TableKeys;
  #cancelSnapshot: Cancel | null = null;

  constructor(broker: MqttBrokerOptions, address: BrokerAddress, options: TableOptions, listener: TableListener) {
    this.#broker = broker;
    this.#options = options;
    this.#keys = new TableKeys(options.maxKeys);
    this.#listener = listener;
    this.#link = new MqttLink(
      broker,
      address,
      {
        clientId: options.clientId ?? `here-bridge-table-${broker.chance.uuid()}`,
        clean: options.clientId === undefined,
      },
      {
        prepare: (client) => this.#prepare(client),
        onConnected: (client, _sessionPresent, ready) => this.#subscribe(client, ready),
        onDown: (down) => {
          this.#forgetSnapshot();
          if (this.#running) this.#listener.onStatus({ up: false, ...down });
        },
      },
    );
  }

  start(): void {
    this.#running = true;
    this.#link.start();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#forgetSnapshot();
    await this.#link.stop();
  }

  #prepare(client: MqttClient): void {
    const keys = new TableKeys(this.#options.maxKeys);
    this.#keys = keys;
    const prefix = `${this.#options.prefix}/`;
    // The callback makes mqtt.js send PUBACK: so only what the listener has heard is acknowledged.
    let isRefused = false;
    const refuse = (done: (error: Error) => void, reason: string, fatal: boolean): void => {
      isRefused = true;
      done(NOT_HEARD);
      this.#link.drop({ reason, fatal });
    };
    client.handleMessage = (packet, done) => {
      if (!this.#running || isRefused) {
        done(NOT_HEARD);
        return;
      }
      if (packet.topic.startsWith(prefix)) {
        const key = packet.topic.slice(prefix.length);
        const payload = packet.payload as Buffer;
        if (payload.length === 0) keys.delete(key);
        else if (!keys.add(key)) {
          refuse(done, this.#tooMany(), true);
          return;
        }
        try {
          this.#listener.onRecord(key, payload.length === 0 ? null : payload);
        } catch (error) {
          if (!(error instanceof NotKept)) throw error;
          // On the next connection the broker brings it again, and what has come behind it.
          refuse(done, error.message, false);
          return;
        }
      }
      done();
    };
  }

  #subscribe(client: MqttClient, ready: () => void): void {
    const answered = (refused: Parameters<Parameters<typeof subscribe>[2]>[0]): void => {
      if (this.#link.client !== client || !this.#running) return;
      if (refused !== null) {
        this.#link.drop(refused);
        return;
      }
      ready();
      this.#listener.onStatus({ up: true });
      const keys = this.#keys;
      this.#forgetSnapshot();
      this.#cancelSnapshot = this.#broker.clock.after(this.#options.settleMs, () => {
        this.#cancelSnapshot = null;
        this.#listener.onSnapshot(keys.snapshot());
      });
    };
    subscribe(client, [`${this.#options.prefix}/+`], answered, { retainHandling: 0 });
  }

  #tooMany(): string {
    return `more than ${this.#keys.max} retained messages are under "${this.#options.prefix}/": delete those that are none of the bridge's (an empty retained message to each topic), and see who may publish there`;
  }

  #forgetSnapshot(): void {
    this.#cancelSnapshot?.();
    this.#cancelSnapshot = null;
  }
}
