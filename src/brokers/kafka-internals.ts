// The one file that reaches into kafkajs 2.2.4 (last release of 2023, exact version pinned): its idle timers are mended here,
// and its cluster is opened without a consumer. test/brokers/kafka-internals.test.ts holds it to what it relies on.
//
// Idle cost: kafkajs's request queue arms a timer again and again although nothing is pending (`throttledUntil` is −1, so
// the time-out is negative, which Node makes 1 ms): 5.5 % of a core for each idle consumer. It also looks for requests that
// are overdue ten times a second on each connection, where a time-out is 30 s. Both are replaced on the prototype.
import type { Kafka } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

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

export interface PartitionMetadata {
  readonly partitionId: number;
  /** −1: the partition has no leader at present. */
  readonly leader: number;
  readonly partitionErrorCode: number;
}

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext?: {
    readonly firstOffset: string;
    readonly lastOffsetDelta: number;
    readonly inTransaction: boolean;
    readonly producerId: string;
  };
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: readonly FetchedMessage[];
}

export interface FetchRequest {
  /** ms that the broker may wait for `minBytes`. */
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** 1: committed transactions only. */
  readonly isolationLevel: 0 | 1;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
  readonly rackId: string;
}

/** One broker of the cluster. */
export interface ClusterNode {
  readonly nodeId: number;
  /** Rejects for any partition's error, with `type`, `topic` and `partition`. */
  fetch(request: FetchRequest): Promise<{
    readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[];
  }>;
  /** `topics` empty: all. */
  metadata(topics: readonly string[]): Promise<{
    readonly topicMetadata: readonly {
      readonly topic: string;
      readonly partitionMetadata: readonly PartitionMetadata[];
    }[];
  }>;
  /** Generation −1 and no member: outside of any generation, which Kafka allows while the group has no members. */
  offsetCommit(request: {
    readonly groupId: string;
    readonly groupGenerationId: -1;
    readonly memberId: '';
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly offset: string;
        readonly metadata: string;
      }[];
    }[];
  }): Promise<unknown>;
  /** Offset −1: none is committed. */
  offsetFetch(request: {
    readonly groupId: string;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
    }[];
  }): Promise<{
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly offset: string;
        readonly metadata: string;
      }[];
    }[];
  }>;
  /** Timestamp −1: the end; −2: the beginning. */
  listOffsets(request: {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly timestamp: string }[];
    }[];
    readonly isolationLevel: 0 | 1;
  }): Promise<{
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[];
  }>;
}

/** kafkajs's own view of a cluster: a connection per broker, metadata, no group. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  /** Adds topics to those whose metadata is kept. Rejects for a topic that is missing or must not be described. */
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  metadata(request: { readonly topics: readonly string[] }): ReturnType<ClusterNode['metadata']>;
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[];
  findBroker(which: { readonly nodeId: number }): Promise<ClusterNode>;
  findControllerBroker(): Promise<ClusterNode>;
  findGroupCoordinator(which: { readonly groupId: string }): Promise<ClusterNode>;
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';

/** A cluster of its own connections: a long poll on it delays nothing else. */
export function openCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  const make = symbol === undefined ? undefined : Reflect.get(kafka, symbol);
  if (typeof make !== 'function') throw new TypeError('this version of kafkajs is not the one that is known here');
  return make({ metadataMaxAge: Number.MAX_SAFE_INTEGER, allowAutoTopicCreation: false, isolationLevel: 1 });
}
