// The embedded broker's farewell: acknowledgements that are due still reach their publishers when it stops. Cut off at once,
// publishers would send again what the journals have, and HERE would have it twice.
import type { Socket } from 'node:net';
import type { Clock } from '../domain/ports/clock.ts';

/** What somebody is keeping at the moment is kept within this time, or not at all (a full journal withholds). */
const DUE_MS = 500;
/** How long peers may take to hang up. */
const HANG_UP_MS = 300;

export class Farewell {
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  /** Publishes that wait for their acknowledgement, by client. */
  readonly #due = new Map<object, number>();
  #changed: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(socket: Socket, client: object): void {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#due.delete(client);
      this.#changed();
    });
  }

  /** A publish of the client's waits; the returned function says that it was answered. */
  wait(client: object): () => void {
    this.#due.set(client, (this.#due.get(client) ?? 0) + 1);
    return () => {
      const left = (this.#due.get(client) ?? 0) - 1;
      if (left > 0) this.#due.set(client, left);
      else this.#due.delete(client);
      this.#changed();
    };
  }

  /** Nothing more is read; what is due is answered; then both sides hang up. Never rejects. */
  async say(): Promise<void> {
    // Left unread it would make the system reset the connection, with our last acknowledgements in it.
    for (const socket of this.#sockets)
      socket
        .removeAllListeners('readable')
        .on('data', () => {})
        .resume();
    await this.#soon(() => this.#due.size === 0, DUE_MS);
    // aedes writes an acknowledgement in the turn after.
    await new Promise((resolve) => setImmediate(resolve));
    for (const socket of this.#sockets) socket.end();
    await this.#soon(() => this.#sockets.size === 0, HANG_UP_MS);
  }

  #soon(isDone: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      this.#changed = () => {
        if (!isDone()) return;
        cancel();
        resolve();
      };
      this.#changed();
    });
  }
}
