// What a connection's downlink flow is made of: ports, what connections share, and the worker's settings.
import type { EventSink } from '../domain/events.ts';
import type { Publisher } from '../domain/ports/broker.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { CommandStore, ShadowStore } from '../domain/ports/downlink.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';
import type { DownlinkPattern } from './device-topics.ts';
import type { DownlinkHub } from './downlink-hub.ts';
import type { FindTopic } from './topic-look.ts';

export interface DownlinkFlowOptions {
  readonly store: Pick<ConnectionStore, 'getState' | 'setState'>;
  readonly commands: CommandStore;
  readonly shadows: ShadowStore;
  readonly hub: DownlinkHub;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly events: EventSink;
  /** The started publisher of a broker; one and the same for all connections on it. Throws where there is no such broker. */
  readonly publisher: (broker: string) => Publisher;
  /** Of a pattern that the validator has taken. */
  readonly compileTopic: (pattern: string) => DownlinkPattern;
  /** Where topics must be there beforehand (Kafka). */
  readonly findTopic: FindTopic;
  /** False where networks other than ThingPark take no downlinks: theirs go to topics of MQTT. */
  readonly takesNetworkForms: (broker: string) => boolean;
  /** A topic of the bridge itself on that broker, to which nothing is sent on behalf of a connection. */
  readonly isOwnTopic: (broker: string, topic: string) => boolean;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  readonly maxAgeMs: number;
  /** Other workers may take the connection over, and it may come back. */
  readonly isShared: boolean;
}
