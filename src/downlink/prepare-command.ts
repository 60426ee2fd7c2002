// What is to become of a waiting command now: published, or settled for a reason, or left until its device is heard.
import type { Command } from '../domain/command.ts';
import type { Connection } from '../domain/connection.ts';
import type { HandledShadow } from '../domain/ports/downlink.ts';
import type { DeviceTopics } from './device-topics.ts';
import { encode } from './encode.ts';
import { parseJson } from './json.ts';
import { inFormOf, onlyByMqtt } from './network-form.ts';
import type { Prepared } from './outbox.ts';
import { readRoute, THINGPARK_ROUTE } from './route.ts';
import { isOutdated, wantedOf } from './which-change.ts';

export interface CommandContext {
  readonly downlink: Connection['downlink'];
  readonly topics: DeviceTopics;
  /** There is a newer one for its device, whatever has become of that. */
  readonly hasNewer: boolean;
  /** The last change that was seen of its device; null: none. */
  readonly latest: HandledShadow | null;
  /** The driver's JSON text, or the route of a device on another network; null: not known. */
  readonly kept: string | null;
  /** False: the broker is Kafka, where only ThingPark takes downlinks. */
  readonly takesNetworkForms: boolean;
  readonly isOwnTopic: (topic: string) => boolean;
  readonly correlationId: (attempt: number) => string;
  readonly maxAgeMs: number;
  /** Our wall clock and HERE's, ms. */
  readonly now: number;
  readonly hereNow: number;
}

export function prepareCommand(command: Command, context: CommandContext): Prepared {
  const { downlink, topics, now } = context;
  if (!downlink.enabled) return { kind: 'settle', fact: { kind: 'cancelled' } };
  const isOfShadow = command.origin === 'shadow';
  const document = parseJson(command.document);
  if (isOfShadow) {
    const { latest } = context;
    const hasChanged = latest !== null && isOutdated(command, document, downlink.template, latest);
    // What is not desired any more is not sent, also where the newer change is none that can be.
    if (context.hasNewer || hasChanged) return { kind: 'settle', fact: { kind: 'superseded' } };
  }
  const age = isOfShadow ? context.hereNow - command.desiredAt : now - command.seenAt;
  if (age > context.maxAgeMs) return { kind: 'settle', fact: { kind: 'expired' } };
  const attempt = command.attempt + 1;
  const correlationId = context.correlationId(attempt);
  const route = readRoute(context.kept, command.device);
  const driver = route.network === 'thingpark' && context.kept !== THINGPARK_ROUTE ? context.kept : null;
  const encoded = encode(isOfShadow ? (wantedOf(document, downlink.template) ?? null) : document, {
    ...{ device: command.device, port: downlink.port, asId: downlink.asId, asKey: downlink.asKey },
    ...{ driver, correlationId, time: new Date(now).toISOString() },
  });
  if (!encoded.ok) return { kind: 'settle', fact: { kind: 'refused', cause: encoded.cause } };
  const { message, port, confirmed, content } = encoded;
  const fact = { kind: 'published', attempt, correlationId, port, confirmed } as const;
  if (route.network !== 'thingpark') {
    const formed = context.takesNetworkForms ? inFormOf(route, content) : onlyByMqtt(route.network);
    if (!formed.ok) return { kind: 'settle', fact: { kind: 'refused', cause: formed.cause } };
    if (context.isOwnTopic(formed.topic)) return OWN_TOPIC;
    return { kind: 'publish', topic: formed.topic, message: formed.body, fact };
  }
  const where = topics.of(command.device);
  if (where.kind === 'unheard') return { kind: 'later' };
  if (where.kind === 'bad') return { kind: 'settle', fact: { kind: 'refused', cause: where.reason } };
  if (context.isOwnTopic(where.topic)) return OWN_TOPIC;
  return { kind: 'publish', topic: where.topic, message, fact };
}

/** What devices send may be part of the topic. */
const OWN_TOPIC: Prepared = {
  kind: 'settle',
  fact: { kind: 'refused', cause: "its topic would be one of the bridge's own" },
};
