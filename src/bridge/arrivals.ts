// Uplinks as they come, for those who ask for them while they ask: the detailed log, and who follows one device. Nobody keeps them.
import type { Connection } from '../domain/connection.ts';
import type { BrokerMessage } from '../domain/ports/broker.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { HeardMessage } from '../domain/ports/control.ts';
import { compileDecode } from '../uplink/decode.ts';
import { peekDevice } from '../uplink/peek-device.ts';
import { compileTopicPattern } from '../uplink/topic-pattern.ts';

/** Called before the messages are stored, on the source's turn of the event loop: must be quick, and must not throw. */
export type Ear = (connection: Connection, messages: readonly BrokerMessage[]) => void;

export class Arrivals {
  /** By connection id; the listeners outlive its lines. */
  readonly #ears = new Map<string, Set<Ear>>();

  listen(connectionId: string, ear: Ear): Cancel {
    const ears = this.#ears.get(connectionId) ?? new Set();
    this.#ears.set(connectionId, ears.add(ear));
    return () => {
      ears.delete(ear);
      if (ears.size === 0 && this.#ears.get(connectionId) === ears) this.#ears.delete(connectionId);
    };
  }

  /** One look where nobody listens. */
  tell(connection: Connection, messages: readonly BrokerMessage[]): void {
    const ears = this.#ears.get(connection.id);
    if (ears === undefined) return;
    for (const ear of ears) ear(connection, messages);
  }
}

/** Messages of one second that are parsed only to learn whose they are. */
const PARSED_PER_SECOND = 200;

/** The messages of one device (16 upper-case hex digits) as they came. Retained copies are no new uplinks. */
export function earFor(
  device: string,
  options: { readonly clock: Clock; readonly maxMessageBytes: number },
  listener: (message: HeardMessage) => void,
): Ear {
  const deviceOf = deviceFinder(device, options);
  return (connection, messages) => {
    for (const message of messages) {
      if (message.retain || deviceOf(connection, message) !== device) continue;
      const { topic, payload, arrivedAt } = message;
      listener({ time: new Date(arrivedAt).toISOString(), device, topic, payload });
    }
  };
}

/**
 * As the line will find it, at the least cost: most messages name their device at the beginning. Of the others those are parsed
 * that have its digits somewhere, and so many more a second, for there are several ways to write a DevEUI.
 */
function deviceFinder(
  device: string,
  { clock, maxMessageBytes }: { readonly clock: Clock; readonly maxMessageBytes: number },
): (connection: Connection, message: BrokerMessage) => string | null {
  const spellings = [device, device.toLowerCase()];
  let pattern: string | null = null;
  let decode = compileDecode({ maxMessageBytes, deviceOfTopic: null });
  let second = 0;
  let parsed = 0;
  const mayParse = (): boolean => {
    const now = Math.floor(clock.monotonic() / 1000);
    if (now !== second) [second, parsed] = [now, 0];
    parsed += 1;
    return parsed <= PARSED_PER_SECOND;
  };
  return ({ source }, { topic, payload }) => {
    const peeked = peekDevice(payload);
    if (peeked !== null) return peeked;
    if (payload.length > maxMessageBytes) return null;
    const isNamed = spellings.some((digits) => topic.includes(digits) || payload.includes(digits));
    if (!isNamed && !mayParse()) return null;
    if (source.topicPattern !== pattern) {
      pattern = source.topicPattern;
      const deviceOfTopic = pattern === null ? null : compileTopicPattern(pattern).devEuiOf;
      decode = compileDecode({ maxMessageBytes, deviceOfTopic });
    }
    const decoded = decode(topic, payload);
    if (decoded.kind === 'frame') return decoded.frame.device;
    return decoded.kind === 'noTelemetry' ? decoded.device : null;
  };
}
