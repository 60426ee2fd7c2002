// How many uplinks the bridge was given of each connection: the PUBLISH packets on the wire from Mosquitto, so each copy counts. More
// than that no ledger may have received, since one message is one packet and one record of the journal. A packet is counted once it has
// passed whole, before the bridge can have read it; some of these a fault may swallow, so the count may be too high, and never too low.
import { isSessionOf } from './mqtt-sessions.ts';
import { topicOf } from './publishers.ts';

export class HandedOver {
  readonly #counts = new Map<string, number>();

  /** Each connection has a session of its own, subscribed to its own topics; its earlier ones while its source moves. */
  count(clientId: string, topic: string): void {
    const [, connectionId = '', device = ''] = topic.split('/');
    if (topic !== topicOf(connectionId, device) || !isSessionOf(connectionId, clientId)) return;
    this.#counts.set(connectionId, this.to(connectionId) + 1);
  }

  to(connectionId: string): number {
    return this.#counts.get(connectionId) ?? 0;
  }
}
