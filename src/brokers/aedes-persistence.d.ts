// Types for aedes-persistence's in-memory class as aedes 1.2 uses it; the package ships none for this path.
declare module 'aedes-persistence/asyncPersistence.js' {
  import type { Readable } from 'node:stream';

  interface StoredPacket {
    cmd?: string;
    brokerId?: string;
    brokerCounter?: number;
    messageId?: number | undefined;
    topic: string;
    payload: Buffer;
    qos: number;
    retain: boolean;
    dup?: boolean;
    clientId?: string;
  }

  interface StoredSubscription {
    topic: string;
    qos: number;
    rh?: number;
    rap?: boolean;
    nl?: boolean;
  }

  interface ClientId {
    readonly id: string;
  }

  class MemoryPersistence {
    setup(broker: unknown): Promise<void>;
    storeRetained(packet: StoredPacket): Promise<void>;
    createRetainedStream(pattern: string): Readable;
    createRetainedStreamCombi(patterns: readonly string[]): Readable;
    addSubscriptions(client: ClientId, subscriptions: readonly StoredSubscription[]): Promise<void>;
    removeSubscriptions(client: ClientId, topics: readonly string[]): Promise<void>;
    subscriptionsByClient(client: ClientId): Promise<StoredSubscription[]>;
    cleanSubscriptions(client: ClientId): Promise<void>;
    outgoingEnqueue(subscription: { clientId: string }, packet: StoredPacket): Promise<void>;
    outgoingEnqueueCombi(subscriptions: readonly { clientId: string }[], packet: StoredPacket): Promise<void>;
    outgoingUpdate(client: ClientId, packet: StoredPacket): Promise<void>;
    outgoingClearMessageId(client: ClientId, packet: { messageId?: number }): Promise<StoredPacket | undefined>;
    outgoingStream(client: ClientId): Readable;
    incomingStorePacket(client: ClientId, packet: StoredPacket): Promise<void>;
    incomingGetPacket(client: ClientId, packet: { messageId?: number }): Promise<StoredPacket>;
    incomingDelPacket(client: ClientId, packet: { messageId?: number }): Promise<void>;
    cleanIncoming(client: ClientId): Promise<void>;
    putWill(client: ClientId, packet: StoredPacket): Promise<void>;
    delWill(client: ClientId): Promise<StoredPacket | undefined>;
    destroy(): Promise<void>;
  }

  namespace MemoryPersistence {
    export type { ClientId, StoredPacket, StoredSubscription };
  }
  export = MemoryPersistence;
}
