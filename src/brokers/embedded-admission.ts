// A publish on its way through the embedded broker's gate, and whom it goes to.
import type { BrokerMessage, RoomAware, SourceListener } from '../domain/ports/broker.ts';

/** A source's session as the gate sees it. */
export interface Route {
  readonly listener: Pick<SourceListener, 'onMessages'> & Partial<RoomAware>;
  /** Counts as full. */
  readonly paused: boolean;
}

export interface Publication {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
}

export interface Admission {
  /** Grows in the order of arrival. */
  readonly id: number;
  readonly publication: Publication;
  readonly message: BrokerMessage;
  readonly publisher: object;
  readonly done: (error: Error | null) => void;
  /** Routes that have not kept it yet. */
  routes: Set<Route>;
  /** Routes that were full when others took it. */
  readonly leftOut: Route[];
  /** Some route has kept it. */
  kept: boolean;
  stored: boolean;
  waiting: number;
  error: Error | null;
  ready: boolean;
  gone: boolean;
}
