// The reader that Kafka sources share, as each of them sees it.
import type { KafkaSource } from './kafka-source.ts';

/** What a source asks of the reader that it shares with others. */
export interface SharedReader {
  add(source: KafkaSource): void;
  /** Commits what is still to be committed, as far as the cluster answers; nothing more is handed over after it. */
  remove(source: KafkaSource): Promise<void>;
  /** It takes what there is and nothing that comes later; what its successor reads as well is the successor's at once. */
  leave(source: KafkaSource): void;
  /** It has a place in each partition of its topics that is known. */
  hasPlaced(source: KafkaSource): boolean;
  commit(source: KafkaSource, timeoutMs: number): Promise<void>;
  /** Rejects when the group could not be deleted within `timeoutMs`. */
  deleteGroup(group: string, timeoutMs: number): Promise<void>;
  wake(): void;
}
