// A broker that is defined over the API: its fields, its checks, and which of them are secrets. Certificates are texts in it,
// never files: whoever defines it must not have the operator's read.
import Type, { type Static } from 'typebox';
import type { FieldError } from './connection.ts';

export const BROKER_NAME_PATTERN = '^[a-z0-9][a-z0-9-]{0,31}$';
export const BROKER_ADDRESS_PATTERN = '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]{1,253}):[1-9]\\d{0,4}$';
const MAX_PEM = 20_000;

const strict = { additionalProperties: false } as const;
const Pem = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: MAX_PEM, description }));
const Credential = Type.Optional(Type.String({ minLength: 1, maxLength: 1024 }));
const Certificates = {
  ca: Pem('Certificates of the authority (PEM) to trust instead of the system’s.'),
  cert: Pem('The client certificate (PEM).'),
  key: Pem('Its key (PEM).'),
  rejectUnauthorized: Type.Optional(
    Type.Boolean({ default: true, description: 'False takes any certificate: for trials only.' }),
  ),
};
const Shared = {
  name: Type.Optional(Type.String({ pattern: BROKER_NAME_PATTERN })),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  username: Credential,
  password: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
  connectTimeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000, default: 10_000 })),
  revision: Type.Optional(Type.String({ maxLength: 64 })),
  basedOn: Type.Optional(Type.String({ maxLength: 64 })),
};

export const MqttDefinitionSchema = Type.Object(
  {
    ...Shared,
    kind: Type.Literal('mqtt'),
    url: Type.String({
      minLength: 8,
      maxLength: 2048,
      description: 'mqtt://, mqtts://, ws:// or wss://, without credentials.',
    }),
    protocolVersion: Type.Optional(Type.Enum([4, 5], { default: 4 })),
    tls: Type.Optional(Type.Object(Certificates, strict)),
    keepaliveMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 65_535_000, default: 30_000 })),
    receiveMaximum: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    sessionExpirySeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 4_294_967_295 })),
  },
  strict,
);

export const KafkaDefinitionSchema = Type.Object(
  {
    ...Shared,
    kind: Type.Literal('kafka'),
    bootstrap: Type.Array(Type.String({ pattern: BROKER_ADDRESS_PATTERN }), { minItems: 1, maxItems: 20 }),
    clientId: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', default: 'here-bridge' })),
    tls: Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean()), ...Certificates }, strict)),
    sasl: Type.Optional(Type.Object({ mechanism: Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512']) }, strict)),
    compression: Type.Optional(Type.Enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'], { default: 'none' })),
    metadataRefreshMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 3_600_000, default: 15_000 })),
  },
  strict,
);

export type MqttDefinition = Static<typeof MqttDefinitionSchema>;
export type KafkaDefinition = Static<typeof KafkaDefinitionSchema>;
export type BrokerDefinition = MqttDefinition | KafkaDefinition;

/** Dotted, as they are encrypted on the config topic. */
export const SEALED_FIELDS = ['password', 'tls.ca', 'tls.cert', 'tls.key'] as const;
/** Those of them that nobody is shown. */
export const HIDDEN_FIELDS = ['password', 'tls.key'] as const;
export type SealedField = (typeof SEALED_FIELDS)[number];

/**
 * Where its secrets go, and how they are guarded on the way: a text that two definitions share when neither of them could give a
 * secret to anybody whom the other does not. Its certificates must be plain; nothing else need be right.
 */
export function destinationOf(definition: BrokerDefinition): string {
  const { kind, tls } = definition;
  const { ca, rejectUnauthorized = true } = tls ?? {};
  if (kind === 'mqtt') return JSON.stringify([kind, definition.url, rejectUnauthorized, ca ?? null]);
  const { bootstrap, sasl } = definition;
  const addresses = Array.isArray(bootstrap) ? [...bootstrap].sort() : bootstrap;
  const isEncrypted = definition.tls?.enabled ?? (ca !== undefined || tls?.cert !== undefined);
  return JSON.stringify([kind, addresses, isEncrypted, rejectUnauthorized, ca ?? null, sasl?.mechanism ?? null]);
}

/** A copy with these fields changed, where they are. */
export function mapFields(
  definition: BrokerDefinition,
  fields: readonly SealedField[],
  change: (field: SealedField, value: string) => string,
): BrokerDefinition {
  const { password, tls } = definition;
  const has = (field: SealedField): boolean => fields.includes(field);
  const changedTls: { ca?: string; cert?: string; key?: string } = { ...tls };
  for (const part of ['ca', 'cert', 'key'] as const) {
    const value = tls?.[part];
    if (value !== undefined && has(`tls.${part}`)) changedTls[part] = change(`tls.${part}`, value);
  }
  return {
    ...definition,
    ...(password !== undefined && has('password') ? { password: change('password', password) } : {}),
    ...(tls === undefined ? {} : { tls: changedTls }),
  } as BrokerDefinition;
}

/** Whether a text is a certificate or a key that can be used. */
export type IsPem = (part: 'ca' | 'cert' | 'key', text: string) => boolean;

/** What the schema cannot say. Secrets must be plain. */
export function checkBroker(definition: BrokerDefinition, isPem: IsPem): FieldError[] {
  const errors: FieldError[] = [];
  const tell = (pointer: string, message: string): void => void errors.push({ pointer, message });
  const { username, password } = definition;
  const tls = (definition.tls ?? {}) as NonNullable<MqttDefinition['tls']>;
  if (password !== undefined && username === undefined) tell('/password', 'needs a username');
  const isPlain = definition.kind === 'mqtt' ? checkUrl(definition, tell) : checkKafka(definition, tell);
  const { ca, cert, key, rejectUnauthorized = true } = tls;
  for (const part of ['ca', 'cert', 'key'] as const) {
    if (tls[part] === undefined) continue;
    if (isPlain) tell(`/tls/${part}`, 'needs TLS: a url with mqtts:// or wss://, or tls.enabled for Kafka');
    else if (!isPem(part, tls[part]))
      tell(`/tls/${part}`, `must be a ${part === 'key' ? 'private key' : 'certificate'} in PEM`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    tell(cert === undefined ? '/tls/key' : '/tls/cert', `needs tls.${cert === undefined ? 'cert' : 'key'} too`);
  }
  if (ca !== undefined && !rejectUnauthorized)
    tell('/tls/ca', 'without rejectUnauthorized nothing is checked against it');
  return errors;
}

type Tell = (pointer: string, message: string) => void;

/** True: without TLS. */
function checkUrl({ url, protocolVersion = 4, ...rest }: MqttDefinition, tell: Tell): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^(mqtts?|wss?):$/.test(parsed.protocol) || parsed.hostname === '') {
    tell('/url', 'must be a URL with mqtt://, mqtts://, ws:// or wss://');
  } else if (`${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` !== '') {
    tell('/url', 'must be without user name, password and query: they have fields of their own');
  }
  for (const field of ['receiveMaximum', 'sessionExpirySeconds'] as const) {
    if (rest[field] !== undefined && protocolVersion !== 5) tell(`/${field}`, 'needs protocolVersion 5');
  }
  return /^(mqtt|ws):/.test(url);
}

function checkKafka({ bootstrap, username, password, sasl, tls }: KafkaDefinition, tell: Tell): boolean {
  for (const [index, address] of bootstrap.entries()) {
    if (Number(address.split(':').at(-1)) > 65_535) tell(`/bootstrap/${index}`, 'must have a port up to 65535');
  }
  if (sasl !== undefined && (username === undefined || password === undefined)) {
    tell('/sasl/mechanism', 'needs username and password');
  }
  if (sasl === undefined && username !== undefined) tell('/username', 'needs sasl.mechanism');
  return tls?.enabled === false;
}

/** The hosts that it names. */
export function hostsOf(definition: BrokerDefinition): readonly string[] {
  if (definition.kind === 'mqtt') return [new URL(definition.url).hostname.replace(/^\[|\]$/g, '')];
  return definition.bootstrap.map((address) => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
}

export function addressOf(definition: BrokerDefinition): string {
  return definition.kind === 'mqtt' ? definition.url : `kafka://${definition.bootstrap.join(',')}`;
}
