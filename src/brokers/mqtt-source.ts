// An uplink source on an MQTT broker: a persistent session, QoS 1, acknowledged when the listener has made it durable.
import type { MqttClient } from 'mqtt';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { SourceListener, SourceOptions, UplinkSource } from '../domain/ports/broker.ts';
import { MqttDelivery } from './mqtt-delivery.ts';
import { MqttLink } from './mqtt-link.ts';
import { type BrokerAddress, HELD, type MqttBrokerOptions } from './mqtt-options.ts';
import { subscribe, unsubscribed } from './mqtt-subscribe.ts';
import { MqttTap } from './mqtt-tap.ts';
import { bounded, payloadBounds } from './payload-bounds.ts';
import { isBelow } from './topics.ts';

/** How long `stop` and `pause` wait for the listener to settle what it has; what it settles later comes once more. */
const SETTLE_MS = 5_000;
/** How long the broker may take for the answer that tells whether its session is empty. */
const ROUND_TRIP_MS = 10_000;

export class MqttSource implements UplinkSource {
  readonly #broker: MqttBrokerOptions;
  readonly #address: BrokerAddress;
  readonly #options: SourceOptions;
  readonly #listener: SourceListener;
  readonly #link: MqttLink;
  #delivery: MqttDelivery | null = null;
  #wanted: 'stopped' | 'running' | 'paused' = 'stopped';
  /** Leaving takes a moment; what is wanted after it is looked at then. */
  #leaving: Promise<void> | null = null;
  #expectSession: boolean;
  /** What the session holds is still taken, and nothing more comes into it. */
  #isLeft = false;

  constructor(broker: MqttBrokerOptions, address: BrokerAddress, options: SourceOptions, listener: SourceListener) {
    this.#broker = broker;
    this.#address = address;
    this.#options = options;
    this.#listener = withoutOwn(listener, broker.ownPrefix);
    this.#expectSession = options.expectSession;
    this.#link = new MqttLink(
      broker,
      address,
      { clientId: options.clientId, clean: false },
      {
        prepare: (client) => this.#prepare(client),
        onConnected: (client, sessionPresent, ready) => this.#subscribe(client, sessionPresent, ready),
        moves: () => this.#delivery?.moves() === true,
        onDown: (down) => {
          this.#delivery?.close();
          this.#delivery = null;
          if (this.#wanted === 'running') this.#listener.onStatus({ kind: 'down', ...down });
        },
      },
      options.mayConnect,
    );
  }

  start(): void {
    this.#want('running');
  }

  pause(): void {
    if (this.#wanted === 'running') this.#want('paused');
  }

  resume(): void {
    if (this.#wanted === 'paused') this.#want('running');
  }

  async stop(): Promise<void> {
    this.#want('stopped');
    await this.#leaving;
  }

  unsubscribe(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    // Without an answer (the connection goes before) the next connection says it again.
    this.#link.client?.unsubscribe([...this.#options.topics], () => {});
  }

  async drained(): Promise<boolean> {
    const { client } = this.#link;
    const delivery = this.#delivery;
    if (!this.#isLeft || this.#wanted !== 'running' || client === null || delivery?.isIdle !== true) return false;
    const { taken } = delivery;
    // All PUBACKs are before it on the wire, and what they make room for is sent before its answer. A broker that is stalled, or a
    // network, keeps both back.
    const isAnswered = await unsubscribed(client, this.#options.topics, this.#broker.clock, ROUND_TRIP_MS);
    return isAnswered && this.#delivery === delivery && delivery.taken === taken;
  }

  async clear(timeoutMs: number): Promise<void> {
    if (this.#wanted !== 'stopped' || this.#leaving !== null) {
      throw new BridgeError('sourceNotStopped', 'A source must be stopped before its session is cleared');
    }
    await clearSession(this.#broker, this.#address, this.#options.clientId, timeoutMs);
    this.#expectSession = false;
  }

  #want(wanted: 'stopped' | 'running' | 'paused'): void {
    this.#wanted = wanted;
    if (this.#leaving !== null) return;
    if (wanted === 'running') this.#link.start();
    else {
      this.#leaving = this.#leave().then(() => {
        this.#leaving = null;
        if (this.#wanted === 'running') this.#link.start();
        else if (this.#wanted === 'paused') this.#listener.onStatus({ kind: 'paused' });
      });
    }
  }

  async #leave(): Promise<void> {
    const delivery = this.#delivery;
    if (delivery !== null) {
      // Acknowledge what the listener has taken: else all of it would come again.
      const cancel = this.#broker.clock.after(SETTLE_MS, () => delivery.close());
      await delivery.drain();
      cancel();
    }
    await this.#link.stop();
    delivery?.close();
    this.#delivery = null;
  }

  #prepare(client: MqttClient): void {
    const delivery = new MqttDelivery(
      client.stream,
      this.#listener,
      this.#broker.clock,
      { ...HELD, ...this.#broker.held },
      // The broker sends unacknowledged messages again only on a new connection.
      (error) => this.#link.drop({ reason: `the uplinks could not be kept: ${describeError(error)}`, fatal: false }),
      () => tap.resume(),
      // Uplinks come and PUBACKs go: a sign of life from both. A PINGRESP may be far behind what the session holds.
      () => client.reschedulePing(true),
    );
    this.#delivery = delivery;
    const bounds = payloadBounds(this.#broker.maxMessageBytes);
    const take = delivery.take.bind(delivery);
    const tap = new MqttTap(client.stream, this.#broker.protocolVersion ?? 4, { publish: take }, bounds);
    // Subscriptions ask for QoS 1, so QoS 2 does not come; were it to, mqtt.js answers it as usual.
    client.handleMessage = ({ topic, payload, qos, dup, retain }, done) => {
      delivery.take(topic, bounded(payload as Buffer, bounds), qos, dup, retain, 0);
      done();
    };
  }

  #subscribe(client: MqttClient, sessionPresent: boolean, ready: () => void): void {
    if (this.#isLeft) {
      client.unsubscribe([...this.#options.topics], () => {
        if (this.#link.client !== client) return;
        ready();
        if (this.#wanted === 'running') this.#listener.onStatus({ kind: 'up', sessionLost: false });
      });
      return;
    }
    const sessionLost = this.#expectSession && !sessionPresent;
    subscribe(client, this.#options.topics, (refused) => {
      if (this.#link.client !== client) return;
      if (refused !== null) {
        this.#link.drop(refused);
        return;
      }
      ready();
      this.#expectSession = true;
      if (this.#wanted === 'running') this.#listener.onStatus({ kind: 'up', sessionLost });
    });
  }
}

/** Filters such as `#` match the bridge's own topics too, which are no uplinks: they are acknowledged and left out. */
function withoutOwn(listener: SourceListener, prefix: string | undefined): SourceListener {
  if (prefix === undefined) return listener;
  return {
    onMessages(messages, done) {
      // Most often there are none: no list anew for each chunk.
      const isMixed = messages.some(({ topic }) => isBelow(prefix, topic));
      const uplinks = isMixed ? messages.filter(({ topic }) => !isBelow(prefix, topic)) : messages;
      if (uplinks.length === 0) done(null);
      else listener.onMessages(uplinks, done);
    },
    onStatus: (status) => listener.onStatus(status),
  };
}

/** Ends a session at the broker: a clean connection under its name makes the broker forget it and its queue. */
function clearSession(
  broker: MqttBrokerOptions,
  address: BrokerAddress,
  clientId: string,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let lastReason = 'it does not answer';
    const link = new MqttLink(
      broker,
      address,
      { clientId, clean: true },
      {
        prepare: () => {},
        onConnected: (_client, _sessionPresent, ready) => {
          ready();
          cancel();
          link.stop().then(resolve, reject);
        },
        onDown: (down) => {
          lastReason = down.reason;
        },
      },
    );
    const cancel = broker.clock.after(timeoutMs, () => {
      void link
        .stop()
        .then(() =>
          reject(
            new BridgeError(
              'sessionNotCleared',
              `The session "${clientId}" on broker "${broker.name}" could not be ended within ${timeoutMs} ms: ${lastReason}`,
              { exitCode: EXIT.unavailable },
            ),
          ),
        );
    });
    link.start();
  });
}
