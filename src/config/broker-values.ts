// The values of one broker.
import * as kinds from './value-kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

const MQTT_URLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];

export const BROKER_VALUES: readonly ValueSpec[] = [
  ...value('brokers.<name>.kind', kinds.oneOf(['mqtt', 'embedded', 'kafka']), null, 'What the broker is.', {
    defaultText: '`mqtt` where `url` is given, else `embedded`',
  }),
  ...value('brokers.<name>.url', kinds.url(MQTT_URLS, 'address'), null, '`mqtt`: where the broker is.', {
    flag: '--broker-url <url>',
  }),
  ...value('brokers.<name>.protocolVersion', kinds.oneOf([4, 5]), 4, '`mqtt`: 4 is MQTT 3.1.1, 5 is MQTT 5.'),
  ...value('brokers.<name>.username', kinds.text(1024), null, '`mqtt`, `kafka`: the user name of the bridge.'),
  ...value('brokers.<name>.password', kinds.text(4096), null, '`mqtt`, `kafka`: its password.', { secret: true }),
  ...value(
    'brokers.<name>.tls.caFile',
    kinds.filePath,
    null,
    '`mqtt`, `kafka`: certificates of the authority (PEM) to trust instead of the system’s.',
  ),
  ...value('brokers.<name>.tls.certFile', kinds.filePath, null, '`mqtt`, `kafka`: the client certificate (PEM).'),
  ...value(
    'brokers.<name>.tls.keyFile',
    kinds.filePath,
    null,
    '`mqtt`, `kafka`: the key of the client certificate (PEM).',
  ),
  ...value(
    'brokers.<name>.tls.rejectUnauthorized',
    kinds.yesNo,
    true,
    '`mqtt`, `kafka`: refuse a broker whose certificate is not trusted.',
  ),
  ...value(
    'brokers.<name>.keepaliveMs',
    kinds.wholeNumber(1000, 65_535_000),
    30_000,
    '`mqtt`: the keep-alive; MQTT counts in whole seconds.',
  ),
  ...value(
    'brokers.<name>.connectTimeoutMs',
    kinds.wholeNumber(100, 120_000),
    10_000,
    '`mqtt`, `kafka`: how long a connection may take to come up.',
  ),
  ...value(
    'brokers.<name>.receiveMaximum',
    kinds.wholeNumber(1, 65_535),
    null,
    '`mqtt`, MQTT 5: unacknowledged messages that the broker may have in flight.',
    {
      defaultText: 'the protocol’s 65535',
    },
  ),
  ...value(
    'brokers.<name>.sessionExpirySeconds',
    kinds.wholeNumber(60, 4_294_967_295),
    4_294_967_295,
    '`mqtt`, MQTT 5: how long the broker keeps the session of an absent bridge; the default is for ever.',
  ),
  ...value(
    'brokers.<name>.host',
    kinds.host,
    '127.0.0.1',
    '`embedded`: the address to listen on; beyond the loopback interface only with `users`.',
  ),
  ...value('brokers.<name>.port', kinds.port, 1883, '`embedded`: the port to listen on; 0 is any free one.'),
  ...value(
    'brokers.<name>.users',
    kinds.users,
    [],
    '`embedded`: who may connect, and what each may publish and read: a device its own topics with `publish: ["mqtt/things/{username}/uplink"]`, `subscribe: ["mqtt/things/{username}/downlink"]`.',
    { secret: true },
  ),
  ...value(
    'brokers.<name>.bootstrap',
    kinds.addresses,
    null,
    '`kafka`: where to begin: `host:port` of some of its brokers.',
  ),
  ...value(
    'brokers.<name>.clientId',
    kinds.workerId,
    'here-bridge',
    '`kafka`: what quotas and request logs call the bridge.',
  ),
  ...value('brokers.<name>.tls.enabled', kinds.yesNo, null, '`kafka`: connect with TLS.', {
    defaultText: 'where `tls.caFile` or `tls.certFile` is given',
  }),
  ...value(
    'brokers.<name>.sasl.mechanism',
    kinds.oneOf(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']),
    null,
    '`kafka`: how the bridge logs in, with `username` and `password`; `null` is not at all.',
  ),
  ...value(
    'brokers.<name>.sasl.tokenUrl',
    kinds.url(['https:', 'http:'], 'address'),
    null,
    '`kafka`, `oauthbearer`: where tokens are fetched (client credentials: `username` is the client’s id, `password` its secret).',
  ),
  ...value('brokers.<name>.sasl.tokenScope', kinds.text(1024), null, '`kafka`, `oauthbearer`: the scope to ask for.'),
  ...value(
    'brokers.<name>.sasl.tokenFile',
    kinds.filePath,
    null,
    '`kafka`, `oauthbearer`: a file with the token, read at each log-in, instead of `tokenUrl`.',
  ),
  ...value(
    'brokers.<name>.compression',
    kinds.oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd']),
    'none',
    '`kafka`: how the bridge compresses what it publishes; it reads all of these.',
  ),
  ...value(
    'brokers.<name>.createTopics',
    kinds.yesNo,
    true,
    '`kafka`: create the bridge’s own topics where they are missing, with the settings that they need.',
  ),
  ...value(
    'brokers.<name>.replicationFactor',
    kinds.wholeNumber(1, 32),
    null,
    '`kafka`: of the topics that the bridge creates.',
    { defaultText: 'the cluster’s' },
  ),
  ...value(
    'brokers.<name>.metadataRefreshMs',
    kinds.wholeNumber(100, 3_600_000),
    15_000,
    '`kafka`: how soon new partitions, and new topics of a pattern, are seen.',
  ),
  ...value(
    'brokerDefinitions.hosts',
    kinds.brokerHosts,
    ['public'],
    'Where brokers that are defined over the API may be, by the addresses that are connected to. A listed name is trusted with whatever address it has. `[]`: none may be defined.',
  ),
];
