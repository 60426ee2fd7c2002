// An HTTP sink connector of Kafka Connect that posts to HERE Tracking, as a definition of the bridge. Facts: the documentation of
// Confluent's and of Aiven's HTTP sink connectors.
import { CONNECTOR_ID } from '../domain/connection.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import {
  type ConversionOutcome,
  ForeignFields,
  listOf,
  OWN_ACCOUNT,
  type Reasons,
  serviceOf,
} from './foreign-fields.ts';

export const HTTP_SINK_CLASSES = [
  'io.confluent.connect.http.HttpSinkConnector',
  'io.aiven.kafka.connect.http.HttpSinkConnector',
] as const;

/** The keys of a connector are flat: `at` is where they are. Each entry: keys that begin so. */
const WHY: readonly (readonly [string, string | null])[] = [
  ['tasks.max', 'is not needed: workers share the partitions (see docs/scaling-out.md)'],
  ['key.converter', null],
  ['value.converter.schemas.enable', null],
  ['batch', 'is found by the bridge itself, within the limits of HERE'],
  [
    'retry',
    'is found by the bridge itself; configuration.reconnectStrategy says how it comes back after HERE was away',
  ],
  ['max.retries', 'is not needed: the bridge keeps what HERE does not take, and tries on'],
  ['max.outstanding', null],
  [
    'errors.deadletterqueue',
    'is not carried: the bridge keeps dead letters itself, and publishes them with budgets.publishDeadLetters',
  ],
  ['errors.tolerance', null],
  ['transforms', 'is not carried: the bridge maps uplinks itself; configuration.mapping overrides single fields'],
  ['predicates', 'is not carried: configuration.source.matchers picks devices'],
  ['http.proxy', 'is a setting of the bridge: here.proxy of its configuration'],
  ['http.authorization', OWN_ACCOUNT],
  ['http.headers', 'is not carried: the bridge makes the headers that HERE wants'],
  ['auth', OWN_ACCOUNT],
  ['oauth2', OWN_ACCOUNT],
  ['connection.', OWN_ACCOUNT],
  ['headers', 'is not carried: the bridge makes the headers that HERE wants'],
  ['request', 'is not needed: the bridge makes the requests that HERE wants'],
  ['reporter', 'is not carried: here-bridge trace and events tell what HERE answered'],
];

export function convertHttpSink(value: Readonly<Record<string, unknown>>): ConversionOutcome {
  const fields = new ForeignFields(value);
  const at = isPlainObject(value.config) ? '/config' : '';
  const key = (name: string): string => `${at}/${name}`;
  fields.take(key('connector.class'));
  const source: Record<string, unknown> = {};
  const topics = listOf(fields.take(key('topics')));
  if (topics.length > 0) source.topics = topics;
  if (fields.look(key('topics.regex')) !== undefined) {
    fields.take(key('topics.regex'));
    fields.note(key('topics.regex'), 'is not carried: name the topics in configuration.source.topics');
  } else if (topics.length === 0)
    fields.note(key('topics'), 'is missing: name the topics in configuration.source.topics');
  if (fields.take(key('consumer.override.auto.offset.reset')) === 'earliest') source.from = 'earliest';
  const urlKey = ['http.api.url', 'http.url'].map(key).find((pointer) => fields.look(pointer) !== undefined);
  const service = urlKey === undefined ? null : serviceOf(fields.take(urlKey));
  if (service === null) fields.note(urlKey ?? key('http.api.url'), NOT_HERE);
  const converter = fields.take(key('value.converter'));
  if (typeof converter === 'string' && !/\.(JsonConverter|StringConverter|ByteArrayConverter)$/.test(converter)) {
    fields.note(key('value.converter'), 'is not carried: the bridge reads JSON');
  }
  const name = fields.take('/name') ?? fields.take(key('name'));
  fields.take(key('name'));
  fields.note('', `configuration.email and configuration.password: ${OWN_ACCOUNT}`);
  const keys = Object.keys(isPlainObject(value.config) ? value.config : value);
  const reasons: Reasons = keys.flatMap((each) => {
    const found = WHY.find(([prefix]) => each.startsWith(prefix));
    return found === undefined ? [] : [[key(each), found[1]] as const];
  });
  const definition = {
    connectorId: CONNECTOR_ID,
    name: typeof name === 'string' && name !== '' ? name : 'From an HTTP sink',
    configuration: {
      ...(service === null ? {} : { service }),
      ...(Object.keys(source).length === 0 ? {} : { source }),
    },
  };
  const what = 'an HTTP sink connector of Kafka Connect';
  return { kind: 'ok', conversion: { what, definition, notes: fields.notes(reasons) } };
}

const NOT_HERE =
  'is no address of HERE Tracking: name a service of the bridge (here.services) in configuration.service';
