// What a connection's runtime is made of: ports, and the factories that the composition root wires.
import type { Connection } from '../domain/connection.ts';
import type { EventSink } from '../domain/events.ts';
import type { Broker, Concern } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { HereGateway } from '../domain/ports/here.ts';
import type { LineObserver, UplinkLine } from '../domain/ports/line.ts';
import type { BridgeStore, ConnectionStore } from '../domain/ports/store.ts';
import type { HostHealth } from './host-health.ts';
import type { StatusSink } from './status-publisher.ts';

export interface LineRequest {
  readonly connection: Connection;
  readonly store: ConnectionStore;
  readonly observer: LineObserver;
}

export interface MadeLine {
  readonly line: UplinkLine;
  /** Whose messages it may take; null or absent: everybody's. */
  readonly concern?: Concern | null;
  /**
   * Takes a changed definition (format, validity, matchers, device rules) without stopping; false: it cannot, so the
   * runtime is made anew. Absent: it never can.
   */
  readonly reconfigure?: (next: Connection) => boolean;
  /** Told of every changed definition: what concerns neither line nor source, such as commands, changes while they run. */
  readonly adapt?: (next: Connection) => void;
}

export interface RuntimeOptions {
  readonly workerId: string;
  readonly store: BridgeStore;
  /** Null for a name that the worker's configuration does not have. */
  readonly broker: (name: string) => Broker | null;
  readonly gateway: HereGateway;
  /** May be asked again for one connection, after the former line has stopped. */
  readonly makeLine: (request: LineRequest) => MadeLine;
  /** Names a session at the broker; `generation` is 0 until a source is moved. */
  readonly clientId: (connectionId: string, generation: number) => string;
  readonly hostHealth: HostHealth;
  readonly events: EventSink;
  readonly status: StatusSink;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly journalMaxBytes: number;
  /** See `SourceOptions.mayConnect`. */
  readonly mayConnect?: () => boolean;
  readonly closeAfterMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** How long closing waits for what is in flight. 10 s by default. */
  readonly closeTimeoutMs?: number;
}

/** One connection as its supervisor sees it; `ConnectionRuntime` implements it. */
export interface Runtime {
  readonly connection: Connection;
  /** Begins; progress is told by the status. */
  start(): void;
  /**
   * Takes a changed definition; false: nothing was changed, stop this runtime and make a new one for it.
   */
  change(next: Connection): boolean;
  /** The newest definition of the connection is not valid (null: it is again): the last valid one stays in force. */
  noteErrors(errors: readonly { readonly pointer: string; readonly message: string }[] | null): void;
  /** Once a second. */
  tick(): void;
  /** Takes nothing more, settles what is in flight until `signal` aborts, and closes the store. */
  stop(signal: AbortSignal): Promise<void>;
}
