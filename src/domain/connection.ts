// The connection resource: what a definition on the config topic may say. One schema for validation, types and the API.
// Names and meanings are ThingPark X IoT Flow's (`actility-here-iot`); `source`, `realm`, `service`, `maxDevices` are ours.
import Type, { type Static } from 'typebox';

export const CONNECTOR_ID = 'actility-here-iot';

/** A connection id: it becomes part of topics, file names and client ids, so it is narrow. */
export const CONNECTION_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$';

const strict = { additionalProperties: false } as const;

/** A value encrypted by this bridge: `enc:v1:<key id>:<base64url of nonce, ciphertext, tag>`; plain text is accepted too. */
const Secret = Type.String({ minLength: 1, maxLength: 4096 });

const MatcherSchema = Type.Union([
  Type.Object(
    {
      type: Type.Literal('thing'),
      tags: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 50 }),
    },
    strict,
  ),
  Type.Object({ type: Type.Literal('key'), key: Type.String({ pattern: '^lora:[0-9A-Fa-f]{16}$' }) }, strict),
]);
export type Matcher = Static<typeof MatcherSchema>;

const SourceSchema = Type.Object(
  {
    broker: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    topics: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 100 })),
    matchers: Type.Optional(Type.Array(MatcherSchema, { maxItems: 1000 })),
    from: Type.Optional(Type.Union([Type.Literal('now'), Type.Literal('earliest')])),
  },
  strict,
);

/**
 * An override of the mapping for some devices: which field of HERE's record is read from where. The schema is loose where only
 * the line knows what is allowed (`DefinitionCheckers.checkMapping`).
 */
export const MappingSchema = Type.Object(
  {
    when: Type.Optional(
      Type.Object(
        {
          manufacturer: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
          model: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
          fPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
          topic: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
        },
        strict,
      ),
    ),
    set: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    skip: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100 })),
  },
  strict,
);
export type MappingDefinition = Static<typeof MappingSchema>;

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

export const AlarmSchema = Type.Object(
  {
    startTime: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?$' }),
    endTime: Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?|24:00)$' }),
    timezone: Type.String({ minLength: 1, maxLength: 64 }),
    recurrence: Type.Array(
      Type.Object(
        { frequency: Type.Literal('weekly'), byDays: Type.Array(Type.Enum(DAYS), { minItems: 1, maxItems: 7 }) },
        strict,
      ),
      { minItems: 1, maxItems: 10 },
    ),
    uplinkRateMinPerHour: Type.Number({ minimum: 0 }),
    message: Type.Optional(Type.String({ maxLength: 500 })),
  },
  strict,
);

/** A low-rate alarm: an event when fewer uplinks an hour pass during a window that recurs weekly. */
export type AlarmDefinition = Static<typeof AlarmSchema>;
export type AlarmDay = (typeof DAYS)[number];

const RECONNECT_STRATEGIES = ['CALM', 'NORMAL', 'AGGRESSIVE'] as const;
export type ReconnectStrategy = (typeof RECONNECT_STRATEGIES)[number];

export const ConfigurationSchema = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Secret,
    appId: Type.Optional(Type.String({ maxLength: 100, pattern: '^[A-Za-z0-9_-]*$' })),
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    realm: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    service: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    createDevices: Type.Optional(Type.Boolean()),
    maxDevices: Type.Optional(Type.Integer({ minimum: 0 })),
    sendMetadata: Type.Optional(Type.Boolean()),
    sendRawDecodedFormat: Type.Optional(Type.Boolean()),
    uplinkTimeValidity: Type.Optional(Type.String({ minLength: 2, maxLength: 64 })),
    downlinkEnabled: Type.Optional(Type.Boolean()),
    downlinkAsId: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    downlinkAsKey: Type.Optional(Secret),
    uplinkTopicPattern: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    downlinkTopicPattern: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    /** JSON with placeholders `{{/payload/…}}` or `{{/system/…}}` into the desired shadow. */
    downlinkTemplate: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    downlinkPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 224 })),
    reconnectStrategy: Type.Optional(Type.Enum(RECONNECT_STRATEGIES)),
    source: Type.Optional(SourceSchema),
    mapping: Type.Optional(Type.Array(MappingSchema, { maxItems: 100 })),
  },
  strict,
);
export type Configuration = Static<typeof ConfigurationSchema>;

/** A record of the config topic. `id` is the record's key; in the value it is optional and must be the same. */
export const DefinitionSchema = Type.Object(
  {
    id: Type.Optional(Type.String({ pattern: CONNECTION_ID_PATTERN })),
    connectorId: Type.Literal(CONNECTOR_ID),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    active: Type.Optional(Type.Boolean()),
    alarms: Type.Optional(Type.Array(AlarmSchema, { maxItems: 20 })),
    configuration: ConfigurationSchema,
    /** Optimistic locking of several writers: a record whose `basedOn` is not the revision in force is ignored. */
    revision: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    basedOn: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** A new value asks for a restart. */
    restart: Type.Optional(Type.String({ maxLength: 64 })),
  },
  strict,
);
export type DefinitionRecord = Static<typeof DefinitionSchema>;

/** A validated definition with its defaults filled in and its secrets decrypted. Never log it; never publish it. */
export interface Connection {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly revision: string | null;
  readonly restart: string | null;
  readonly account: AccountKey & { readonly password: string };
  /** Blank: the account's first unexpired tracking project. */
  readonly appId: string | null;
  readonly description: string;
  readonly createDevices: boolean;
  readonly maxDevices: number | null;
  readonly format: UplinkFormat;
  /** null: no limit. */
  readonly uplinkTimeValidityMs: number | null;
  readonly reconnectStrategy: ReconnectStrategy;
  readonly source: ConnectionSource;
  /** Overrides of the mapping, in their order; absent: none. */
  readonly mapping?: readonly MappingDefinition[] | undefined;
  readonly downlink: {
    readonly enabled: boolean;
    readonly asId: string | null;
    readonly asKey: string | null;
    readonly port: number | null;
    /** null: `desired.payload` is what is sent. */
    readonly template: Readonly<Record<string, unknown>> | null;
    readonly topicPattern: string;
  };
  /** The record as read (secrets still encrypted or plain): what an editor gets back, masked. */
  readonly record: DefinitionRecord;
}

/** Names a HERE account: what shares one token pair. */
export interface AccountKey {
  /** A key of the worker's `here.services`. */
  readonly service: string;
  readonly realm: string | null;
  readonly email: string;
}

/** `enveloped`: under the `DevEUI_uplink` root; `flat`: without it, uplinks only; `decoded`: the content of `payload` alone. */
export type UplinkFormat = 'enveloped' | 'flat' | 'decoded';

export interface ConnectionSource {
  /** A key of the worker's `brokers`. */
  readonly broker: string;
  /** MQTT topic filters. */
  readonly topics: readonly string[];
  /** The uplink topic pattern, where one was given: it finds the DevEUI in the topic when the body has none. */
  readonly topicPattern: string | null;
  readonly matchers: readonly Matcher[];
  readonly from: 'now' | 'earliest';
}

export const CONNECTION_STATES = [
  'CLOSED',
  'OPENING',
  'AUTHENTICATING',
  'OPENED',
  'AUTHENTICATION_FAILED',
  'CLOSING',
  'DEACTIVATED',
  'UNREACHABLE',
] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

/** The status record of a connection, retained on `{prefix}/status/{id}`. */
export interface ConnectionStatus {
  readonly id: string;
  readonly name: string;
  readonly state: ConnectionState;
  /** One plain sentence: why it is in this state and what to do about it. */
  readonly reason: string | null;
  /** Present when the definition could not be read: one entry a field. */
  readonly errors?: readonly FieldError[];
  /** ISO 8601; when the state was entered. */
  readonly since: string;
  /** ISO 8601; the last time that it was started. */
  readonly startupTime: string | null;
  readonly worker: string;
  readonly appId: string | null;
  readonly source: { readonly broker: string; readonly up: boolean; readonly reason: string | null } | null;
  /** Low-rate alarms that are raised at the moment; absent: none. */
  readonly activeAlarms?: readonly ActiveAlarm[];
  /** ISO 8601; until then it is logged in detail. Absent: it is not. */
  readonly debugUntil?: string;
}

export interface ActiveAlarm {
  /** ISO 8601; when it was raised. */
  readonly since: string;
  /** The alarm's own message, or what it watches. */
  readonly message: string;
  /** What was measured when it was raised, and what was asked for. */
  readonly uplinksPerHour: number;
  readonly uplinkRateMinPerHour: number;
}

/** What is wrong with one field: JSON pointer, what is wrong, what is allowed. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}
