// What the embedded broker takes at most: of clients, of a client, and in all.

export interface EmbeddedLimits {
  readonly maxClients: number;
  /** A larger packet ends its connection. */
  readonly maxPacketBytes: number;
  readonly maxRetained: number;
  /** Of all that is retained, and a quarter more for the bridge's own topics. */
  readonly maxRetainedBytes: number;
  /** Clients with a session; also those whose QoS 2 publishes wait for PUBREL beyond the connection. */
  readonly maxSessions: number;
  /** What waits for each session. */
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  /** What waits for all sessions. Not for those of the bridge's own sources, which wait in the file alone. */
  readonly maxAllQueuedBytes: number;
  /** Of a client, and of one SUBSCRIBE. More of a client without a session are refused, else they end the connection. */
  readonly maxFilters: number;
  /** What those of all sessions may weigh (`weightOf`), and as much those of clients without one; 64 KiB each in any case. */
  readonly maxFilterBytes: number;
  /** Publishes of one in-process publisher that wait, and for how long. */
  readonly maxPending: number;
  readonly maxPendingBytes: number;
  readonly publishTimeoutMs: number;
}

export const LIMITS: EmbeddedLimits = {
  maxClients: 1_000,
  maxPacketBytes: 1024 * 1024,
  maxRetained: 100_000,
  maxRetainedBytes: 128 * 1024 * 1024,
  maxSessions: 1_000,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxAllQueuedBytes: 256 * 1024 * 1024,
  maxFilters: 1_000,
  maxFilterBytes: 128 * 1024 * 1024,
  maxPending: 10_000,
  maxPendingBytes: 16 * 1024 * 1024,
  publishTimeoutMs: 10_000,
};
