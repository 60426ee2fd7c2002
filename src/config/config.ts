// The configuration as the rest of the bridge sees it: typed, frozen, complete; units are in the names.
// `load.ts` makes it; `schema.ts` says what each value may be. Modules get the narrow part that they need, never all of it.

export interface Config {
  /** Absolute path of the folder that this worker owns. */
  readonly dataDir: string;
  readonly worker: {
    /** null: made once and kept in the data directory. */
    readonly id: string | null;
    readonly heartbeatMs: number;
  };
  readonly roles: readonly Role[];
  readonly topics: TopicsConfig;
  readonly ownership: OwnershipConfig;
  /** Where other workers reach this one; `address` null: by host and port. */
  readonly internal: { readonly host: string; readonly port: number; readonly address: string | null };
  /** By name; never empty. The names are safe as parts of topics, files and environment variables. */
  readonly brokers: Readonly<Record<string, BrokerConfig>>;
  /** Of brokers that are defined over the API. */
  readonly brokerDefinitions: { readonly hosts: readonly string[] };
  /** What a definition's `configuration.source` leaves out. */
  readonly sources: {
    readonly broker: string;
    readonly topics: readonly string[];
    readonly maxMessageBytes: number;
  };
  readonly here: {
    readonly defaultService: string;
    readonly services: Readonly<Record<string, HereServiceConfig>>;
    /** May carry credentials: never log it. */
    readonly proxy: {
      readonly httpUrl: string | null;
      readonly httpsUrl: string | null;
      readonly noProxy: string | null;
    };
  };
  readonly budgets: BudgetsConfig;
  readonly deadLetters: {
    /** As it is written, such as `7d`. */
    readonly keepAfterDelete: string;
    readonly keepAfterDeleteMs: number;
  };
  readonly delivery: DeliveryConfig;
  readonly downlinks: DownlinksConfig;
  readonly mapping: {
    readonly defaultAccuracyM: { readonly satellite: number; readonly network: number };
    readonly pairWaitMs: number;
  };
  readonly http: HttpConfig;
  readonly admin: { readonly port: number };
  readonly metrics: {
    readonly public: boolean;
    /** More connections than this have no series of their own. */
    readonly maxConnections: number;
  };
  readonly log: LogConfig;
  readonly secrets: {
    /** 64 hex digits or 43 or 44 base64 characters: 32 bytes. null: generated into the data directory. */
    readonly key: string | null;
    /** In the same forms: they only read. */
    readonly formerKeys: readonly string[];
  };
}

export interface HttpConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Nobody logs in and everybody is administrator, beyond the loopback interface too. */
  readonly open: boolean;
  /** Both or none; absolute paths. */
  readonly tls: { readonly certFile: string | null; readonly keyFile: string | null };
  /** Proxies that end TLS before the bridge. */
  readonly trustProxy: readonly string[];
  readonly hosts: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Per client address, on the average. */
  readonly requestsPerSecond: number;
  readonly session: { readonly idleMs: number; readonly maxMs: number };
  readonly firstAdminPassword: string | null;
  readonly oidc: OidcConfig;
}

export interface OidcConfig {
  /** null: no bearer tokens of an issuer are taken. With it `audience` is given. */
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly nameClaim: string;
  readonly roleClaim: string;
  /** The values of `roleClaim`. */
  readonly roles: { readonly viewer: string; readonly operator: string; readonly admin: string };
}

export interface TopicsConfig {
  /** Definitions are on `{prefix}/connections/{id}`; `status`, `ledger`, `workers` and `events` are its siblings. */
  readonly prefix: string;
  /** Which broker carries them. */
  readonly broker: string;
}

export const ROLES = ['worker', 'api'] as const;
export type Role = (typeof ROLES)[number];

export interface OwnershipConfig {
  /** null: one worker alone. */
  readonly broker: string | null;
  readonly partitions: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
}

export type BrokerConfig = MqttBrokerConfig | EmbeddedBrokerConfig | KafkaBrokerConfig;

export interface MqttBrokerConfig {
  readonly kind: 'mqtt';
  /** mqtt://, mqtts://, ws:// or wss://, without credentials. */
  readonly url: string;
  /** 4 is MQTT 3.1.1. */
  readonly protocolVersion: 4 | 5;
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly rejectUnauthorized: boolean;
  };
  readonly keepaliveMs: number;
  readonly connectTimeoutMs: number;
  /** MQTT 5 only; null: the protocol's 65,535. */
  readonly receiveMaximum: number | null;
  /** MQTT 5 only; 4,294,967,295 is for ever. */
  readonly sessionExpirySeconds: number;
}

export interface KafkaBrokerConfig {
  readonly kind: 'kafka';
  /** `host:port`, at least one; the cluster's other brokers are learned from it. */
  readonly bootstrap: readonly string[];
  /** What Kafka's quotas and request logs call the bridge. */
  readonly clientId: string;
  /** With `oauthbearer` and a token URL: the id and secret of the OAuth client. */
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: {
    readonly enabled: boolean;
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly rejectUnauthorized: boolean;
  };
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer' | null;
    readonly tokenUrl: string | null;
    readonly tokenScope: string | null;
    readonly tokenFile: string | null;
  };
  readonly connectTimeoutMs: number;
  /** Of what the bridge publishes; it reads all of them. */
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** May the bridge create its own topics where they are missing? */
  readonly createTopics: boolean;
  /** Of topics that it creates; null: the cluster's default. */
  readonly replicationFactor: number | null;
  /** How soon new partitions, and new topics of a pattern, are seen. */
  readonly metadataRefreshMs: number;
}

export interface EmbeddedBrokerConfig {
  readonly kind: 'embedded';
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Empty: anyone may connect, which is refused beyond the loopback interface. */
  readonly users: readonly EmbeddedBrokerUser[];
}

export interface EmbeddedBrokerUser {
  readonly username: string;
  readonly password: string;
  /** Topic filters; neither of the two: it may do everything. */
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
}

export interface HereServiceConfig {
  /** Without a trailing slash. */
  readonly url: string;
  /** Where tokens of platform projects are used; null: at `url`, or for HERE's own host its counterpart. */
  readonly scopedUrl: string | null;
  /** null: as HERE's answers allow. */
  readonly requestsPerSecond: number | null;
  readonly concurrency: number;
  /** The concurrency follows HERE's answers, down to this. */
  readonly minConcurrency: number;
  /** Largest batch to begin with; 413 answers make it smaller. */
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** How long a record may wait for company while a permit is free. */
  readonly batchLingerMs: number;
  /** How long the rate takes from a tenth to whole after HERE refused or was away. */
  readonly rampMs: number;
  /** The period that HERE's `X-RateLimit-Limit` counts. */
  readonly rateLimitPeriodMs: number;
}

export interface BudgetsConfig {
  /** Each of these is per connection, unless it says otherwise. */
  readonly journalMaxBytes: number;
  readonly deadLetterMaxBytes: number;
  readonly deadLetterMaxAgeMs: number;
  readonly publishDeadLetters: boolean;
  /** Uplinks in memory: their records and 500 bytes for each. */
  readonly windowMaxBytes: number;
  /** Of all connections together; shared fairly (`domain/fair-share.ts`). */
  readonly allJournalsMaxBytes: number;
  readonly allDeadLettersMaxBytes: number;
  readonly allWindowsMaxBytes: number;
  /** Uplinks whose way is remembered, for `trace`. */
  readonly traceMaxUplinks: number;
  /** Events kept by the worker. */
  readonly eventsMaxCount: number;
  /** Audit entries kept by the worker. */
  readonly auditMaxCount: number;
}

export interface DeliveryConfig {
  readonly closeAfterMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

export interface DownlinksConfig {
  /** HERE is asked for commands between so often (after a change) and so seldom (when nothing changes). */
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  readonly commandMaxAgeMs: number;
  /** Of a connection on Kafka that names none. */
  readonly kafkaTopic: string;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface LogConfig {
  readonly level: (typeof LOG_LEVELS)[number];
  /** `auto`: when the log goes to a terminal. */
  readonly pretty: 'auto' | 'always' | 'never';
}
