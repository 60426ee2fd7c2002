// What the MQTT client is told about a broker, checked once, and what mqtt.js is told at each connection attempt.
import { readFileSync } from 'node:fs';
import type { IClientOptions } from 'mqtt';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { WillOptions } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { AddressGuard } from './address-guard.ts';

export interface MqttTlsOptions {
  /** PEM files, read anew at each connection attempt so that renewed certificates are taken up without a restart. */
  readonly caFile?: string | null;
  readonly certFile?: string | null;
  readonly keyFile?: string | null;
  /** False accepts any certificate: for trials only. True by default. */
  readonly rejectUnauthorized?: boolean;
  /** PEM texts, in place of files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface MqttBrokerOptions {
  readonly name: string;
  /** mqtt://, mqtts://, ws:// or wss://, without credentials. */
  readonly url: string;
  /** 4 is MQTT 3.1.1, the default. */
  readonly protocolVersion?: 4 | 5;
  readonly username?: string | null;
  readonly password?: string | null;
  readonly tls?: MqttTlsOptions;
  /** A connection without an answer for 1.5 times this is given up. 30,000 by default; whole seconds on the wire. */
  readonly keepaliveMs?: number;
  /** From the first byte to CONNACK and, for sources and tables, to SUBACK. 15,000 by default. */
  readonly connectTimeoutMs?: number;
  /** MQTT 5 only: how many messages the broker may send unacknowledged; null: the protocol's 65,535. */
  readonly receiveMaximum?: number | null;
  /** MQTT 5 only; 4,294,967,295 (never) by default. */
  readonly sessionExpirySeconds?: number;
  /** The bridge's own topics are below it, of which no source is given any; absent: they are on another broker. */
  readonly ownPrefix?: string;
  /** Where it may be; absent: anywhere. */
  readonly guard?: AddressGuard;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly reconnect?: Partial<ReconnectOptions>;
  /** A source's messages up to here are read; of far longer ones only so much is kept. Absent: all are kept whole. */
  readonly maxMessageBytes?: number;
  /** What a source may hold unacknowledged before it stops reading its socket. */
  readonly held?: Partial<HeldLimits>;
  readonly publish?: Partial<PublishLimits>;
}

export interface ReconnectOptions {
  /** The first pause; it doubles up to `maxMs`; each is drawn between half of it and the whole. */
  readonly minMs: number;
  readonly maxMs: number;
  /** At least this long between attempts that the broker refuses for their credentials; up to twice as long. */
  readonly refusedMs: number;
  /** A connection that lived this long makes the next pause the shortest again. */
  readonly stableMs: number;
}

export interface HeldLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** What a message takes besides its payload and topic, about: objects that hold them, and views. */
const MESSAGE_BYTES = 200;

/** What counts for `maxBytes`: topics of 64 KiB with payloads of one byte would fill the memory as well. */
export function heldBytes(topic: string, payload: Buffer): number {
  return payload.length + topic.length + MESSAGE_BYTES;
}

export interface PublishLimits {
  /** Publishes that wait for the broker's acknowledgement, connected or not. */
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  readonly timeoutMs: number;
}

/**
 * An attempt that hangs takes `connectTimeoutMs` (10 s by default), and a pause may follow it: together they must stay below the half
 * minute in which uplinks are to flow again once a broker is back.
 */
export const RECONNECT: ReconnectOptions = { minMs: 500, maxMs: 15_000, refusedMs: 60_000, stableMs: 10_000 };
export const HELD: HeldLimits = { maxMessages: 65_535, maxBytes: 64 * 1024 * 1024 };
export const PUBLISH: PublishLimits = { maxPending: 10_000, maxPendingBytes: 16 * 1024 * 1024, timeoutMs: 10_000 };

const NEVER_EXPIRES = 0xffff_ffff;
const PROTOCOLS = ['mqtt', 'mqtts', 'ws', 'wss'] as const;
const DEFAULT_PORTS = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const;

export interface BrokerAddress {
  readonly protocol: (typeof PROTOCOLS)[number];
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** For WebSockets, with its query. */
  readonly path: string;
}

/** Throws a BridgeError `brokerUrlInvalid` that does not repeat credentials. */
export function parseBrokerUrl(name: string, url: string): BrokerAddress {
  const invalid = (why: string) =>
    new BridgeError('brokerUrlInvalid', `Broker "${name}": ${why}`, { exitCode: EXIT.config });
  if (!URL.canParse(url)) throw invalid('its url is none; expected for example mqtts://broker.example.com:8883');
  const parsed = new URL(url);
  const protocol = PROTOCOLS.find((known) => `${known}:` === parsed.protocol);
  if (protocol === undefined) throw invalid(`its url must begin with mqtt://, mqtts://, ws:// or wss://`);
  if (parsed.username || parsed.password) throw invalid('put credentials into username and password, not into the url');
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (!host) throw invalid('its url names no host');
  const port = parsed.port === '' ? DEFAULT_PORTS[protocol] : Number(parsed.port);
  return { protocol, host, port, path: `${parsed.pathname || '/'}${parsed.search}` };
}

export interface SessionOptions {
  readonly clientId: string;
  /** True: the broker forgets an earlier session and this one at its end. */
  readonly clean: boolean;
  readonly will?: WillOptions;
}

/** Throws when a TLS file cannot be read or the address is not allowed; the caller tells it as the reason why there is no connection. */
export function clientOptions(
  options: MqttBrokerOptions,
  address: BrokerAddress,
  session: SessionOptions,
): IClientOptions {
  const { clock, guard, tls = {} } = options;
  const refusal = guard?.refusal(address.host) ?? null;
  if (refusal !== null) throw new BridgeError('brokerHostRefused', refusal, { exitCode: EXIT.config });
  const version = options.protocolVersion ?? 4;
  const secure = address.protocol === 'mqtts' || address.protocol === 'wss';
  const built: IClientOptions = {
    protocol: address.protocol,
    host: address.host,
    hostname: address.host.includes(':') && address.protocol.startsWith('ws') ? `[${address.host}]` : address.host,
    port: address.port,
    path: address.path,
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId: session.clientId,
    clean: session.clean,
    // One client object is one connection: what belongs to an old connection can never touch a new one.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    keepalive: Math.max(1, Math.round((options.keepaliveMs ?? 30_000) / 1000)),
    // mqtt.js arms a timer of the system's for CONNACK; ours, on the injected clock, is shorter.
    connectTimeout: 2 * connectTimeoutMs(options),
    timerVariant: intervals(clock),
  };
  if (options.username) built.username = options.username;
  if (options.password) built.password = options.password;
  if (session.will) built.will = { ...session.will, payload: Buffer.from(session.will.payload), qos: 1 };
  if (version === 5) {
    built.properties = {
      // Without it a version 5 session ends with its connection, whatever `clean` says.
      sessionExpiryInterval: session.clean ? 0 : (options.sessionExpirySeconds ?? NEVER_EXPIRES),
      receiveMaximum: options.receiveMaximum ?? 65_535,
      // No maximumPacketSize: what is larger a broker would drop without a word (MQTT 5 3.1.2.11.4), and nobody would have
      // an account of it. It comes, and becomes a dead letter (mqtt-large-packet.ts).
    };
  }
  if (secure) {
    built.rejectUnauthorized = tls.rejectUnauthorized ?? true;
    if (tls.ca !== undefined) built.ca = tls.ca;
    if (tls.cert !== undefined) built.cert = tls.cert;
    if (tls.key !== undefined) built.key = tls.key;
    if (tls.caFile) built.ca = readFileSync(tls.caFile);
    if (tls.certFile) built.cert = readFileSync(tls.certFile);
    if (tls.keyFile) built.key = readFileSync(tls.keyFile);
  }
  if (guard !== undefined) {
    // TLS sockets take it of the options, WebSockets of theirs; plain sockets are opened by ourselves (mqtt-link.ts).
    Object.assign(built, { lookup: guard.lookup });
    built.wsOptions = { lookup: guard.lookup };
  }
  return built;
}

export function connectTimeoutMs(options: MqttBrokerOptions): number {
  return options.connectTimeoutMs ?? 15_000;
}

/** mqtt.js's keepalive timer on the injected clock. */
function intervals(clock: Clock): NonNullable<Exclude<IClientOptions['timerVariant'], string>> {
  const running = new Map<number, () => void>();
  let last = 0;
  return {
    set(run: () => void, everyMs: number): number {
      last += 1;
      const id = last;
      const tick = (): void => {
        running.set(id, clock.after(everyMs, tick));
        run();
      };
      running.set(id, clock.after(everyMs, tick));
      return id;
    },
    clear(id: number): void {
      running.get(id)?.();
      running.delete(id);
    },
  };
}
