// What a group's committed offset says: the lowest unsettled offset, and in its metadata which of those above are settled, so
// that the next owner repeats as little as can be. Anything else in the metadata means: nothing above is settled.
//
// Metadata: `s1:<until>;<unsettled>,…;<topic id>` : below `until` all but the listed offsets are settled; both as distances in base
// 36 from the committed offset, and both empty where nothing above it is. The id is that of the topic which the offset is of: one
// that is made anew under its name counts from 0. Kafka takes 4,096 bytes (`offset.metadata.max.bytes`).

const MARK = 's1:';
const MAX_BYTES = 3_500;

export interface Committed {
  readonly until: number;
  readonly unsettled: ReadonlySet<number>;
}

/**
 * `position`: the next offset that is not taken yet; `unsettled`: those below it, in order, perhaps only the first of them;
 * `topicId` null: not known.
 */
export function encodeCommitted(
  position: number,
  unsettled: readonly number[],
  topicId: string | null = null,
): { offset: number; metadata: string } {
  const ofTopic = topicId === null ? '' : `;${topicId}`;
  const lowest = unsettled[0];
  if (lowest === undefined) return { offset: position, metadata: topicId === null ? '' : `${MARK};${ofTopic}` };
  const words: string[] = [];
  let bytes = 0;
  for (const offset of unsettled) {
    const word = (offset - lowest).toString(36);
    bytes += word.length + 1;
    if (bytes > MAX_BYTES) break;
    words.push(word);
  }
  // The list may be cut off: then it says nothing about what is above its end.
  const until = words.length < unsettled.length ? (unsettled[words.length] as number) : position;
  return { offset: lowest, metadata: `${MARK}${(until - lowest).toString(36)};${words.join(',')}${ofTopic}` };
}

/** Of the topic that the offset is of; null: it does not say. */
export function committedTopicId(metadata: string): string | null {
  return metadata.startsWith(MARK) ? (metadata.split(';', 3)[2] ?? null) : null;
}

export function decodeCommitted(offset: number, metadata: string): Committed | null {
  if (!metadata.startsWith(MARK) || metadata.length > 2 * MAX_BYTES) return null;
  const [until = '', list = ''] = metadata.slice(MARK.length).split(';', 2);
  const unsettled = list.split(',').map((word) => offset + Number.parseInt(word, 36));
  const end = offset + Number.parseInt(until, 36);
  if (!Number.isSafeInteger(end) || !unsettled.every(Number.isSafeInteger)) return null;
  return { until: end, unsettled: new Set(unsettled) };
}
