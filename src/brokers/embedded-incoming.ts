// Packet identifiers of QoS 2 publishes whose PUBREL has not come yet: what a client repeats under one of them is answered, not
// published again. Identifiers alone: aedes publishes a message before PUBREC, and asks later only whether it has had it.
import type { ClientId, StoredPacket } from 'aedes-persistence/asyncPersistence.js';
import { BridgeError } from '../domain/errors.ts';
import type { BrokerFile } from './embedded-file.ts';

/** aedes's. */
export interface Connection extends ClientId {
  readonly clean?: boolean;
  readonly closed?: boolean;
}

export interface IncomingOptions {
  readonly file: BrokerFile;
  /** Clients whose identifiers outlive the connection. */
  readonly maxClients: number;
  readonly isConnected: (client: string) => boolean;
  /** Else it is told at its next connection that nothing of it is known (no session present). */
  readonly hasSession: (client: string) => boolean;
  readonly onNotice: (message: string) => void;
}

/**
 * Of one client, the oldest are forgotten first. aedes takes 1,000 of a connection, and a client that comes back repeats or
 * releases what is left of former ones first (MQTT 3.1.1, 4.4): only what it will not come back to is forgotten.
 */
const MAX_IDS = 2_000;

export class IncomingIds {
  readonly #options: IncomingOptions;
  readonly #file: BrokerFile;
  /** The oldest first. Nothing empty is kept. */
  readonly #ids = new Map<string, Set<number>>();
  /** Clients whose identifiers are in the file; who has had some for longest comes first, after a start the first by name. */
  readonly #lasting = new Set<string>();

  constructor(options: IncomingOptions) {
    this.#options = options;
    this.#file = options.file;
  }

  load(): void {
    for (const { client, message_id } of this.#file.each('SELECT client, message_id FROM incoming')) {
      this.#lasting.add(String(client));
      this.#idsOf(String(client)).add(Number(message_id));
    }
  }

  /** Why nothing can be remembered for the client; null: it can. */
  refusalOf(client: Connection): BridgeError | null {
    if (client.clean === true || this.#hasRoom(client.id) || this.#forgettable() !== undefined) return null;
    return new BridgeError('incomingLimit', `The broker waits for PUBREL of ${this.#lasting.size} clients already`);
  }

  /** Resolves when it is remembered for as long as the client's state is. Throws what `refusalOf` says, or the disk. */
  async store(client: Connection, messageId: number): Promise<void> {
    // Its message may have waited for a journal until after the end, when nobody would forget the identifier any more.
    if (hasEndedSession(client)) return;
    if (client.clean !== true) {
      this.#makeRoom(client);
      await this.#file.durable(() =>
        this.#file.run('REPLACE INTO incoming (client, message_id) VALUES (?, ?)', client.id, messageId),
      );
      this.#lasting.add(client.id);
    }
    this.#forgetOldest(client.id);
    this.#idsOf(client.id).add(messageId);
  }

  /** As aedes wants it. Throws when it is unknown. */
  get(client: ClientId, messageId: number): StoredPacket {
    if (this.#ids.get(client.id)?.has(messageId) !== true) throw new Error('no such packet');
    return { cmd: 'publish', topic: '', payload: Buffer.alloc(0), qos: 2, retain: false, messageId };
  }

  /** Throws when it is unknown. */
  delete(client: ClientId, messageId: number): void {
    if (!this.#forget(client.id, messageId)) throw new Error('no such packet');
  }

  clear(client: string): void {
    this.#ids.delete(client);
    this.#lasting.delete(client);
    this.#file.lazy(() => this.#file.run('DELETE FROM incoming WHERE client = ?', client));
  }

  #hasRoom(client: string): boolean {
    return this.#lasting.size < this.#options.maxClients || this.#lasting.has(client);
  }

  /**
   * Of those that are away the oldest, rather one without a session. Who comes back to a session may repeat what is forgotten,
   * which goes out twice then: better than that those who never come back keep out all others for good.
   */
  #forgettable(): string | undefined {
    const { isConnected, hasSession } = this.#options;
    let oldest: string | undefined;
    for (const client of this.#lasting) {
      if (isConnected(client)) continue;
      if (!hasSession(client)) return client;
      oldest ??= client;
    }
    return oldest;
  }

  #makeRoom(client: Connection): void {
    const refusal = this.refusalOf(client);
    if (refusal !== null) throw refusal;
    if (this.#hasRoom(client.id)) return;
    const gone = this.#forgettable();
    if (gone === undefined) return;
    this.#options.onNotice(`unfinished QoS 2 publishes of clients that are away are forgotten: there are too many`);
    this.clear(gone);
  }

  #forgetOldest(client: string): void {
    const ids = this.#ids.get(client);
    if (ids === undefined || ids.size < MAX_IDS) return;
    this.#options.onNotice(
      `client "${client.slice(0, 100)}" leaves QoS 2 publishes unfinished: the oldest are forgotten`,
    );
    for (const oldest of ids) {
      if (ids.size < MAX_IDS) break;
      this.#forget(client, oldest);
    }
  }

  /** False: it is unknown. */
  #forget(client: string, messageId: number): boolean {
    const ids = this.#ids.get(client);
    if (ids?.delete(messageId) !== true) return false;
    if (this.#lasting.has(client)) {
      this.#file.lazy(() =>
        this.#file.run('DELETE FROM incoming WHERE client = ? AND message_id = ?', client, messageId),
      );
    }
    if (ids.size === 0) {
      this.#ids.delete(client);
      this.#lasting.delete(client);
    }
    return true;
  }

  #idsOf(client: string): Set<number> {
    let ids = this.#ids.get(client);
    if (ids === undefined) {
      ids = new Set();
      this.#ids.set(client, ids);
    }
    return ids;
  }
}

/** A clean one ends with its connection. */
function hasEndedSession(client: Connection): boolean {
  return client.closed === true && client.clean === true;
}
