// The topics on Kafka that definitions of connections read their uplinks from, looked at without a running bridge. Each cluster is
// asked once, for all the connections that read from it.
import PQueue from 'p-queue';
import type { KafkaBrokerOptions } from '../brokers/kafka.ts';
import type { TopicFinding } from '../brokers/kafka-check.ts';
import { checkUplinks, type UplinkReader } from '../brokers/kafka-check-uplinks.ts';
import type { Config } from '../config/config.ts';
import type { Connection } from '../domain/connection.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { Brokers, brokersToLookAt } from './brokers.ts';
import { readDefinitions } from './read-definitions.ts';

export interface UplinkTopicParts {
  readonly clock: Clock;
  readonly chance: Chance;
  /** False: no broker was ever defined over the API, as far as can be seen. */
  readonly hasDefinedBrokers: boolean;
}

/** Clusters that do not answer take their time. */
const CLUSTERS_AT_ONCE = 8;

/** What cannot be read or asked is among the findings: it never rejects for it. */
export async function lookAtUplinkTopics(config: Config, parts: UplinkTopicParts): Promise<readonly TopicFinding[]> {
  const { broker: carrier, prefix } = config.topics;
  const at = `${prefix}/connections`;
  const isEmbedded = config.brokers[carrier]?.kind === 'embedded';
  const hasKafka = Object.values(config.brokers).some(({ kind }) => kind === 'kafka');
  if (!hasKafka && (isEmbedded || config.brokerDefinitions.hosts.length === 0)) return [];
  if (isEmbedded) {
    const problem = `The uplink topics of connections are not looked at: their definitions are on the embedded broker "${carrier}", which the running bridge alone reads.`;
    return [{ topic: at, state: 'skipped', problems: [problem], command: null }];
  }
  const { clock, chance } = parts;
  const brokers = new Brokers({
    ...{ brokers: brokersToLookAt(config), topics: config.topics, sources: config.sources, dataDir: config.dataDir },
    ...{ definedHosts: config.brokerDefinitions.hosts, clock, chance, onNotice: () => {} },
  });
  try {
    const { connections, faults, failure } = await readDefinitions(config, { ...parts, brokers });
    const found: TopicFinding[] = [...faults].map(([id, problems]) => {
      return { topic: `${at}/${id}`, state: 'unknown', problems, command: null, connections: [id] };
    });
    if (failure !== null) {
      const problem = `The uplink topics of connections are not looked at, for their definitions cannot be read: ${failure}.`;
      found.push({ topic: at, state: 'unknown', problems: [problem], command: null });
    }
    const queue = new PQueue({ concurrency: CLUSTERS_AT_ONCE });
    const looks = clustersOf(connections, brokers).map(
      ({ options, readers }) =>
        () =>
          checkUplinks(options, readers),
    );
    return [...(await queue.addAll(looks)).flat(), ...found];
  } finally {
    await brokers.stop();
  }
}

interface Cluster {
  readonly options: KafkaBrokerOptions;
  readonly readers: UplinkReader[];
}

/** Brokers of several names are one cluster where it is reached in the same way: another user may have other rights. */
function clustersOf(connections: readonly Connection[], brokers: Brokers): readonly Cluster[] {
  const clusters = new Map<string, Cluster>();
  const byBroker = Map.groupBy(connections, ({ source }) => source.broker);
  for (const [name, readers] of byBroker) {
    const options = brokers.kafka(name);
    if (options === null) continue;
    const { bootstrap, username, password, tls, sasl, pem, guard } = options;
    const key = JSON.stringify([[...bootstrap].sort(), username, password, tls, sasl, pem, guard === undefined]);
    const cluster = clusters.get(key) ?? { options, readers: [] };
    clusters.set(key, cluster);
    cluster.readers.push(
      ...readers.map(({ id, source, uplinkTimeValidityMs }) => {
        return { connectionId: id, topics: source.topics, validityMs: uplinkTimeValidityMs };
      }),
    );
  }
  return [...clusters.values()];
}
