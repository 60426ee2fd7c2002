// What sources have settled, told to their groups: commits outside of a generation.
// Kafka allows them with generation −1 and no member id while a group has no members (OffsetCommit, "simple consumer"), and makes
// a group that is not there: one that was deleted must not be committed to any more.
import { forgetCoordinator, refused, withCoordinator } from './kafka-groups.ts';
import type { KafkaWire } from './kafka-internals.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import type { KafkaSource } from './kafka-source.ts';

/** `may`: asked right before they are sent; false: they are not. */
export async function commitOffsets(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  source: KafkaSource,
  may: () => boolean,
): Promise<void> {
  const due = source.dueCommits();
  if (due.length === 0) return;
  const topics = new Map<string, { partition: number; offset: string; metadata: string }[]>();
  for (const { part, offset, metadata } of due) {
    const partitions = topics.get(part.topic) ?? [];
    topics.set(part.topic, partitions);
    partitions.push({ partition: part.partition, offset: String(offset), metadata });
  }
  const { group } = source;
  const answer = await withCoordinator(wire, group, async (node) => {
    if (!may()) return null;
    return wire.call(node, 'OffsetCommit', {
      groupId: group,
      groupGenerationId: -1,
      memberId: '',
      topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
    });
  });
  if (answer === null) return;
  for (const { topic, partitions } of answer.responses) {
    for (const { errorCode } of partitions) {
      if (errorCode === 0) continue;
      forgetCoordinator(wire, group);
      throw refused(errorCode, 'commit', group, topic);
    }
  }
  const now = broker.clock.monotonic();
  for (const { part, text } of due) {
    part.committed = text;
    part.committedAt = now;
  }
}

/**
 * As a source stops; resolves after `timeoutMs` at the latest, and sends nothing later: its group may be deleted then. Never
 * rejects: what could not be committed comes once more. `before`: what is waited for first.
 */
export async function commitInTime(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  source: KafkaSource,
  { timeoutMs, before }: { readonly timeoutMs: number; readonly before: Promise<void> },
): Promise<void> {
  let isLate = false;
  const late = Promise.withResolvers<void>();
  const cancel = broker.clock.after(timeoutMs, () => {
    isLate = true;
    late.resolve();
  });
  const may = (): boolean => !isLate;
  const committing = before.then(() => (isLate ? undefined : commitOffsets(wire, broker, source, may))).catch(() => {});
  await Promise.race([committing, late.promise]);
  cancel();
}
