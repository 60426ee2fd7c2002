// What is to become of a waiting command now: published, or settled for a reason, or left until its device is heard.
import type { Command } from '../domain/command.ts';
import type { Connection } from '../domain/connection.ts';
import type { DeviceTopics } from './device-topics.ts';
import { encode } from './encode.ts';
import { parseJson } from './json.ts';
import type { Prepared } from './outbox.ts';
import { wantedOf } from './which-change.ts';

export interface CommandContext {
  readonly downlink: Connection['downlink'];
  readonly topics: DeviceTopics;
  /** The open commands of its device, itself among them. */
  readonly ofDevice: readonly Command[];
  /** JSON text; null: not known. */
  readonly driver: string | null;
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
  const encoded = encode(isOfShadow ? (wantedOf(document, downlink.template) ?? null) : document, {
    ...{ device: command.device, port: downlink.port, asId: downlink.asId, asKey: downlink.asKey },
    ...{ driver: context.driver, correlationId, time: new Date(now).toISOString() },
  });
  if (!encoded.ok) return { kind: 'settle', fact: { kind: 'refused', cause: encoded.cause } };
  const where = topics.of(command.device);
  if (where.kind === 'unheard') return { kind: 'later' };
  if (where.kind === 'bad') return { kind: 'settle', fact: { kind: 'refused', cause: where.reason } };
  const { message, port, confirmed } = encoded;
  const fact = { kind: 'published', attempt, correlationId, port, confirmed } as const;
  return { kind: 'publish', topic: where.topic, message, fact };
}
