// Every value of the configuration: key, kind, default, variable, meaning. One table for reading, checking and the documentation.
import { BROKER_VALUES } from './broker-values.ts';
import { BUDGET_VALUES } from './budget-values.ts';
import { CLUSTER_VALUES } from './cluster-values.ts';
import { LOG_LEVELS } from './config.ts';
import { DOWNLINK_VALUES } from './downlink-values.ts';
import { HTTP_VALUES } from './http-values.ts';
import * as kinds from './value-kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

const DAY_MS = 24 * 3_600_000;
const LONGEST_MS = DAY_MS;
const MIB = 1024 * 1024;
const proxyKind = kinds.url(['http:', 'https:'], 'proxy');

export const VALUES: readonly ValueSpec[] = [
  ...value(
    'dataDir',
    kinds.folderPath,
    'data',
    'The folder that this worker owns: journals, settlements, tokens, keys.',
    {
      flag: '--data-dir <folder>',
    },
  ),
  ...value('worker.id', kinds.workerId, null, 'Names this worker in heartbeats and statuses.', {
    defaultText: 'made once, kept in `dataDir`',
  }),
  ...value('worker.heartbeatMs', kinds.wholeNumber(1000, 60_000), 5000, 'How often the worker says that it lives.'),

  ...value(
    'topics.prefix',
    kinds.topicPrefix,
    'here-bridge',
    'Where definitions, statuses, ledgers, heartbeats and events are.',
  ),
  ...value('topics.broker', kinds.name, null, 'The broker that carries those topics.', {
    defaultText: 'the only broker, or `main`',
  }),

  ...BROKER_VALUES,
  ...CLUSTER_VALUES,

  ...value('sources.broker', kinds.name, null, 'The broker of a connection that names none.', {
    defaultText: 'the only broker, or `main`',
  }),
  ...value(
    'sources.topics',
    kinds.topicFilters,
    ['mqtt/things/+/uplink'],
    'The uplink topics of a connection that names none.',
  ),
  ...value(
    'sources.maxMessageBytes',
    kinds.wholeNumber(1024, 16 * MIB),
    262_144,
    'A bigger uplink becomes a dead letter (`tooBig`).',
  ),

  ...value('here.defaultService', kinds.name, 'here', 'The service of a connection that names none.'),
  ...value(
    'here.services.<name>.url',
    kinds.url(['https:', 'http:'], 'address'),
    null,
    'The host of HERE Tracking; required.',
    {
      defaultText: 'see `config/default.json`',
      flag: '--here-url <url>',
    },
  ),
  ...value(
    'here.services.<name>.scopedUrl',
    kinds.url(['https:', 'http:'], 'address'),
    null,
    'The host for tokens of platform projects.',
    { defaultText: 'the same host; for HERE’s own its counterpart' },
  ),
  ...value(
    'here.services.<name>.requestsPerSecond',
    kinds.amount(0.01, 10_000),
    null,
    'Upper bound of the requests of one app ID.',
    {
      defaultText: 'as HERE’s answers allow',
    },
  ),
  ...value(
    'here.services.<name>.concurrency',
    kinds.wholeNumber(1, 64),
    4,
    'Requests in flight for one app ID, at most: they follow HERE’s answers.',
  ),
  ...value(
    'here.services.<name>.minConcurrency',
    kinds.wholeNumber(1, 64),
    1,
    'Requests in flight, at least, however slowly HERE answers or refuses.',
  ),
  ...value(
    'here.services.<name>.maxRecords',
    kinds.wholeNumber(1, 10_000),
    500,
    'Records in one request, to begin with; a 413 makes it fewer.',
  ),
  ...value(
    'here.services.<name>.maxBytes',
    kinds.wholeNumber(10_000, 50_000_000),
    1_000_000,
    'Bytes of one request, to begin with; a 413 makes it fewer.',
  ),
  ...value('here.services.<name>.timeoutMs', kinds.wholeNumber(100, 300_000), 30_000, 'How long one request may take.'),
  ...value(
    'here.services.<name>.batchLingerMs',
    kinds.wholeNumber(0, 60_000),
    0,
    'How long a record may wait for company, for those who pay by request.',
  ),
  ...value(
    'here.services.<name>.rampMs',
    kinds.wholeNumber(1, 3_600_000),
    60_000,
    'How long the rate takes from a tenth to whole after a 429, a 503 or an outage.',
  ),
  ...value(
    'here.services.<name>.rateLimitPeriodMs',
    kinds.wholeNumber(1, 3_600_000),
    1000,
    'The period that HERE’s `X-RateLimit-Limit` counts; HERE does not publish it.',
  ),
  ...value('here.proxy.httpUrl', proxyKind, null, 'The proxy for services with `http://`.', {
    secret: true,
    otherEnv: ['http_proxy', 'HTTP_PROXY'],
  }),
  ...value('here.proxy.httpsUrl', proxyKind, null, 'The proxy for services with `https://`.', {
    secret: true,
    otherEnv: ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
  }),
  ...value(
    'here.proxy.noProxy',
    kinds.text(4096),
    null,
    'Hosts that are reached without the proxy, separated by commas.',
    {
      otherEnv: ['no_proxy', 'NO_PROXY'],
    },
  ),

  ...BUDGET_VALUES,

  ...value(
    'delivery.closeAfterMs',
    kinds.wholeNumber(1000, LONGEST_MS),
    300_000,
    'After so long of nothing but failure a connection closes and its reconnect strategy rules.',
  ),
  ...value('delivery.retryMinMs', kinds.wholeNumber(10, 600_000), 500, 'The first wait after a failed request.'),
  ...value('delivery.retryMaxMs', kinds.wholeNumber(10, 600_000), 20_000, 'The longest wait between two attempts.'),

  ...DOWNLINK_VALUES,

  ...value(
    'mapping.defaultAccuracyM.satellite',
    kinds.amount(0, 100_000),
    20,
    'Metres, for a satellite position that states none.',
  ),
  ...value(
    'mapping.defaultAccuracyM.network',
    kinds.amount(0, 1_000_000),
    1000,
    'Metres, for a network position that states none.',
  ),
  ...value(
    'mapping.pairWaitMs',
    kinds.wholeNumber(0, 60_000),
    2_000,
    'How long an uplink of a device whose frames come twice (as uplink and as resolved position) waits for the second message.',
  ),

  ...HTTP_VALUES,
  ...value(
    'admin.port',
    kinds.port,
    0,
    'The loopback port of the admin interface for the CLI; 0 is any free one. It is written with its token to `dataDir/admin.json`.',
  ),

  ...value('metrics.public', kinds.yesNo, false, '`/metrics` answers without a log-in.'),
  ...value(
    'metrics.maxConnections',
    kinds.wholeNumber(0, 100_000),
    2000,
    'Connections with series of their own at `/metrics`, about 45 each; the others are only counted.',
  ),

  ...value('log.level', kinds.oneOf(LOG_LEVELS), 'info', 'What is worth a line.', { flag: '--log-level <level>' }),
  ...value(
    'log.pretty',
    kinds.oneOf(['auto', 'always', 'never']),
    'auto',
    'For people instead of JSON; `auto` is on a terminal.',
  ),

  ...value('secrets.key', kinds.encryptionKey, null, 'Encrypts passwords, keys and tokens at rest.', {
    secret: true,
    defaultText: 'generated into `dataDir`, mode 0600',
  }),
  ...value(
    'secrets.formerKeys',
    kinds.encryptionKeys,
    [],
    'Earlier keys, to read what was encrypted with them until `here-bridge keys rotate` has renewed it.',
    { secret: true },
  ),
];
