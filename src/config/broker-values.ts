// The values of one broker.
import * as kinds from './kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

const MQTT_URLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];

export const BROKER_VALUES: readonly ValueSpec[] = [
  ...value(
    'brokers.<name>.kind',
    kinds.oneOf(['mqtt', 'embedded', 'kafka']),
    null,
    'What the broker is. `kafka` comes with a later version.',
    {
      defaultText: '`mqtt` where `url` is given, else `embedded`',
    },
  ),
  ...value('brokers.<name>.url', kinds.url(MQTT_URLS, 'address'), null, '`mqtt`: where the broker is.', {
    flag: '--broker-url <url>',
  }),
  ...value('brokers.<name>.protocolVersion', kinds.oneOf([4, 5]), 4, '`mqtt`: 4 is MQTT 3.1.1, 5 is MQTT 5.'),
  ...value('brokers.<name>.username', kinds.text(1024), null, '`mqtt`: the user name of the bridge.'),
  ...value('brokers.<name>.password', kinds.text(4096), null, '`mqtt`: its password.', { secret: true }),
  ...value(
    'brokers.<name>.tls.caFile',
    kinds.filePath,
    null,
    '`mqtt`: certificates of the authority (PEM) to trust instead of the system’s.',
  ),
  ...value('brokers.<name>.tls.certFile', kinds.filePath, null, '`mqtt`: the client certificate (PEM).'),
  ...value('brokers.<name>.tls.keyFile', kinds.filePath, null, '`mqtt`: the key of the client certificate (PEM).'),
  ...value(
    'brokers.<name>.tls.rejectUnauthorized',
    kinds.yesNo,
    true,
    '`mqtt`: refuse a broker whose certificate is not trusted.',
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
    '`mqtt`: how long a connection may take to come up.',
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
  ...value('brokers.<name>.users', kinds.users, [], '`embedded`: who may connect.', { secret: true }),
];
