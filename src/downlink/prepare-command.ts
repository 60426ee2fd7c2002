// What is to become of a waiting command now: published, or settled for a reason, or left until its device is heard.
import type { Command } from '../domain/command.ts';
import type { Connection } from '../domain/connection.ts';
import type { DeviceTopics } from './device-topics.ts';
import { encode } from './encode.ts';
import { parseJson } from './json.ts';
import { inFormOf, onlyByMqtt } from './network-form.ts';
import type { Prepared } from './outbox.ts';
import { readRoute, THINGPARK_ROUTE } from './route.ts';
import { wantedOf } from './which-change.ts';

export interface CommandContext {
  readonly downlink: Connection['downlink'];
  readonly topics: DeviceTopics;
  /** The open commands of its device, itself among them. */
  readonly ofDevice: readonly Command[];
  /** The driver's JSON text, or the route of a device on another network; null: not known. */
  readonly kept: string | null;
  /** False: the broker is Kafka, where only ThingPark takes downlinks. */
  readonly takesNetworkForms: boolean;
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
  if (isOfShadow && context.ofDevice.some(({ origin, id }) => origin === 'shadow' && id > command.id)) {
    return { kind: 'settle', fact: { kind: 'superseded' } };
  }
  const age = isOfShadow ? context.hereNow - command.desiredAt : now - command.seenAt;
  if (age > context.maxAgeMs) return { kind: 'settle', fact: { kind: 'expired' } };
  const attempt = command.attempt + 1;
  const correlationId = context.correlationId(attempt);
  const document = parseJson(command.document);
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
    return { kind: 'publish', topic: formed.topic, message: formed.body, fact };
  }
  const where = topics.of(command.device);
  if (where.kind === 'unheard') return { kind: 'later' };
  if (where.kind === 'bad') return { kind: 'settle', fact: { kind: 'refused', cause: where.reason } };
  return { kind: 'publish', topic: where.topic, message, fact };
}
