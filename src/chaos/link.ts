// A TCP link with faults: cuts its connections, swallows their bytes, delays them, refuses new ones.
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Sees the bytes of one connection as they pass, in order; nothing of what a fault swallows. */
export interface Tap {
  toServer(chunk: Buffer): void;
  toClient(chunk: Buffer): void;
}

export interface LinkOptions {
  readonly targetPort: number;
  readonly tap?: () => Tap;
}

interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
  /** Bytes go nowhere any more, both ends believe that they are connected. */
  frozen: boolean;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #delayMs = 0;
  #freezesNew = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#server = createServer((inner) => this.#join(inner));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The link does not listen');
    return address.port;
  }

  /** Resets all connections that there are. */
  cut(): void {
    for (const { inner, outer } of this.#pairs) {
      inner.resetAndDestroy();
      outer.resetAndDestroy();
    }
  }

  /** The connections that there are swallow everything from now on; those that come later do so while `newToo`. */
  freeze(newToo: boolean): void {
    for (const pair of this.#pairs) pair.frozen = true;
    this.#freezesNew = newToo;
  }

  /** Frozen connections stay so: whoever has one must notice by himself. New ones work. */
  thaw(): void {
    this.#freezesNew = false;
  }

  /** What passes from now on is late by so much, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  #join(inner: Socket): void {
    const outer = connect(this.#options.targetPort, '127.0.0.1');
    const pair: Pair = { inner, outer, frozen: this.#freezesNew };
    this.#pairs.add(pair);
    const tap = this.#options.tap?.();
    this.#pump(pair, inner, outer, (chunk) => tap?.toServer(chunk));
    this.#pump(pair, outer, inner, (chunk) => tap?.toClient(chunk));
  }

  #pump(pair: Pair, from: Socket, to: Socket, look: (chunk: Buffer) => void): void {
    const queue: { readonly dueAt: number; readonly run: () => void }[] = [];
    let waiting = false;
    const work = (): void => {
      waiting = false;
      for (let head = queue[0]; head !== undefined && head.dueAt <= performance.now(); head = queue[0]) {
        queue.shift();
        head.run();
      }
      if (queue.length === 0 || waiting) return;
      waiting = true;
      setTimeout(work, Math.max(1, (queue[0]?.dueAt ?? 0) - performance.now()));
    };
    const later = (run: () => void): void => {
      // Never earlier than what went before.
      queue.push({ dueAt: Math.max(queue.at(-1)?.dueAt ?? 0, performance.now() + this.#delayMs), run });
      if (!waiting) work();
    };
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      if (pair.frozen) return;
      later(() => {
        if (pair.frozen || to.destroyed) return;
        look(chunk);
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
    });
    from.on('end', () => {
      if (!pair.frozen) later(() => to.end());
    });
    from.on('error', () => {});
    from.on('close', () => {
      // The other end of a frozen connection hears nothing of it.
      if (!pair.frozen) later(() => to.destroy());
      if (to.destroyed) this.#pairs.delete(pair);
    });
  }
}
