// What changes while one looks on: events, states and figures of connections, for those who follow live.
import type { ConnectionStatus } from '../connection.ts';
import type { BridgeEvent } from '../events.ts';
import type { Ledger } from '../ledger.ts';
import type { Cancel } from './clock.ts';

export type FeedItem =
  | { readonly kind: 'event'; readonly connectionId: string | null; readonly event: BridgeEvent }
  /** The state or anything else of the status has changed. */
  | { readonly kind: 'status'; readonly connectionId: string; readonly status: ConnectionStatus }
  /** About once a second while uplinks pass. */
  | { readonly kind: 'ledger'; readonly connectionId: string; readonly ledger: Ledger }
  | { readonly kind: 'removed'; readonly connectionId: string };

export interface Feed {
  /** Listeners must be quick and must not throw: they are called on the way of the news. */
  subscribe(listener: (item: FeedItem) => void): Cancel;
}
