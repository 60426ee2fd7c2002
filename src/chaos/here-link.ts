// The way from the bridge to the simulated HERE: TLS ends here, so that TLS itself and HTTP answers can be spoilt as well.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { type Certificate, selfSigned } from './certificate.ts';

/**
 * `noTls`: answers a TLS hello with something else. `stranger`: a certificate that nobody trusts. `garbage`: takes a
 * request and answers what no HERE would. `silent`: takes connections and bytes, gives nothing. `refuse`: resets.
 */
export type HereLinkMode = 'pass' | 'noTls' | 'stranger' | 'garbage' | 'silent' | 'refuse';

const html = '<html><body><h1>Welcome to the guest network</h1></body></html>';
const HTML_HEAD = `Content-Type: text/html\r\nContent-Length: ${html.length}\r\nConnection: close\r\n\r\n`;
/** What captive portals, broken proxies and half-dead load balancers say; none of it is HERE's acceptance (204). */
const GARBAGE: readonly string[] = [
  `HTTP/1.1 200 OK\r\n${HTML_HEAD}${html}`,
  `HTTP/1.1 502 Bad Gateway\r\n${HTML_HEAD}${html}`,
  `HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:9/portal\r\n${HTML_HEAD}${html}`,
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{"accessToken":',
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\nConnection: close\r\n\r\n[[[[{"a":null',
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: soon\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\u0000\u0001',
  'HTTP/1.1 429 Too Many Requests\r\nRetry-After: -5\r\nX-RateLimit-Remaining: many\r\nContent-Length: 0\r\n\r\n',
  'SSH-2.0-OpenSSH_9.2\r\n',
  '\u0000\u0001\u0002\u0003 not HTTP at all',
];

export class HereLink {
  /** The certificate that the bridge is to trust. */
  readonly certificate: Certificate = selfSigned('HERE Tracking under chaos');
  mode: HereLinkMode = 'pass';
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #trusted: SecureContext;
  readonly #stranger: SecureContext;
  #garbage = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#trusted = createSecureContext({ cert: this.certificate.certificate, key: this.certificate.key });
    const other = selfSigned('A stranger');
    this.#stranger = createSecureContext({ cert: other.certificate, key: other.key });
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The link does not listen');
    return `https://127.0.0.1:${address.port}`;
  }

  /** Resets all connections that there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  #accept(raw: Socket): void {
    this.#sockets.add(raw);
    raw.setNoDelay(true);
    raw.on('error', () => {});
    raw.on('close', () => this.#sockets.delete(raw));
    if (this.mode === 'refuse') {
      raw.resetAndDestroy();
      return;
    }
    if (this.mode === 'silent') {
      raw.resume();
      return;
    }
    if (this.mode === 'noTls') {
      raw.end('220 mail.example ESMTP ready\r\n');
      return;
    }
    const secureContext = this.mode === 'stranger' ? this.#stranger : this.#trusted;
    const inner = new TLSSocket(raw, { isServer: true, secureContext });
    inner.on('error', () => raw.destroy());
    if (this.mode === 'garbage') {
      inner.once('data', () => inner.end(Buffer.from(GARBAGE[this.#garbage++ % GARBAGE.length]!, 'latin1')));
      return;
    }
    this.#join(raw, inner);
  }

  #join(raw: Socket, inner: TLSSocket): void {
    const outer = connect(this.#targetPort, '127.0.0.1');
    outer.setNoDelay(true);
    outer.on('error', () => raw.destroy());
    // Half-open: whatever came while silent is lost, and so the connection stays dead for good.
    let dead = false;
    const pass = (chunk: Buffer, from: Socket, to: Socket): void => {
      dead ||= this.mode === 'silent';
      if (dead || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    };
    inner.on('data', (chunk: Buffer) => pass(chunk, inner, outer));
    outer.on('data', (chunk: Buffer) => pass(chunk, outer, inner));
    inner.on('end', () => outer.end());
    outer.on('end', () => {
      if (!dead) inner.end();
    });
    outer.on('close', () => {
      if (!dead) raw.destroy();
    });
    raw.on('close', () => outer.destroy());
  }
}
