// What values must not be combined, and what follows from the values given (kinds, default brokers, absolute paths).
import path from 'node:path';
import type {
  BrokerConfig,
  Config,
  EmbeddedBrokerConfig,
  HereServiceConfig,
  KafkaBrokerConfig,
  MqttBrokerConfig,
} from './config.ts';
import { completeHttp, httpConflicts, isLoopback, isReadable } from './http-rules.ts';

type RawBroker = Omit<MqttBrokerConfig, 'kind' | 'url' | 'tls'> &
  Omit<EmbeddedBrokerConfig, 'kind'> &
  Omit<KafkaBrokerConfig, 'kind' | 'bootstrap' | 'tls'> & {
    readonly kind: BrokerConfig['kind'] | null;
    readonly url: string | null;
    readonly bootstrap: readonly string[] | null;
    readonly tls: MqttBrokerConfig['tls'] & { readonly enabled: boolean | null };
  };

/** As it comes from the layers: checked value by value, nothing derived yet. */
export type RawConfig = Omit<Config, 'topics' | 'sources' | 'brokers' | 'here'> & {
  readonly topics: { readonly prefix: string; readonly broker: string | null };
  readonly sources: {
    readonly broker: string | null;
    readonly topics: readonly string[];
    readonly maxMessageBytes: number;
  };
  readonly brokers?: Readonly<Record<string, RawBroker>>;
  readonly here: Omit<Config['here'], 'services'> & {
    readonly services?: Readonly<Record<string, Omit<HereServiceConfig, 'url'> & { readonly url: string | null }>>;
  };
};

export interface Conflict {
  /** The first is the one to report; the others are what it depends on. */
  readonly keys: readonly [string, ...string[]];
  readonly message: string;
}

export interface RuleContext {
  readonly isGiven: (key: string) => boolean;
  readonly cwd: string;
}

const TLS = ['tls.caFile', 'tls.certFile', 'tls.keyFile', 'tls.rejectUnauthorized'];
const MQTT5 = ['receiveMaximum', 'sessionExpirySeconds'] as const;
/** What only some kinds of broker know. */
const PARTS: Readonly<Record<BrokerConfig['kind'], readonly string[]>> = {
  mqtt: ['url', 'protocolVersion', 'username', 'password', ...TLS, 'keepaliveMs', 'connectTimeoutMs', ...MQTT5],
  embedded: ['host', 'port', 'users'],
  kafka: [
    ...['bootstrap', 'clientId', 'username', 'password', 'tls.enabled', ...TLS, 'connectTimeoutMs'],
    ...['sasl.mechanism', 'sasl.tokenUrl', 'sasl.tokenScope', 'sasl.tokenFile'],
    ...['compression', 'createTopics', 'replicationFactor', 'metadataRefreshMs'],
  ],
};

function kindOf(broker: RawBroker): BrokerConfig['kind'] {
  return broker.kind ?? (broker.url === null ? 'embedded' : 'mqtt');
}

function defaultBroker(names: readonly string[]): string | null {
  return names.length === 1 ? names[0]! : names.includes('main') ? 'main' : null;
}

export function* findConflicts(raw: RawConfig, context: RuleContext): Generator<Conflict> {
  const brokers = raw.brokers ?? {};
  const names = Object.keys(brokers);
  if (names.length === 0) yield { keys: ['brokers'], message: 'there must be at least one broker' };
  for (const [name, broker] of Object.entries(brokers)) yield* brokerConflicts(`brokers.${name}`, broker, context);
  for (const key of ['topics.broker', 'sources.broker'] as const) {
    const wanted = key === 'topics.broker' ? raw.topics.broker : raw.sources.broker;
    if (wanted === null && names.length > 0 && defaultBroker(names) === null) {
      yield { keys: [key], message: `there are several brokers and none is "main": name one of ${names.join(', ')}` };
    } else if (wanted !== null && !names.includes(wanted)) {
      yield { keys: [key], message: `there is no such broker; allowed: ${names.join(', ')}` };
    }
  }
  yield* topicConflicts(raw, names);
  yield* hereConflicts(raw);
  yield* portConflicts(raw, brokers);
  yield* httpConflicts(raw.http, context);
  if (raw.delivery.retryMinMs > raw.delivery.retryMaxMs) {
    const message = `must not be more than delivery.retryMaxMs (${raw.delivery.retryMaxMs})`;
    yield { keys: ['delivery.retryMinMs', 'delivery.retryMaxMs'], message };
  }
  if (raw.sources.maxMessageBytes > raw.budgets.windowMaxBytes) {
    const message = `must not be more than budgets.windowMaxBytes (${raw.budgets.windowMaxBytes})`;
    yield { keys: ['sources.maxMessageBytes', 'budgets.windowMaxBytes'], message };
  }
}

function* brokerConflicts(at: string, broker: RawBroker, { isGiven, cwd }: RuleContext): Generator<Conflict> {
  const kind = kindOf(broker);
  const known = new Set(PARTS[kind]);
  for (const part of new Set(Object.values(PARTS).flat())) {
    if (known.has(part) || !isGiven(`${at}.${part}`)) continue;
    const isLogin = kind === 'embedded' && (part === 'username' || part === 'password');
    const message = `not for a broker of the kind ${kind}${isLogin ? '; its accounts are in users' : ''}`;
    yield { keys: [`${at}.${part}`, `${at}.kind`, `${at}.url`], message };
  }
  if (kind === 'embedded') {
    if (!isLoopback(broker.host) && broker.users.length === 0) {
      const message = 'beyond the loopback interface an embedded broker needs users';
      yield { keys: [`${at}.host`, `${at}.users`], message };
    }
    return;
  }
  if (kind === 'mqtt') {
    if (broker.url === null) {
      yield { keys: [`${at}.url`, `${at}.kind`], message: 'a broker of the kind mqtt needs a url' };
      return;
    }
    if (broker.protocolVersion === 4) {
      for (const part of MQTT5) {
        const message = 'needs protocolVersion 5';
        if (isGiven(`${at}.${part}`)) yield { keys: [`${at}.${part}`, `${at}.protocolVersion`], message };
      }
    }
  } else yield* kafkaConflicts(at, broker);
  if (broker.password !== null && broker.username === null) {
    yield { keys: [`${at}.password`, `${at}.username`], message: 'a password needs a username' };
  }
  const isPlain = kind === 'mqtt' ? /^(mqtt|ws):/.test(broker.url ?? '') : broker.tls.enabled === false;
  yield* tlsConflicts(at, broker, { isGiven, cwd }, isPlain, kind);
}

function* tlsConflicts(
  at: string,
  { tls }: RawBroker,
  { isGiven, cwd }: RuleContext,
  isPlain: boolean,
  kind: 'mqtt' | 'kafka',
): Generator<Conflict> {
  for (const part of ['caFile', 'certFile', 'keyFile', 'rejectUnauthorized'] as const) {
    const key = `${at}.tls.${part}` as const;
    if (isGiven(key) && tls[part] !== null && isPlain) {
      if (kind === 'mqtt') yield { keys: [key, `${at}.url`], message: 'needs a url with mqtts:// or wss://' };
      else yield { keys: [key, `${at}.tls.enabled`], message: 'needs tls.enabled' };
    }
    const file = tls[part];
    if (typeof file === 'string' && !isReadable(path.resolve(cwd, file))) {
      yield { keys: [key], message: 'the file cannot be read' };
    }
  }
  const { caFile, certFile, keyFile } = tls;
  if ((certFile === null) !== (keyFile === null)) {
    const [given, missing] = certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
    yield { keys: [`${at}.tls.${given}`, `${at}.tls.${missing}`], message: `needs tls.${missing} too` };
  }
  if (caFile !== null && !tls.rejectUnauthorized) {
    const message = 'without rejectUnauthorized nothing is checked against it';
    yield { keys: [`${at}.tls.caFile`, `${at}.tls.rejectUnauthorized`], message };
  }
}

function* kafkaConflicts(at: string, broker: RawBroker): Generator<Conflict> {
  const { mechanism, tokenUrl, tokenFile } = broker.sasl;
  const key = `${at}.sasl.mechanism` as const;
  if (broker.bootstrap === null) {
    const message = 'a broker of the kind kafka needs bootstrap addresses';
    yield { keys: [`${at}.bootstrap`, `${at}.kind`], message };
  }
  const hasToken = tokenUrl !== null || tokenFile !== null;
  if (mechanism === 'oauthbearer') {
    if (!hasToken) yield { keys: [key], message: 'oauthbearer needs sasl.tokenUrl or sasl.tokenFile' };
    if (tokenUrl !== null && tokenFile !== null) {
      yield { keys: [`${at}.sasl.tokenFile`, `${at}.sasl.tokenUrl`], message: 'give either this or sasl.tokenUrl' };
    }
    if (tokenUrl !== null && broker.password === null) {
      yield { keys: [`${at}.sasl.tokenUrl`], message: 'needs username and password: the id and secret of the client' };
    }
    return;
  }
  if (hasToken) {
    const given = tokenUrl !== null ? ('tokenUrl' as const) : ('tokenFile' as const);
    yield { keys: [`${at}.sasl.${given}`, key], message: 'needs sasl.mechanism oauthbearer' };
  }
  if (mechanism !== null && (broker.username === null || broker.password === null)) {
    yield { keys: [key], message: `${mechanism} needs username and password` };
  }
  if (mechanism === null && broker.username !== null) {
    yield { keys: [`${at}.username`, key], message: 'needs sasl.mechanism' };
  }
}

/** The bridge's own topics as uplinks would be a loop: each would become a dead letter, and its event the next uplink. */
function* topicConflicts(raw: RawConfig, names: readonly string[]): Generator<Conflict> {
  const config = raw.topics.broker ?? defaultBroker(names);
  if (config !== (raw.sources.broker ?? defaultBroker(names))) return;
  const loop = raw.sources.topics.find((filter) => overlaps(filter.split('/'), [...raw.topics.prefix.split('/'), '#']));
  if (loop === undefined) return;
  const message = `${JSON.stringify(loop)} would take in the bridge's own topics under topics.prefix`;
  yield { keys: ['sources.topics', 'topics.prefix', 'topics.broker', 'sources.broker'], message };
}

function overlaps(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; ; i++) {
    if (a[i] === '#' || b[i] === '#') return true;
    if (a[i] === undefined || b[i] === undefined) return a[i] === b[i];
    if (a[i] !== b[i] && a[i] !== '+' && b[i] !== '+') return false;
  }
}

function* hereConflicts(raw: RawConfig): Generator<Conflict> {
  const services = raw.here.services ?? {};
  const names = Object.keys(services);
  if (!names.includes(raw.here.defaultService)) {
    yield { keys: ['here.defaultService'], message: `there is no such service; allowed: ${names.join(', ')}` };
  }
  for (const name of names) {
    const key = `here.services.${name}.url` as const;
    if (services[name]!.url === null) yield { keys: [key], message: 'a service needs a url' };
  }
}

function* portConflicts(raw: RawConfig, brokers: Readonly<Record<string, RawBroker>>): Generator<Conflict> {
  const used = new Map<number, string>([[raw.http.port, 'http.port']]);
  const others: [string, number][] = [['admin.port', raw.admin.port]];
  for (const [name, broker] of Object.entries(brokers)) {
    if (kindOf(broker) === 'embedded') others.push([`brokers.${name}.port`, broker.port]);
  }
  for (const [key, port] of others) {
    const other = used.get(port);
    if (port !== 0 && other !== undefined) yield { keys: [key, other], message: `is the port of ${other} already` };
    used.set(port, key);
  }
}

/** Only for a configuration without conflicts. */
export function complete(raw: RawConfig, cwd: string): Config {
  const fallback = defaultBroker(Object.keys(raw.brokers!))!;
  return {
    ...raw,
    dataDir: path.resolve(cwd, raw.dataDir),
    topics: { ...raw.topics, broker: raw.topics.broker ?? fallback },
    http: completeHttp(raw.http, cwd),
    sources: { ...raw.sources, broker: raw.sources.broker ?? fallback },
    brokers: mapValues(raw.brokers!, (broker) => completeBroker(broker, cwd)),
    here: {
      ...raw.here,
      services: mapValues(raw.here.services!, (service) => ({
        ...service,
        url: withoutSlash(service.url!),
        scopedUrl: service.scopedUrl === null ? null : withoutSlash(service.scopedUrl),
      })),
    },
  };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function completeBroker(raw: RawBroker, cwd: string): BrokerConfig {
  const kind = kindOf(raw);
  const { host, port, users, username, password, connectTimeoutMs } = raw;
  if (kind === 'embedded') return { kind, host, port, users };
  const at = (file: string | null): string | null => (file === null ? null : path.resolve(cwd, file));
  const { enabled, rejectUnauthorized } = raw.tls;
  const tls = { caFile: at(raw.tls.caFile), certFile: at(raw.tls.certFile), keyFile: at(raw.tls.keyFile) };
  if (kind === 'mqtt') {
    const { url, protocolVersion, keepaliveMs, receiveMaximum, sessionExpirySeconds } = raw;
    const limits = { keepaliveMs, connectTimeoutMs, receiveMaximum, sessionExpirySeconds };
    return { kind, url: url!, protocolVersion, username, password, tls: { ...tls, rejectUnauthorized }, ...limits };
  }
  const { bootstrap, clientId, sasl, compression, createTopics, replicationFactor, metadataRefreshMs } = raw;
  const topics = { compression, createTopics, replicationFactor, metadataRefreshMs };
  return {
    ...{ kind, bootstrap: bootstrap!, clientId, username, password, connectTimeoutMs, ...topics },
    tls: { ...tls, rejectUnauthorized, enabled: enabled ?? (tls.caFile !== null || tls.certFile !== null) },
    sasl: { ...sasl, tokenFile: at(sasl.tokenFile) },
  };
}

function mapValues<A, B>(map: Readonly<Record<string, A>>, change: (value: A) => B): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
