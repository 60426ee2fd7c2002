// A Bento (or Redpanda Connect) configuration that reads uplinks from MQTT or Kafka and posts them to HERE Tracking, as a definition of
// the bridge. Facts: their documentation of the inputs `mqtt`, `kafka`, `kafka_franz` and the output `http_client`.
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

const BROKER = 'is a setting of the bridge: brokers.main of its configuration';
const OWN_WAY = 'is not needed: the bridge makes the requests that HERE wants, as fast as HERE takes them';
const PROCESSORS = 'is not carried: the bridge maps uplinks itself; configuration.mapping overrides single fields';

const INPUTS = ['mqtt', 'kafka', 'kafka_franz'] as const;

export function convertBento(value: Readonly<Record<string, unknown>>): ConversionOutcome {
  const fields = new ForeignFields(value);
  const input = INPUTS.find((name) => isPlainObject(fields.look(`/input/${name}`)));
  const output = httpOutput(fields);
  if (input === undefined) return refused(`Its input is none of ${INPUTS.join(', ')}`);
  if (output === null) return refused('Its output is no http_client');
  const at = `/input/${input}`;
  const source: Record<string, unknown> = {};
  const topics = listOf(fields.take(`${at}/topics`));
  if (topics.length > 0) source.topics = topics;
  if (fields.take(`${at}/regexp_topics`) === true)
    fields.note(`${at}/regexp_topics`, 'is not carried: name the topics themselves');
  const isOldest = fields.take(`${at}/start_from_oldest`) === true;
  if (isOldest || fields.take(`${at}/start_offset`) === 'earliest') source.from = 'earliest';
  const service = serviceOf(fields.take(`${output}/url`));
  if (service === null) fields.note(`${output}/url`, NOT_HERE);
  fields.take(`${output}/verb`);
  fields.note('', `configuration.email and configuration.password: ${OWN_ACCOUNT}`);
  const reasons: Reasons = [
    ['/input/label', null],
    ['/output/label', null],
    [`${at}/auto_replay_nacks`, null],
    [
      `${at}/qos`,
      'is not carried: the bridge subscribes with QoS 1 and a session, so that nothing is lost while it is away',
    ],
    [
      `${at}/clean_session`,
      'is not carried: the bridge subscribes with QoS 1 and a session, so that nothing is lost while it is away',
    ],
    ...['client_id', 'dynamic_client_id_suffix', 'consumer_group'].map(
      (name) =>
        [`${at}/${name}`, 'is not carried: the bridge names its own, so that both can run side by side'] as const,
    ),
    ['/input/processors', PROCESSORS],
    ['/pipeline', PROCESSORS],
    ['/output/processors', PROCESSORS],
    ...each(fields, at, BROKER),
    ...['oauth', 'oauth2', 'basic_auth', 'jwt', 'headers'].map((name) => [`${output}/${name}`, OWN_ACCOUNT] as const),
    [`${output}/proxy_url`, 'is a setting of the bridge: here.proxy of its configuration'],
    ...each(fields, output, OWN_WAY),
    ['/buffer', 'is not needed: the bridge has a journal on disk'],
    ['/rate_limit_resources', OWN_WAY],
    ['/logger', 'is a setting of the bridge: log of its configuration'],
    ['/metrics', 'is not needed: the bridge has /metrics'],
    ['/http', 'is a setting of the bridge: http of its configuration'],
  ];
  const definition = {
    connectorId: CONNECTOR_ID,
    name: 'From Bento',
    configuration: {
      ...(service === null ? {} : { service }),
      ...(Object.keys(source).length === 0 ? {} : { source }),
    },
  };
  return { kind: 'ok', conversion: { what: 'a Bento configuration', definition, notes: fields.notes(reasons) } };
}

/** Where the request is described, also within what repeats it or falls back from it. */
function httpOutput(fields: ForeignFields): string | null {
  const places = ['/output', '/output/retry/output', '/output/fallback/0'].map((place) => `${place}/http_client`);
  return places.find((place) => isPlainObject(fields.look(place))) ?? null;
}

/** One reason for each field there. */
function each(fields: ForeignFields, at: string, reason: string): Reasons {
  const found = fields.look(at);
  return Object.keys(isPlainObject(found) ? found : {}).map((name) => [`${at}/${name}`, reason] as const);
}

function refused(message: string): ConversionOutcome {
  return { kind: 'refused', message };
}

const NOT_HERE =
  'is no address of HERE Tracking: name a service of the bridge (here.services) in configuration.service';
