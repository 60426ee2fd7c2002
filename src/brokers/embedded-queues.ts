// What waits for the embedded broker's clients with a session: bounded queues in memory, each change written to the file.
// (aedes-persistence's own queues are searched from the front and unbounded: both hurt when a client stays away.)
import type { StoredPacket } from 'aedes-persistence/asyncPersistence.js';
import { bytesOf, ownCopy } from './embedded-bytes.ts';
import type { BrokerFile } from './embedded-file.ts';

export interface QueueLimits {
  /** Per client. What comes when either is reached is dropped for this client, and told. */
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Of all clients. When that is reached the largest queue gives way: its latest messages are dropped, and told. */
  readonly maxTotalBytes: number;
}

/** `its own`: the queue of the client. */
export type FullQueue = 'its own' | 'all';

interface Entry {
  readonly row: number;
  /** A PUBLISH, or the PUBREL that took its place. */
  packet: StoredPacket;
  readonly bytes: number;
}

interface Queue {
  /** By row: in the order of arrival. */
  readonly entries: Map<number, Entry>;
  readonly byOrigin: Map<string, Entry>;
  readonly byMessageId: Map<number, Entry>;
  /** Rows, the latest last; some have left the queue. */
  arrivals: number[];
  bytes: number;
}

export class OutgoingQueues {
  readonly #file: BrokerFile;
  readonly #limits: QueueLimits;
  readonly #onDropped: (client: string, full: FullQueue) => void;
  readonly #queues = new Map<string, Queue>();
  /** By the very packet that aedes publishes: what waits of it. */
  readonly #enqueued = new WeakMap<StoredPacket, readonly { readonly client: string; readonly entry: Entry }[]>();
  #lastRow = 0;
  /** Of all queues. */
  #bytes = 0;

  constructor(file: BrokerFile, limits: QueueLimits, onDropped: (client: string, full: FullQueue) => void) {
    this.#file = file;
    this.#limits = limits;
    this.#onDropped = onDropped;
  }

  load(): void {
    this.#queues.clear();
    [this.#lastRow, this.#bytes] = [0, 0];
    const share = this.#shareAtStart();
    const tooLarge = new Set<string>();
    for (const row of this.#file.each('SELECT * FROM outgoing ORDER BY id')) {
      this.#lastRow = Number(row.id);
      const client = String(row.client);
      const bytes = bytesOf(String(row.topic), (row.payload as Uint8Array).length);
      if (tooLarge.has(client) || (this.#queues.get(client)?.bytes ?? 0) + bytes > share) tooLarge.add(client);
      else this.#insert(client, { row: this.#lastRow, packet: packetOf(row), bytes });
    }
    for (const client of tooLarge) {
      const last = this.#queues.get(client)?.arrivals.at(-1) ?? 0;
      this.#file.lazy(() => this.#file.run('DELETE FROM outgoing WHERE client = ? AND id > ?', client, last));
      this.#onDropped(client, 'all');
    }
  }

  /** How large a queue may be so that all have room; a former version did not bound them. */
  #shareAtStart(): number {
    const sums = 'SELECT SUM(LENGTH(topic) + LENGTH(payload)) + COUNT(*) * ? AS bytes FROM outgoing GROUP BY client';
    const sizes = this.#file.all(sums, bytesOf('', 0)).map(({ bytes }) => Number(bytes));
    let left = this.#limits.maxTotalBytes;
    for (const [at, size] of sizes.sort((one, other) => one - other).entries()) {
      const share = left / (sizes.length - at);
      if (size > share) return share;
      left -= size;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Resolves when the disk has it. A client that several of its subscriptions bring in gets one copy. */
  async enqueue(clients: ReadonlySet<string>, packet: StoredPacket): Promise<void> {
    const entries: { readonly client: string; readonly entry: Entry }[] = [];
    const payload = Buffer.isBuffer(packet.payload) ? ownCopy(packet.payload) : packet.payload;
    const bytes = bytesOf(packet.topic, payload.length);
    for (const client of clients) {
      if (this.#queues.get(client)?.byOrigin.has(originOf(packet))) continue;
      const full = this.#fullFor(client, bytes);
      if (full !== null) {
        this.#onDropped(client, full);
        continue;
      }
      this.#lastRow += 1;
      const entry = { row: this.#lastRow, packet: copyOf(packet, payload), bytes };
      this.#insert(client, entry);
      entries.push({ client, entry });
    }
    if (entries.length === 0) return;
    this.#enqueued.set(packet, entries);
    try {
      await this.#file.durable(() => {
        for (const { client, entry } of entries) {
          // It has given way in the same breath.
          if (this.#queues.get(client)?.entries.get(entry.row) !== entry) continue;
          this.#file.run(
            'INSERT INTO outgoing (id, client, broker, counter, topic, payload, qos) VALUES (?, ?, ?, ?, ?, ?, ?)',
            entry.row,
            client,
            packet.brokerId ?? null,
            packet.brokerCounter ?? null,
            packet.topic,
            payload,
            packet.qos,
          );
        }
      });
    } catch (error) {
      for (const { client, entry } of entries) this.#remove(client, entry);
      throw error;
    }
  }

  /** Null: there is room for it, or others have made some. */
  #fullFor(client: string, bytes: number): FullQueue | null {
    const { maxMessages, maxBytes, maxTotalBytes } = this.#limits;
    const queue = this.#queues.get(client);
    if (queue !== undefined && (queue.entries.size >= maxMessages || queue.bytes + bytes > maxBytes)) return 'its own';
    return this.#bytes + bytes <= maxTotalBytes || this.#makeRoom((queue?.bytes ?? 0) + bytes, bytes) ? null : 'all';
  }

  /** For a message with which its queue would have `size` bytes; false: no other one is larger. */
  #makeRoom(size: number, bytes: number): boolean {
    const { maxTotalBytes } = this.#limits;
    while (this.#bytes + bytes > maxTotalBytes) {
      let [largest, queue]: [string, Queue | null] = ['', null];
      for (const [client, other] of this.#queues) {
        if (other.bytes > (queue?.bytes ?? size)) [largest, queue] = [client, other];
      }
      if (queue === null) return false;
      this.#onDropped(largest, 'all');
      while (this.#bytes + bytes > maxTotalBytes && queue.bytes > size) this.#dropLatest(largest, queue);
    }
    return true;
  }

  #dropLatest(client: string, queue: Queue): void {
    const entry = queue.entries.get(queue.arrivals.pop() ?? 0);
    if (entry === undefined) return;
    this.#remove(client, entry);
    this.#file.lazy(() => this.#file.run('DELETE FROM outgoing WHERE id = ?', entry.row));
  }

  /** In memory only: for the next process a number means nothing but that no other message of this one has it. */
  renumber(packet: StoredPacket, counter: number): void {
    const before = originOf(packet);
    packet.brokerCounter = counter;
    for (const { client, entry } of this.#enqueued.get(packet) ?? []) {
      const queue = this.#queues.get(client);
      // The client came back and has got it from its queue, and may have answered.
      if (queue?.byOrigin.get(before) !== entry) continue;
      queue.byOrigin.delete(before);
      entry.packet.brokerCounter = counter;
      queue.byOrigin.set(originOf(entry.packet), entry);
    }
  }

  /** Gives a queued message its packet identifier, or puts a PUBREL in the place of the PUBLISH with that identifier. */
  update(client: string, packet: StoredPacket): void {
    const queue = this.#queues.get(client);
    const messageId = packet.messageId;
    const sent = packet.brokerId === undefined ? undefined : queue?.byOrigin.get(originOf(packet));
    if (queue !== undefined && sent !== undefined) {
      if (sent.packet.messageId === messageId) return;
      if (sent.packet.messageId !== undefined) queue.byMessageId.delete(sent.packet.messageId);
      sent.packet.messageId = messageId;
      if (messageId !== undefined) queue.byMessageId.set(messageId, sent);
      this.#file.lazy(() =>
        this.#file.run('UPDATE outgoing SET message_id = ? WHERE id = ?', messageId ?? null, sent.row),
      );
      return;
    }
    const answered = messageId === undefined ? undefined : queue?.byMessageId.get(messageId);
    if (queue === undefined || answered === undefined) throw new Error('no such packet');
    queue.byOrigin.delete(originOf(answered.packet));
    answered.packet = packet;
    this.#file.lazy(() => this.#file.run('UPDATE outgoing SET release = 1 WHERE id = ?', answered.row));
  }

  /** The client has acknowledged it. */
  clear(client: string, messageId: number | undefined): StoredPacket | undefined {
    const entry = messageId === undefined ? undefined : this.#queues.get(client)?.byMessageId.get(messageId);
    if (entry === undefined) return undefined;
    this.#remove(client, entry);
    this.#file.lazy(() => this.#file.run('DELETE FROM outgoing WHERE id = ?', entry.row));
    return entry.packet;
  }

  /** The session has ended. */
  clearAll(client: string): void {
    const queue = this.#queues.get(client);
    if (queue === undefined) return;
    this.#queues.delete(client);
    this.#bytes -= queue.bytes;
    this.#file.lazy(() => this.#file.run('DELETE FROM outgoing WHERE client = ?', client));
  }

  /** A copy, in order. */
  list(client: string): StoredPacket[] {
    return [...(this.#queues.get(client)?.entries.values() ?? [])].map((entry) => entry.packet);
  }

  #insert(client: string, entry: Entry): void {
    let queue = this.#queues.get(client);
    if (queue === undefined) {
      queue = { entries: new Map(), byOrigin: new Map(), byMessageId: new Map(), arrivals: [], bytes: 0 };
      this.#queues.set(client, queue);
    }
    queue.entries.set(entry.row, entry);
    if (queue.arrivals.length > 2 * queue.entries.size + 100) queue.arrivals = [...queue.entries.keys()];
    else queue.arrivals.push(entry.row);
    queue.bytes += entry.bytes;
    this.#bytes += entry.bytes;
    if (entry.packet.cmd !== 'pubrel') queue.byOrigin.set(originOf(entry.packet), entry);
    if (entry.packet.messageId !== undefined) queue.byMessageId.set(entry.packet.messageId, entry);
  }

  #remove(client: string, entry: Entry): void {
    const queue = this.#queues.get(client);
    if (queue === undefined || !queue.entries.delete(entry.row)) return;
    queue.bytes -= entry.bytes;
    this.#bytes -= entry.bytes;
    queue.byOrigin.delete(originOf(entry.packet));
    const messageId = entry.packet.messageId;
    if (messageId !== undefined && queue.byMessageId.get(messageId) === entry) queue.byMessageId.delete(messageId);
    if (queue.entries.size === 0) this.#queues.delete(client);
  }
}

/** What a row of `outgoing` holds. */
function packetOf(row: Record<string, unknown>): StoredPacket {
  const packet: StoredPacket = {
    cmd: row.release === 1 ? 'pubrel' : 'publish',
    topic: String(row.topic),
    payload: ownCopy(row.payload as Uint8Array),
    qos: Number(row.qos),
    retain: false,
    dup: false,
    messageId: row.message_id === null ? undefined : Number(row.message_id),
  };
  if (row.broker !== null) {
    packet.brokerId = String(row.broker);
    packet.brokerCounter = Number(row.counter);
  }
  return packet;
}

/** Each client's own, since each gives it an identifier of its own. */
function copyOf(packet: StoredPacket, payload: Buffer): StoredPacket {
  return {
    cmd: 'publish',
    ...(packet.brokerId === undefined ? {} : { brokerId: packet.brokerId, brokerCounter: packet.brokerCounter ?? 0 }),
    topic: packet.topic,
    payload,
    qos: packet.qos,
    retain: packet.retain,
    dup: packet.dup ?? false,
    messageId: undefined,
  };
}

/** aedes numbers what it publishes; the number and the process that gave it name a message for ever. */
function originOf(packet: StoredPacket): string {
  return `${packet.brokerId ?? ''} ${packet.brokerCounter ?? 0}`;
}
