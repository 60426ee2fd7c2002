// The embedded broker: aedes on a TCP port (MQTT 3.1.1), its store on disk, and the bridge's own clients without a socket.
import { randomUUID } from 'node:crypto';
import { createServer, isIPv6, type Server } from 'node:net';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type {
  Broker,
  Publisher,
  SourceListener,
  SourceOptions,
  TableListener,
  TableOptions,
  TableReader,
  UplinkSource,
  WillOptions,
} from '../domain/ports/broker.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { AedesCore } from './embedded-aedes.ts';
import { EmbeddedPublisher, EmbeddedSource, EmbeddedTable } from './embedded-clients.ts';
import { OWN_CLIENTS } from './embedded-entrance.ts';
import { type EmbeddedLimits, LIMITS } from './embedded-limits.ts';
import { ClientRights } from './embedded-rights.ts';
import { type EmbeddedUser, UserList } from './embedded-users.ts';

export type { EmbeddedLimits } from './embedded-limits.ts';
export { type EmbeddedUser, hashPassword } from './embedded-users.ts';

export interface EmbeddedBrokerOptions {
  readonly name: string;
  /** 127.0.0.1 by default. Anything but the loopback interface needs users. */
  readonly host?: string;
  /** 1883 by default; 0: any free one. */
  readonly port?: number;
  /** Empty: whoever reaches the port may connect. */
  readonly users?: readonly EmbeddedUser[];
  /** SQLite file for retained messages and sessions; null: nothing survives the process. */
  readonly storeFile: string | null;
  /** The bridge's own topics are below it, of which no source is given any; absent: they are on another broker. */
  readonly ownPrefix?: string;
  readonly clock: Clock;
  readonly limits?: Partial<EmbeddedLimits>;
  /** Something that a person should know: a full queue, a refused message, a client's error. No secrets. */
  readonly onNotice?: (message: string) => void;
}

export interface EmbeddedBroker extends Broker {
  readonly kind: 'embedded';
  /**
   * Opens the store and listens. Throws BridgeErrors `brokerPortInUse`, `brokerStoreInUse`, `brokerStoreFailed`,
   * `brokerListenFailed`. Sources and tables that were started before come up now.
   */
  start(): Promise<void>;
  /** Ends the connections, commits and closes the store. */
  stop(): Promise<void>;
  /** Copies its store to `file`, within this turn of the event loop. Throws when the disk refuses. */
  copyStore(file: string): void;
  /** The port that it listens on; the configured one before the start. */
  readonly port: number;
  /** For clients on this host. */
  readonly url: string;
}

/** Throws BridgeErrors `brokerOpenWithoutUsers` and `brokerUserInvalid`. It is started once and stopped once. */
export function createEmbeddedBroker(options: EmbeddedBrokerOptions): EmbeddedBroker {
  return new EmbeddedServer(options);
}

class EmbeddedServer implements EmbeddedBroker {
  readonly kind = 'embedded';
  readonly name: string;
  readonly #host: string;
  readonly #limits: EmbeddedLimits;
  readonly #core: AedesCore;
  readonly #server: Server;
  #port: number;

  constructor(options: EmbeddedBrokerOptions) {
    this.name = options.name;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 1883;
    this.#limits = { ...LIMITS, ...options.limits };
    const users = new UserList(options.users ?? []);
    if (users.isEmpty && !isLoopback(this.#host)) {
      throw new BridgeError(
        'brokerOpenWithoutUsers',
        `Broker "${this.name}" would let anyone in at ${this.#host}: configure users, or let it listen on 127.0.0.1`,
        { exitCode: EXIT.config },
      );
    }
    this.#core = new AedesCore({
      name: this.name,
      users,
      rights: new ClientRights(options.users ?? []),
      storeFile: options.storeFile,
      ownPrefix: options.ownPrefix ?? null,
      clock: options.clock,
      limits: this.#limits,
      onNotice: options.onNotice ?? (() => {}),
    });
    this.#server = createServer({ noDelay: true }, (socket) => this.#core.handle(socket));
    this.#server.maxConnections = this.#limits.maxClients;
  }

  async start(): Promise<void> {
    await this.#core.open();
    try {
      await this.#listen();
    } catch (error) {
      await this.#core.close();
      throw error;
    }
    this.#core.up();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#core.close();
    await closed;
  }

  copyStore(file: string): void {
    this.#core.file.copyTo(file);
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const host = this.#host === '0.0.0.0' || this.#host === '::' ? '127.0.0.1' : this.#host;
    return `mqtt://${isIPv6(host) ? `[${host}]` : host}:${this.#port}`;
  }

  openSource(options: SourceOptions, listener: SourceListener): UplinkSource {
    return new EmbeddedSource(this.#core, options, listener);
  }

  openTable(options: TableOptions, listener: TableListener): TableReader {
    return new EmbeddedTable(this.#core, options, listener);
  }

  openPublisher(options: { readonly clientId?: string; readonly will?: WillOptions }): Publisher {
    const { maxPending, maxPendingBytes, publishTimeoutMs } = this.#limits;
    const client = `${OWN_CLIENTS}${options.clientId ?? randomUUID()}`;
    return new EmbeddedPublisher(this.#core, client, options.will, {
      maxPending,
      maxPendingBytes,
      timeoutMs: publishTimeoutMs,
    });
  }

  #listen(): Promise<void> {
    const where = `${this.#host}:${this.#port}`;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          reject(
            new BridgeError(
              'brokerPortInUse',
              `Port ${this.#port} on ${this.#host} is in use by another program (another broker, or another bridge?). ` +
                `Stop it, or give broker "${this.name}" another port, or use the broker that runs there already (kind "mqtt").`,
              { exitCode: EXIT.inUse, cause: error },
            ),
          );
        } else {
          reject(
            new BridgeError(
              'brokerListenFailed',
              `Broker "${this.name}" cannot listen on ${where}: ${describeError(error)}`,
              { exitCode: EXIT.config, cause: error },
            ),
          );
        }
      });
      this.#server.listen({ host: this.#host, port: this.#port }, () => {
        const address = this.#server.address();
        if (address !== null && typeof address !== 'string') this.#port = address.port;
        this.#server.removeAllListeners('error');
        this.#server.on('error', (error) => this.#core.notice(`listening failed: ${describeError(error)}`));
        resolve();
      });
    });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
