// A kafkajs client for a Kafka cluster as the configuration describes it: addresses, TLS, log-in, time-outs.
// kafkajs's own retries are off but for one: who uses the client knows better when to try again (and, after a refused log-in,
// that it must not be soon). Its log is off too: it calls many a usual answer an error; errors are told by who gets them.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import kafkajs, { type Kafka, type KafkaConfig, type Mechanism, type SASLOptions } from 'kafkajs';
import type { KafkaBrokerConfig } from '../config/config.ts';
import { BridgeError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { AddressGuard } from './address-guard.ts';
import './kafka-codecs.ts';
import './kafka-internals.ts';
import { oauthBearer, Tokens } from './kafka-token.ts';

export type KafkaClientOptions = Pick<
  KafkaBrokerConfig,
  'bootstrap' | 'clientId' | 'username' | 'password' | 'tls' | 'sasl' | 'connectTimeoutMs'
> & {
  readonly clock: Clock;
  /** PEM texts, in place of the files. */
  readonly pem?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Where it and the brokers that it names may be; absent: anywhere. */
  readonly guard?: AddressGuard;
  /** How long one request may take; 30 s by default. */
  readonly requestTimeoutMs?: number;
  /** kafkajs's own retries of one call; 1 by default. */
  readonly retries?: number;
  /** Each socket as it is opened: kafkajs lets go of one only when its answers have come; who cannot wait destroys it. */
  readonly onSocket?: (socket: net.Socket) => void;
};

const KEEP_ALIVE_MS = 60_000;

/** Connects nothing by itself. */
export function createKafkaClient(options: KafkaClientOptions): Kafka {
  const config: KafkaConfig = {
    brokers: [...options.bootstrap],
    clientId: options.clientId,
    connectionTimeout: options.connectTimeoutMs,
    authenticationTimeout: options.connectTimeoutMs,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    retry: { retries: options.retries ?? 1, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory: socketFactory(options, options.onSocket ?? (() => {})),
    // The factory knows better; this tells kafkajs that SASL PLAIN goes over TLS.
    ssl: options.tls.enabled,
  };
  const sasl = saslOf(options);
  if (sasl !== null) config.sasl = sasl;
  return new kafkajs.Kafka(config);
}

type SocketOptions = Pick<KafkaClientOptions, 'tls' | 'pem' | 'guard'>;

/** Certificates are read anew at each connection, so that renewed ones are taken up without a restart. */
function socketFactory(
  options: SocketOptions,
  onSocket: (socket: net.Socket) => void,
): NonNullable<KafkaConfig['socketFactory']> {
  return (where) => {
    const socket = open(where, options);
    onSocket(socket);
    return socket;
  };
}

function open(
  { host, port, onConnect }: Parameters<NonNullable<KafkaConfig['socketFactory']>>[0],
  { tls: options, pem = {}, guard }: SocketOptions,
): net.Socket {
  const own = guard === undefined ? {} : { lookup: guard.lookup };
  const address = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, ...own };
  const refusal = guard?.refusal(host) ?? null;
  if (refusal !== null) return brokenBy(new BridgeError('brokerHostRefused', refusal));
  if (!options.enabled) return net.connect(address, onConnect);
  const servername = net.isIP(host) === 0 ? { servername: host } : {};
  try {
    const files = {
      ...pem,
      ...(options.caFile === null ? {} : { ca: readFileSync(options.caFile) }),
      ...(options.certFile === null ? {} : { cert: readFileSync(options.certFile) }),
      ...(options.keyFile === null ? {} : { key: readFileSync(options.keyFile) }),
    };
    const { rejectUnauthorized } = options;
    return tls.connect({ ...address, ...servername, ...files, rejectUnauthorized }, onConnect);
  } catch (error) {
    return brokenBy(error as Error);
  }
}

/** kafkajs waits for an event of the socket; an exception would leave its attempt without an end. */
function brokenBy(error: Error): net.Socket {
  const broken = new net.Socket();
  process.nextTick(() => broken.destroy(error));
  return broken;
}

/** By the broker's configuration: its connections share a token. */
const TOKENS = new WeakMap<object, Tokens>();

function saslOf(options: KafkaClientOptions): SASLOptions | Mechanism | null {
  const { sasl, username, password } = options;
  if (sasl.mechanism === null) return null;
  if (sasl.mechanism === 'oauthbearer') {
    const tokens = TOKENS.get(sasl) ?? new Tokens({ ...sasl, username, password }, options.clock);
    TOKENS.set(sasl, tokens);
    return oauthBearer(tokens);
  }
  return { mechanism: sasl.mechanism, username: username ?? '', password: password ?? '' } as SASLOptions;
}
