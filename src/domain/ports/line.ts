// The uplink line of one connection as its runtime (connections/) sees it; `uplink/uplink-flow.ts` implements it.
import type { BrokerMessage, RoomAware, SourceListener } from './broker.ts';
import type { HereProject, RequestOutcome } from './here.ts';

/** What a source hands over and what decode, filter and map need of it. */
export type UplinkMessage = Pick<BrokerMessage, 'topic' | 'payload' | 'arrivedAt' | 'retain' | 'shared'>;

/** What the line tells its runtime; all are values for the state machine, called at most once a second each. */
export interface LineObserver {
  /** HERE accepted a batch: the connection works. */
  onAccepted(): void;
  /** A request failed in a way that time may mend. `sinceMs`: how long nothing but failure has come (monotonic). */
  onFailing(outcome: RequestOutcome & { kind: 'retry' }, sinceMs: number): void;
  /** The token was refused: log in again. The line has stopped sending. */
  onReauthenticate(): void;
  /** 403, or too many records refused: the line has stopped sending until `open` is called again. */
  onHold(reason: string): void;
}

export interface UplinkLine extends SourceListenerWithoutStatus, RoomAware {
  /**
   * Begins to send into the project. Waiting uplinks go there, whatever project they waited for before. `probe`: a held
   * connection is tried: one uplink at a time until HERE accepts one (then all go); a refusal holds again and settles nothing.
   */
  open(project: HereProject, mode?: 'all' | 'probe'): void;
  /** Stops sending; resolves when what is in flight is settled or `signal` aborts. Journalling goes on. */
  close(signal: AbortSignal): Promise<void>;
  /** Close, then no more journalling. */
  stop(signal: AbortSignal): Promise<void>;
  /** Waiting messages, and the age in ms of the oldest (0: none). */
  readonly waiting: { readonly count: number; readonly oldestMs: number };
}

export type SourceListenerWithoutStatus = Omit<SourceListener, 'onStatus'>;
