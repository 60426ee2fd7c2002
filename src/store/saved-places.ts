// The text in which a connection's places are kept. What an older version wrote has no `topics`.

export interface Identity {
  readonly id: string;
  /** Records up to this one may be of a former topic of that name. */
  readonly formerSeq: number;
}

export interface SavedPlaces {
  /** By `topic:partition`. */
  readonly positions: ReadonlyMap<string, number>;
  /** Up to it each record's offset is below its stream's position. */
  readonly seq: number;
  /** By topic. */
  readonly identities: Map<string, Identity>;
}

/** No stream has such keys: they have a colon. */
const SEQ = 'seq';
const IDENTITIES = 'topics';

export function formatPlaces({ positions, seq, identities }: SavedPlaces): string {
  const topics = [...identities].map(([topic, { id, formerSeq }]) => [topic, [id, formerSeq]]);
  return JSON.stringify({
    ...Object.fromEntries(positions),
    [SEQ]: seq,
    ...(topics.length === 0 ? {} : { [IDENTITIES]: Object.fromEntries(topics) }),
  });
}

/** Whatever is not understood counts as not saved: then it is taken once more. */
export function parsePlaces(saved: string | null): SavedPlaces {
  const positions = new Map<string, number>();
  const identities = new Map<string, Identity>();
  let seq = 0;
  for (const [key, value] of entriesOf(jsonOf(saved))) {
    if (key === IDENTITIES) {
      for (const [topic, words] of entriesOf(value)) {
        const [id, formerSeq] = Array.isArray(words) ? words : [];
        if (typeof id === 'string' && isWhole(formerSeq)) identities.set(topic, { id, formerSeq });
      }
    } else if (isWhole(value)) {
      if (key === SEQ) seq = value;
      else positions.set(key, value);
    }
  }
  return { positions, seq, identities };
}

function jsonOf(saved: string | null): unknown {
  try {
    return JSON.parse(saved ?? '{}');
  } catch {
    return {};
  }
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
