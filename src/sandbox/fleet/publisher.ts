// The fleet on a real broker: one MQTT client that publishes its messages with QoS 1 (mqtt://, mqtts://, ws://, wss://).
import mqtt, { type IClientOptions, type MqttClient, type MqttProtocol } from 'mqtt';
import { DownlinkAnswers } from './downlink-answers.ts';
import { createFleet, euiPrefixOf, type Fleet } from './fleet.ts';
import type { FleetNetwork } from './other-networks.ts';
import { createPaddedFleet } from './padding.ts';
import { CONNECT_TIMEOUT_MS, FleetError, NO_COUNTS, type PublishingOptions } from './publishing.ts';
import { type FleetCounts, type FleetResult, type FleetRun, runFleet } from './run.ts';

/** `brokerUrl`: for example `mqtt://127.0.0.1:1883`; credentials may be in it or beside it. */
export interface FleetPublisherOptions extends PublishingOptions {
  readonly username?: string;
  readonly password?: string;
  /** PEM; for a broker whose certificate the system does not know. */
  readonly ca?: string | Buffer;
  readonly clientId?: string;
  /** With `{DevEUI}`; `mqtt/things/{DevEUI}/uplink` by default. */
  readonly topicPattern?: string;
  /** As `FleetOptions.networks`. */
  readonly networks?: readonly FleetNetwork[];
  /** All messages are live uplinks of exactly this size, cheaply made (benchmarks). */
  readonly payloadBytes?: number;
  /** Its devices and their network answer downlinks, and report on them. */
  readonly answersDownlinks?: boolean;
  readonly maxUnacknowledged?: number;
}

export interface FleetPublisher {
  /** Resolves at the first connection; rejects with a FleetError. */
  readonly ready: Promise<void>;
  /** Resolves when all is published and acknowledged, or stopped; rejects only when `ready` does. */
  readonly done: Promise<FleetResult>;
  readonly counts: FleetCounts;
  readonly fleet: Fleet;
  /** Publishes nothing further, waits for acknowledgements (`drainMs`), disconnects. Idempotent. */
  stop(): Promise<FleetResult>;
}

/** CONNACK codes after which trying again is of no use: MQTT 3.1.1 (2, 4, 5) and 5 (133, 134, 135, 138). */
const REFUSED = new Set([2, 4, 5, 133, 134, 135, 138]);

export function startFleetPublisher(options: FleetPublisherOptions): FleetPublisher {
  const fleet =
    options.payloadBytes === undefined
      ? createFleet(options)
      : createPaddedFleet({ ...options, payloadBytes: options.payloadBytes });
  const stopping = new AbortController();
  const client = mqtt.connect(clientOptions(options));
  const prefix = euiPrefixOf(options);
  const answers =
    options.answersDownlinks === true
      ? new DownlinkAnswers(client, (devEui) => devEui.startsWith(prefix), options.networks, downlinkFilter(options))
      : null;
  const ready = firstConnection(client, options, stopping.signal);
  let run: FleetRun | null = null;

  const work = async (): Promise<FleetResult> => {
    try {
      await ready;
      run = runFleet({
        ...options,
        fleet,
        signal: stopping.signal,
        publish: (message, done) => {
          client.publish(message.topic, message.payload, { qos: 1 }, (error) => done(error ?? null));
          answers?.afterUplink(message.devEui);
        },
      });
      return await run.done;
    } catch (error) {
      if (stopping.signal.aborted) return { ...NO_COUNTS, unanswered: 0, elapsedMs: 0 };
      throw error;
    } finally {
      // From here on a closed connection is no news.
      stopping.abort();
      await client.endAsync(true);
    }
  };
  const done = work();
  // Whoever looks at `done` sees the rejection; nobody has to look at `ready` as well.
  ready.catch(() => {});
  return {
    ready,
    done,
    fleet,
    get counts() {
      return run?.counts ?? NO_COUNTS;
    },
    stop() {
      stopping.abort();
      return done;
    },
  };
}

/** Where ThingPark's devices hear downlinks: beside their uplinks. */
function downlinkFilter({ topicPattern }: FleetPublisherOptions): string | undefined {
  return topicPattern?.replace('{DevEUI}', '+').replace(/\/uplink$/, '/downlink');
}

function clientOptions(options: FleetPublisherOptions): IClientOptions {
  return {
    clientId: options.clientId ?? `here-bridge-fleet-${options.seed}-${process.pid}`,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 1000,
    // A broker that says "not now" is asked again; a refused log-in ends the first attempt below.
    reconnectOnConnackError: true,
    connectTimeout: 10_000,
    keepalive: 30,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...addressOf(options.brokerUrl),
  };
}

/** mqtt.js reads a URL by `url.parse`, of which Node warns on standard error. Credentials in the URL come before those beside it. */
function addressOf(brokerUrl: string): IClientOptions {
  const { protocol, hostname, port, username, password, pathname, search } = new URL(brokerUrl);
  return {
    protocol: protocol.slice(0, -1) as MqttProtocol,
    // Without the brackets of an IPv6 address.
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    path: `${pathname || '/'}${search}`,
  };
}

function firstConnection(client: MqttClient, options: FleetPublisherOptions, signal: AbortSignal): Promise<void> {
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const place = withoutCredentials(options.brokerUrl);
  return new Promise((resolve, reject) => {
    let connected = false;
    let last = 'no answer';
    const cancel = options.clock.after(timeoutMs, () => {
      fail('brokerUnreachable', `${place} could not be reached within ${timeoutMs / 1000} s: ${last}`);
    });
    const fail = (code: FleetError['code'], message: string): void => {
      cancel();
      reject(new FleetError(code, message));
    };
    client.on('connect', () => {
      cancel();
      if (connected) options.onStatus?.({ up: true });
      connected = true;
      last = 'the broker closed the connection';
      resolve();
    });
    client.on('error', (error) => {
      last = error.message || (error as NodeJS.ErrnoException).code || error.name;
      const code = Number((error as { code?: unknown }).code);
      if (!connected && REFUSED.has(code)) fail('brokerRefused', `${place} refused the connection: ${last}`);
    });
    client.on('close', () => {
      if (connected && !signal.aborted) options.onStatus?.({ up: false, reason: last });
    });
    signal.addEventListener('abort', () => fail('brokerUnreachable', 'stopped'), { once: true });
  });
}

function withoutCredentials(url: string): string {
  if (!URL.canParse(url)) return 'the broker';
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
