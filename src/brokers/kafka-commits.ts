// What sources have settled, told to their groups: commits outside of a generation.
// Kafka allows them with generation −1 and no member id while a group has no members (OffsetCommit, "simple consumer"), and makes
// a group that is not there: one that was deleted must not be committed to any more.
//
// Nothing fences such a commit. Where workers share connections, one that was frozen, or cut off from the others, would set the group
// back to where it stood itself, behind what its successor has settled. So it says nothing while it is not known to be the owner;
// and after that, and as it stops, it looks first at what the group has: what another has said of more stays.
import { fetchOffsets, forgetCoordinator, keyOf, refused, withCoordinator } from './kafka-groups.ts';
import type { KafkaWire } from './kafka-internals.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import type { Due } from './kafka-part.ts';
import type { KafkaSource } from './kafka-source.ts';

/** Sources to whose groups another worker may have told something. */
const DOUBTED = new WeakSet<KafkaSource>();

/** As `commitOffsets`, where it is known that no other worker has the source. */
export async function commitOwned(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  source: KafkaSource,
  may: () => boolean,
): Promise<void> {
  if (source.mayOpen?.() === false) {
    DOUBTED.add(source);
    return;
  }
  let due: readonly Due[] = source.dueCommits();
  if (due.length > 0 && DOUBTED.has(source)) due = await withoutOthers(wire, source, due);
  await commitOffsets(wire, broker, source, () => may() && source.mayOpen?.() !== false, due);
}

/** Without those of partitions of which another has told the group that more is settled, or which it has lost: it was deleted. */
async function withoutOthers(wire: KafkaWire, source: KafkaSource, due: readonly Due[]): Promise<readonly Due[]> {
  const parts = [...source.parts.values()].flat();
  const found = await fetchOffsets(wire, source.group, parts);
  const textOf = (part: Due['part']): string | null => {
    const at = found.get(keyOf(part));
    return at === undefined ? null : `${at.offset} ${at.metadata}`;
  };
  if (parts.every((part) => textOf(part) === part.committed)) DOUBTED.delete(source);
  return due.filter(({ part, offset, text }) => {
    const said = textOf(part);
    return said === part.committed || said === text || (found.get(keyOf(part))?.offset ?? offset) < offset;
  });
}

/** `may`: asked right before they are sent; false: they are not. */
export async function commitOffsets(
  wire: KafkaWire,
  broker: KafkaBrokerOptions,
  source: KafkaSource,
  may: () => boolean,
  due: readonly Due[] = source.dueCommits(),
): Promise<void> {
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
  // It may be stopped because it was lost while its worker was frozen.
  if (source.mayOpen !== null) DOUBTED.add(source);
  const committing = before.then(() => (isLate ? undefined : commitOwned(wire, broker, source, may))).catch(() => {});
  await Promise.race([committing, late.promise]);
  cancel();
}
