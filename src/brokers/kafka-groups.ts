// Groups without members: where a source's group stands, who coordinates it, deletion; and where partitions begin and end.
import { type Answers, errorName, type KafkaWire } from './kafka-internals.ts';
import { LinkDown } from './kafka-link.ts';
import { refusalOf } from './kafka-reasons.ts';

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
}

interface Fetched {
  readonly offset: number;
  readonly metadata: string;
}

export const LATEST = '-1';
export const EARLIEST = '-2';

/** By `keyOf`; without those of which the group has none. */
export async function fetchOffsets(
  wire: KafkaWire,
  group: string,
  places: readonly Pick<Place, 'topic' | 'partition'>[],
): Promise<Map<string, Fetched>> {
  const topics = byTopic(places).map(([topic, found]) => ({
    topic,
    partitions: found.map(({ partition }) => ({ partition })),
  }));
  const answer = await withCoordinator(wire, group, (node) =>
    wire.call(node, 'OffsetFetch', { groupId: group, topics }),
  );
  const codes = answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  if ([answer.errorCode ?? 0, ...codes].some((code) => code !== 0)) forgetCoordinator(wire, group);
  if (answer.errorCode !== undefined && answer.errorCode !== 0) throw refused(answer.errorCode, 'read', group, '');
  const found = new Map<string, Fetched>();
  for (const { topic, partitions } of answer.responses) {
    for (const { partition, offset, metadata, errorCode } of partitions) {
      if (errorCode !== 0) throw refused(errorCode, 'describe', group, topic);
      if (Number(offset) >= 0)
        found.set(keyOf({ topic, partition }), { offset: Number(offset), metadata: metadata ?? '' });
    }
  }
  return found;
}

export async function deleteGroup(wire: KafkaWire, group: string): Promise<void> {
  const { results } = await withCoordinator(wire, group, (node) => wire.call(node, 'DeleteGroups', [group]));
  const { errorCode = 0 } = results[0] ?? {};
  const name = errorName(errorCode);
  forgetCoordinator(wire, group);
  if (errorCode !== 0 && name !== 'GROUP_ID_NOT_FOUND') {
    if (name === 'GROUP_AUTHORIZATION_FAILED') {
      throw new LinkDown({
        reason: `Kafka does not allow it: the right Delete on group "${group}" is missing (${name})`,
        fatal: true,
      });
    }
    throw refused(errorCode, 'commit', group, '');
  }
}

/** The oldest offset that is kept, and the next one to be written. */
export async function endOffsets(
  wire: KafkaWire,
  places: readonly Place[],
): Promise<{ readonly first: number; readonly end: number }> {
  const first = await listOffsets(wire, places, EARLIEST);
  const end = await listOffsets(wire, places, LATEST);
  const [place] = places;
  const key = place === undefined ? '' : keyOf(place);
  return { first: first.get(key) ?? 0, end: end.get(key) ?? 0 };
}

/** By `keyOf`; −1: no record is as young as `timestamp` (ms). */
export async function listOffsets(
  wire: KafkaWire,
  places: readonly Place[],
  timestamp: string,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const byLeader = Map.groupBy(places, ({ leader }) => leader);
  for (const [leader, led] of byLeader) {
    const topics = byTopic(led).map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, timestamp })),
    }));
    const { responses } = await wire.call(leader, 'ListOffsets', { isolationLevel: 1, topics });
    for (const { topic, partitions } of responses) {
      for (const { partition, errorCode, offset } of partitions) {
        if (errorCode !== 0) throw new LinkDown(refusalOf(errorCode, 'describe', { topic }));
        found.set(keyOf({ topic, partition }), Number(offset));
      }
    }
  }
  return found;
}

function byTopic<P extends Pick<Place, 'topic'>>(places: readonly P[]): [string, P[]][] {
  return [...Map.groupBy(places, ({ topic }) => topic)];
}

export function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}:${partition}`;
}

/** Each group's coordinator, as long as it takes what it is asked: hundreds of groups commit again and again. */
const COORDINATORS = new WeakMap<KafkaWire, Map<string, number>>();

/** A coordinator that is just moving, or loading, says so; it is looked for anew then. */
export async function withCoordinator<T>(
  wire: KafkaWire,
  group: string,
  ask: (node: number) => Promise<T>,
): Promise<T> {
  const known = COORDINATORS.get(wire) ?? new Map<string, number>();
  COORDINATORS.set(wire, known);
  const node = known.get(group) ?? (await findCoordinator(wire, group));
  known.delete(group);
  const answer = await ask(node);
  known.set(group, node);
  return answer;
}

/** It has refused something: perhaps it is the wrong one by now. */
export function forgetCoordinator(wire: KafkaWire, group: string): void {
  COORDINATORS.get(wire)?.delete(group);
}

async function findCoordinator(wire: KafkaWire, group: string): Promise<number> {
  const answer: Answers['GroupCoordinator'] = await wire.call(null, 'GroupCoordinator', {
    groupId: group,
    coordinatorType: 0,
  });
  if (answer.errorCode !== 0) throw refused(answer.errorCode, 'describe', group, '');
  wire.learn([answer.coordinator]);
  return answer.coordinator.nodeId;
}

export function refused(code: number, doing: 'read' | 'commit' | 'describe', group: string, topic: string): LinkDown {
  const isTopic = errorName(code).startsWith('TOPIC');
  return new LinkDown(refusalOf(code, doing, isTopic ? { topic } : { group }));
}
