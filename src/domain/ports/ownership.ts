// Which partitions of the accounts, and so which connections, this worker serves (design point 9). Without a group of workers
// there is one partition and it is always ours; on Kafka a consumer group deals them out.

export interface OwnershipListener {
  /** Ours from now on. What was ours already goes on untouched. */
  onGained(partitions: readonly number[]): void;
  /** No longer ours: resolves when nothing of them is served any more. Others do not get them before, unless we are thought dead. */
  onLost(partitions: readonly number[]): Promise<void>;
  /** See `confirmed`; told as it changes. */
  onConfirmed(confirmed: boolean): void;
  /** The group cannot be taken part in, in plain words (null: it can again). `fatal`: a person must act; it is tried seldom. */
  onTrouble(trouble: { readonly reason: string; readonly fatal: boolean } | null): void;
}

export interface Ownership {
  /** How many there are; known once `start` has resolved, and the same for all workers. */
  readonly partitions: number;
  /** Those that are ours, in ascending order. */
  readonly owned: readonly number[];
  /**
   * Heard from the group within the session time-out. While it is not, another worker may have been given what is ours:
   * nothing is sent to HERE and no session at a broker is taken (back). By the monotonic clock, so that it holds also at once
   * after the process was frozen.
   */
  readonly confirmed: boolean;
  /** Resolves when the partitions are known; taking part goes on by itself from there. Rejects when `signal` aborts. */
  start(listener: OwnershipListener, signal: AbortSignal): Promise<void>;
  /** Leaves, so that others get ours at once. Only after what is served has been let go of. */
  stop(): Promise<void>;
}
