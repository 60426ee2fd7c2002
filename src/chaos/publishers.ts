// The publishers: a fleet for each connection on a real MQTT client, and a probe device. Their PUBACKs are what counts.
// The probe has a client of its own: after a reconnect mqtt.js (5.16) sends what had no PUBACK one at a time, and behind some
// thousand of the fleet's the probe would measure that instead of the bridge.
import mqtt, { type MqttClient } from 'mqtt';
import { systemClock } from '../sandbox/chance.ts';
import { createFleet, type Fleet, type FleetMessage, TELEMETRY_ONLY } from '../sandbox/fleet/fleet.ts';
import { type FleetRun, runFleet } from '../sandbox/fleet/run.ts';
import { uplinkKey } from './arrivals.ts';
import type { Acknowledged } from './books.ts';

/** A few messages that carry no telemetry: the bridge is to count them as skipped. */
const MIX = { ...TELEMETRY_ONLY, join: 0.004, report: 0.004 };
/** What has no PUBACK at a reconnect mqtt.js sends one at a time; what waits behind it waits in the fleet. */
const MAX_UNACKNOWLEDGED = 300;
const TELEMETRY = new Set<FleetMessage['kind']>(['uplink', 'late', 'location', 'resolved']);
/** The probe's fleet is another one than the connection's, with DevEUIs of its own. */
const PROBE_SEED = 0x5eed;

export interface PublisherOptions {
  readonly port: number;
  readonly connectionId: string;
  readonly seed: number;
  readonly devices: number;
  readonly keepaliveS: number;
}

interface Sending {
  readonly client: MqttClient;
  readonly message: FleetMessage;
  readonly done: (error: Error | null) => void;
}

export class Publisher {
  readonly acknowledged: Acknowledged[] = [];
  readonly #client: MqttClient;
  readonly #probeClient: MqttClient;
  readonly #fleet: Fleet;
  readonly #probes: Fleet;
  readonly #stopping = new AbortController();
  #run: FleetRun | null = null;
  readonly #again: Sending[] = [];
  #published = 0;

  constructor(options: PublisherOptions) {
    const { connectionId, seed, devices } = options;
    this.#client = connect(`chaos-publisher-${connectionId}`, options);
    this.#probeClient = connect(`chaos-probe-${connectionId}`, options);
    const topicPattern = topicOf(connectionId, '{DevEUI}');
    this.#fleet = createFleet({ seed, devices, mix: MIX, topicPattern });
    this.#probes = createFleet({ seed: seed ^ PROBE_SEED, devices: 1, mix: TELEMETRY_ONLY, topicPattern });
  }

  /** Handed to the client and not acknowledged yet. */
  get unanswered(): number {
    return this.#published - this.acknowledged.length;
  }

  /** Resolves when all are published and acknowledged, or `drainMs` after the last one. */
  async publish(total: number, ratePerSecond: number, drainMs: number): Promise<void> {
    this.#run = runFleet({
      fleet: this.#fleet,
      publish: (message, done) => this.#send({ client: this.#client, message, done }),
      ratePerSecond,
      clock: systemClock,
      signal: this.#stopping.signal,
      total,
      maxUnacknowledged: MAX_UNACKNOWLEDGED,
      drainMs,
    });
    await this.#run.done;
  }

  /** One uplink of a device without a backlog; the key by which its arrival can be seen. */
  probe(): string {
    const message = this.#probes.next(Date.now());
    this.#send({ client: this.#probeClient, message, done: () => {} });
    return uplinkKey(message.devEui, message.timeMs);
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    await Promise.all([this.#client.endAsync(true), this.#probeClient.endAsync(true)]);
  }

  #send(sending: Sending): void {
    this.#published += 1;
    if (this.#again.length > 0 && sending.client === this.#client) this.#again.push(sending);
    else this.#try(sending);
  }

  #try(sending: Sending): void {
    const { devEui, timeMs, kind, topic, payload } = sending.message;
    sending.client.publish(topic, payload, { qos: 1 }, (error) => {
      if (error) {
        this.#retry(sending);
        return;
      }
      const isTelemetry = TELEMETRY.has(kind);
      this.acknowledged.push({ key: uplinkKey(devEui, timeMs), isTelemetry, at: Date.now() });
      sending.done(null);
    });
  }

  /**
   * mqtt.js (5.16) gives up what was published while it sent its unacknowledged ones again, when the connection breaks
   * meanwhile. They were never on the wire: they go again, in their order and before anything newer.
   */
  #retry(sending: Sending): void {
    if (this.#stopping.signal.aborted) return;
    this.#again.push(sending);
    if (this.#again.length > 1) return;
    setImmediate(() => {
      for (const each of this.#again.splice(0)) this.#try(each);
    });
  }
}

function connect(clientId: string, { port, keepaliveS }: PublisherOptions): MqttClient {
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
    clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: keepaliveS,
    connectTimeout: 3_000,
    reconnectPeriod: 200,
    reconnectOnConnackError: true,
  });
  // Its news is not ours: it comes back by itself, and what it has no PUBACK for it sends again.
  client.on('error', () => {});
  return client;
}

export function topicOf(connectionId: string, device: string): string {
  return `chaos/${connectionId}/${device}/uplink`;
}
