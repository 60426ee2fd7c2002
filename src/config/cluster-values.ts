// The values of a worker among several.
import { ROLES } from './config.ts';
import * as kinds from './value-kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

export const CLUSTER_VALUES: readonly ValueSpec[] = [
  ...value(
    'roles',
    kinds.listOf(`of ${ROLES.join(', ')}`, ROLES.length, (item) => (ROLES as readonly string[]).includes(item)),
    [...ROLES],
    'What this process does: `worker` serves connections, `api` answers on the public HTTP port (health it always does). `api` alone is for one among several workers.',
  ),
  ...value(
    'ownership.broker',
    kinds.name,
    null,
    'The Kafka broker whose consumer group shares the connections among several workers; without one there is one worker.',
    { defaultText: '`topics.broker` where that is Kafka' },
  ),
  ...value(
    'ownership.partitions',
    kinds.wholeNumber(1, 10_000),
    64,
    'Of the topic `{prefix}.ownership`, when it is made: the most workers that can share the connections.',
  ),
  ...value(
    'ownership.sessionTimeoutMs',
    kinds.wholeNumber(1000, 300_000),
    6000,
    'A worker that Kafka has not heard for so long loses its connections to the others, and sends nothing by itself.',
  ),
  ...value(
    'ownership.heartbeatMs',
    kinds.wholeNumber(100, 60_000),
    1000,
    'How often a worker tells Kafka that it lives; at most a third of the session time-out.',
  ),
  ...value('internal.host', kinds.host, '127.0.0.1', 'Among several workers: where this one listens for the others.'),
  ...value('internal.port', kinds.port, 0, 'Its port; 0 is any free one.'),
  ...value(
    'internal.address',
    kinds.url(['http:', 'https:'], 'address'),
    null,
    'How the other workers reach it, where that is not host and port.',
    { defaultText: '`http://` with the host (of `0.0.0.0` the machine’s name) and the port' },
  ),
];
