// The one file that reaches into kafkajs 2.2.4 (last release of 2023, exact version pinned): its idle timers are mended here,
// and its cluster is opened without a consumer. test/integration/kafka-client.test.ts holds it to what it relies on.
//
// Idle cost: kafkajs's request queue arms a timer again and again although nothing is pending (`throttledUntil` is −1, so
// the time-out is negative, which Node makes 1 ms): 5.5 % of a core for each idle consumer. It also looks for requests that
// are overdue ten times a second on each connection, where a time-out is 30 s. Both are replaced on the prototype.
import type { Kafka } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js';
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { type AskedPartitions, type FetchedPartition, readFetch } from './kafka-records.ts';
import { type readTopicIds, TOPIC_ID_VERSION, topicIdsRequest } from './kafka-topic-id.ts';

/** How soon pending requests are looked at again where nothing throttles them; kafkajs's own value. */
const PENDING_CHECK_MS = 10;
const TIMEOUT_CHECK_MS = 1_000;

RequestQueue.prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null) return;
  const throttledMs = this.throttledUntil - Date.now();
  if (throttledMs <= 0 && this.pending.length === 0) return;
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : PENDING_CHECK_MS,
  );
};

RequestQueue.prototype.scheduleRequestTimeoutCheck = function scheduleRequestTimeoutCheck(this: RequestQueue): void {
  if (!this.enforceRequestTimeout) return;
  this.destroy();
  this.requestTimeoutIntervalId = setInterval(
    () => {
      const now = Date.now();
      for (const request of this.inflight.values()) {
        if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    },
    Math.min(this.requestTimeout, TIMEOUT_CHECK_MS),
  );
};

/** What of a request's answer is read here; error codes are Kafka's, 0 is none. */
export interface Answers {
  Metadata: {
    readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
    readonly controllerId: number;
    readonly topicMetadata: readonly {
      readonly topicErrorCode: number;
      readonly topic: string;
      readonly isInternal?: boolean;
      readonly partitionMetadata: readonly {
        readonly partitionErrorCode: number;
        readonly partitionId: number;
        readonly leader: number;
      }[];
    }[];
  };
  Fetch: readonly FetchedPartition[];
  ListOffsets: {
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly errorCode: number;
        readonly offset: string;
      }[];
    }[];
  };
  GroupCoordinator: {
    readonly errorCode: number;
    readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
  };
  OffsetFetch: {
    readonly errorCode?: number;
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly offset: string;
        readonly metadata: string | null;
        readonly errorCode: number;
      }[];
    }[];
  };
  OffsetCommit: {
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
    }[];
  };
  CreateTopics: {
    readonly topicErrors: readonly {
      readonly topic: string;
      readonly errorCode: number;
      readonly errorMessage: string | null;
    }[];
  };
  InitProducerId: { readonly errorCode: number; readonly producerId: string; readonly producerEpoch: number };
  Produce: {
    readonly topics: readonly {
      readonly topicName: string;
      readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
    }[];
  };
  DescribeConfigs: {
    readonly resources: readonly {
      readonly errorCode: number;
      readonly resourceName: string;
      readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[];
    }[];
  };
  DeleteGroups: { readonly results: readonly { readonly groupId: string; readonly errorCode: number }[] };
}

interface Protocol {
  readonly request: { readonly apiKey: number };
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(decoded: unknown): unknown };
  readonly requestTimeout?: number;
}

interface Pool {
  send(protocol: Protocol): Promise<unknown>;
}

interface Node {
  readonly connectionPool: Pool;
  /** By API key; once it is connected. */
  readonly versions?: Readonly<Record<number, { readonly maxVersion: number }>>;
  isConnected(): boolean;
  connect(): Promise<void>;
  lookupRequest(apiKey: number, request: unknown): (options: unknown) => Protocol;
}

interface Cluster {
  readonly rootLogger: unknown;
  readonly connectionPoolBuilder: { build(where?: { host: string; port: number; rack?: string }): Promise<unknown> };
  readonly brokerPool: {
    createBroker(options: { logger: unknown; connectionPool: unknown; nodeId?: number; versions?: unknown }): Node;
  };
}

/** The one that `readFetch` reads: Kafka 2.3 and later. */
const FETCH_VERSION = 11;
const CREATE_CLUSTER = 'private:Kafka:createCluster';

/**
 * Requests to the brokers of a cluster, on connections of its own, without a group: what kafkajs's consumer cannot do. Each
 * answer is given with its error codes, where kafkajs throws all of it away for the first one.
 */
export class KafkaWire {
  readonly #cluster: Cluster;
  #seed: Node | null = null;
  readonly #connecting = new Map<Node, Promise<void>>();
  readonly #nodes = new Map<number, { readonly host: string; readonly port: number; readonly node: Promise<Node> }>();

  constructor(kafka: Kafka) {
    const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
    const make = symbol === undefined ? undefined : Reflect.get(kafka, symbol);
    if (typeof make !== 'function') throw new TypeError('this version of kafkajs is not the one that is known here');
    this.#cluster = make({ metadataMaxAge: 0, allowAutoTopicCreation: false, isolationLevel: 1 });
  }

  /** To one of the bootstrap addresses, in turn. Rejects with kafkajs's errors. */
  async connect(): Promise<void> {
    const { brokerPool, connectionPoolBuilder, rootLogger } = this.#cluster;
    const connectionPool = await connectionPoolBuilder.build();
    const seed = brokerPool.createBroker({ logger: rootLogger, connectionPool });
    await seed.connect();
    this.#seed = seed;
  }

  /** Where the nodes are, from an answer to `Metadata`. */
  learn(brokers: Answers['Metadata']['brokers']): void {
    for (const { nodeId, host, port } of brokers) {
      const known = this.#nodes.get(nodeId);
      if (known === undefined || known.host !== host || known.port !== port) this.#add(nodeId, host, port);
    }
  }

  /** `nodeId` null: whichever was connected first. Rejects with kafkajs's errors of the connection. */
  async call<K extends keyof Answers>(nodeId: number | null, api: K, options: unknown): Promise<Answers[K]> {
    const node = await this.#node(nodeId);
    const protocol =
      api === 'Fetch'
        ? (requests.Fetch?.protocol({ version: FETCH_VERSION })(options) as Protocol)
        : node.lookupRequest(apiKeys[api] as number, requests[api])(options);
    const decodeFetch = (bytes: Buffer): Promise<unknown> => readFetch(bytes, options as AskedPartitions);
    const decode = api === 'Fetch' ? decodeFetch : protocol.response.decode;
    const response = { decode, parse: (decoded: unknown) => decoded };
    return (await node.connectionPool.send({ ...protocol, response })) as Answers[K];
  }

  /**
   * By name: another one for each topic that was made under it. Without those that are not there; empty where the broker tells
   * none (Kafka before 2.8). `nodeId` null: whichever was connected first.
   */
  async topicIds(nodeId: number | null, topics: readonly string[]): Promise<ReturnType<typeof readTopicIds>> {
    const node = await this.#node(nodeId);
    const { maxVersion = 0 } = node.versions?.[apiKeys.Metadata as number] ?? {};
    if (maxVersion < TOPIC_ID_VERSION || topics.length === 0) return new Map();
    return (await node.connectionPool.send(topicIdsRequest(topics))) as ReturnType<typeof readTopicIds>;
  }

  async #node(nodeId: number | null): Promise<Node> {
    const node = await (nodeId === null ? this.#seed : this.#nodes.get(nodeId)?.node);
    if (node === null || node === undefined) throw new Error(`broker ${nodeId ?? ''} of the cluster is not known`);
    // A broker that asks for a new log-in now and then (`connections.max.reauth.ms`) gets it here.
    await this.#connected(node);
    return node;
  }

  /** A node calls itself connected before it knows which requests it may send: nobody asks it until then. */
  async #connected(node: Node): Promise<void> {
    const underWay = this.#connecting.get(node);
    if (underWay !== undefined) return underWay;
    if (node.isConnected()) return;
    const connecting = node.connect().finally(() => this.#connecting.delete(node));
    this.#connecting.set(node, connecting);
    return connecting;
  }

  #add(nodeId: number, host: string, port: number): void {
    const { brokerPool, connectionPoolBuilder, rootLogger } = this.#cluster;
    const node = connectionPoolBuilder
      .build({ host, port })
      .then((connectionPool) => brokerPool.createBroker({ logger: rootLogger, connectionPool, nodeId }));
    this.#nodes.set(nodeId, { host, port, node });
  }
}

/** Kafka's name of an error code, for example `TOPIC_AUTHORIZATION_FAILED`. */
export function errorName(code: number): string {
  return createErrorFromCode(code).type ?? `error ${code}`;
}

/** Whether Kafka calls it an error that the same request may not meet again. */
export function mayPass(code: number): boolean {
  return createErrorFromCode(code).retriable === true;
}
