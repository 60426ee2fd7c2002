// What the values of one broker must not be combined to, and what follows from those given.
import path from 'node:path';
import type { BrokerConfig, EmbeddedBrokerConfig, KafkaBrokerConfig, MqttBrokerConfig } from './config.ts';
import { isLoopback, isReadable } from './http-rules.ts';

export interface Conflict {
  /** The first is the one to report; the others are what it depends on. */
  readonly keys: readonly [string, ...string[]];
  readonly message: string;
}

export interface RuleContext {
  readonly isGiven: (key: string) => boolean;
  readonly cwd: string;
}

export type RawBroker = Omit<MqttBrokerConfig, 'kind' | 'url' | 'tls'> &
  Omit<EmbeddedBrokerConfig, 'kind'> &
  Omit<KafkaBrokerConfig, 'kind' | 'bootstrap' | 'tls'> & {
    readonly kind: BrokerConfig['kind'] | null;
    readonly url: string | null;
    readonly bootstrap: readonly string[] | null;
    readonly tls: MqttBrokerConfig['tls'] & { readonly enabled: boolean | null };
  };

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

export function kindOf(broker: RawBroker): BrokerConfig['kind'] {
  return broker.kind ?? (broker.url === null ? 'embedded' : 'mqtt');
}

export function* brokerConflicts(at: string, broker: RawBroker, { isGiven, cwd }: RuleContext): Generator<Conflict> {
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

export function completeBroker(raw: RawBroker, cwd: string): BrokerConfig {
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
