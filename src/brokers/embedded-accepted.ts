// Acknowledged messages, remembered in the embedded broker's file until the subscribers' queues have them.
import type { BrokerFile } from './embedded-file.ts';

export class AcceptedMessages {
  readonly #file: BrokerFile;
  /** Rows: first by publication, then by the packet that aedes publishes. */
  readonly #rows = new WeakMap<object, number>();
  #lastId = 0;

  constructor(file: BrokerFile) {
    this.#file = file;
  }

  /** Rows of the process before this one. */
  load(): Record<string, unknown>[] {
    const rows = this.#file.all('SELECT * FROM accepted ORDER BY id');
    this.#lastId = Number(rows.at(-1)?.id ?? 0);
    return rows;
  }

  /** Resolves when it is on the disk. */
  async remember(publication: {
    readonly topic: string;
    readonly payload: Buffer;
    readonly qos: number;
  }): Promise<void> {
    const { topic, payload, qos } = publication;
    this.#lastId += 1;
    const id = this.#lastId;
    await this.#file.durable(() =>
      this.#file.run('INSERT INTO accepted (id, topic, payload, qos) VALUES (?, ?, ?, ?)', id, topic, payload, qos),
    );
    this.#rows.set(publication, id);
  }

  passOn(publication: object, packet: object): void {
    const id = this.#rows.get(publication);
    if (id !== undefined) this.#rows.set(packet, id);
  }

  /** The queues have it, or nobody is owed it. */
  forget(publicationOrPacket: object): void {
    const id = this.#rows.get(publicationOrPacket);
    if (id === undefined) return;
    this.#rows.delete(publicationOrPacket);
    this.#file.lazy(() => this.#file.run('DELETE FROM accepted WHERE id = ?', id));
  }
}
