// A TCP proxy that can cut its connections, or freeze them so that both ends believe they are still connected; or let only what
// is asked through and keep the answers.
import { connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #refusing = false;
  accepted = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((inner) => this.#join(inner));
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return address.port;
  }

  /** Resets all connections. */
  cut(): void {
    for (const [inner, outer] of this.#pairs) {
      inner.resetAndDestroy();
      outer.resetAndDestroy();
    }
  }

  /** Bytes go nowhere any more on the connections there are; connections that come later are served. */
  freeze(): void {
    for (const [inner, outer] of this.#pairs) {
      inner.unpipe(outer);
      outer.unpipe(inner);
      inner.resume();
      outer.resume();
    }
  }

  /** What the clients say still arrives; on the connections there are, no answer comes back any more. */
  holdAnswers(): void {
    for (const [inner, outer] of this.#pairs) {
      outer.unpipe(inner);
      outer.resume();
    }
  }

  /** New connections are reset at once, until `false`. */
  refuse(refuse: boolean): void {
    this.#refusing = refuse;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(inner: Socket): void {
    this.accepted += 1;
    inner.on('error', () => {});
    if (this.#refusing) {
      inner.resetAndDestroy();
      return;
    }
    const outer = connect(this.#targetPort, '127.0.0.1');
    outer.on('error', () => {});
    const pair = [inner, outer] as const;
    this.#pairs.add(pair);
    inner.pipe(outer);
    outer.pipe(inner);
    const end = (): void => {
      this.#pairs.delete(pair);
      inner.destroy();
      outer.destroy();
    };
    inner.once('close', end);
    outer.once('close', end);
  }
}
