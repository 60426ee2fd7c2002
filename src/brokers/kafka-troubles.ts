// What keeps sources from a part of what they read, told to them while they read the rest: topics that are not there, and batches
// that cannot be read. Nothing passes such a batch over: who stands before it stays there, and it is tried again now and then.
import { keyOf } from './kafka-groups.ts';
import type { KnownTopics } from './kafka-known-topics.ts';
import type { KafkaBrokerOptions } from './kafka-options.ts';
import type { Part } from './kafka-part.ts';
import { type Down, unreadableReason } from './kafka-reasons.ts';
import type { FetchedPartition } from './kafka-records.ts';
import type { KafkaSource } from './kafka-source.ts';
import { RECONNECT } from './mqtt-options.ts';

type Where = Pick<Part, 'topic' | 'partition'>;

/** Whoever stands at one of these offsets meets a batch that cannot be read. */
interface Blocked extends Where {
  readonly from: number;
  readonly to: number;
  /** Monotonic ms: not before. */
  readonly tryAt: number;
  readonly down: Down;
}

export interface TroublesOptions {
  readonly broker: KafkaBrokerOptions;
  /** All that have not left; where they stood when the connection was lost counts. */
  readonly sources: ReadonlySet<KafkaSource>;
  /** Those that are told. */
  readonly open: ReadonlySet<KafkaSource>;
  readonly known: Pick<KnownTopics, 'missingOf'>;
  /** Something may be asked for again. */
  wake(): void;
}

export class SourceTroubles {
  readonly #options: TroublesOptions;
  #blocked: readonly Blocked[] = [];

  constructor(options: TroublesOptions) {
    this.#options = options;
  }

  /** To each source how it stands. */
  tell(): void {
    const { sources, open, known } = this.#options;
    // Where nobody stands any more, nobody will know whether it is still so.
    this.#blocked = this.#blocked.filter((blocked) => [...sources].some((source) => isBlocked(source, blocked)));
    for (const source of open) {
      const down = known.missingOf(source) ?? this.#blocked.find((blocked) => isBlocked(source, blocked))?.down ?? null;
      if (down === null) source.mended();
      else source.troubled(down);
    }
  }

  /** Of an answer; `asked`: the offsets, by `keyOf`. */
  heard(fetched: readonly FetchedPartition[], asked: ReadonlyMap<string, number>): void {
    for (const found of fetched) {
      if (found.unreadable !== null) this.#block(found, found.unreadable, asked.get(keyOf(found)) ?? 0);
      else if (this.#blocked.length > 0) this.passed(found, asked.get(keyOf(found)) ?? 0, found.nextOffset);
    }
  }

  /** Whoever stood at `from` stands at `to` now. */
  passed(where: Where, from: number, to: number): void {
    const left = this.#blocked.filter(
      (each) => !isOf(each, where) || from >= each.to || to <= Math.max(from, each.from),
    );
    if (left.length === this.#blocked.length) return;
    this.#blocked = left;
    this.tell();
  }

  /** It is not to be asked for now. */
  rests(part: Part, now: number): boolean {
    return this.#blocked.length > 0 && this.#blocked.some((each) => each.tryAt > now && stands(part, each));
  }

  #block({ topic, partition }: FetchedPartition, batch: NonNullable<FetchedPartition['unreadable']>, at: number): void {
    const { clock, bootstrap, reconnect } = this.#options.broker;
    const { refusedMs } = { ...RECONNECT, ...reconnect };
    const to = batch.nextOffset;
    const known = this.#blocked.find((each) => isOf(each, { topic, partition }) && each.to === to);
    const from = Math.min(at, known?.from ?? at);
    const reason = unreadableReason({ topic, partition }, batch, bootstrap);
    const down = { reason, fatal: true, topic };
    const blocked = { topic, partition, from, to, tryAt: clock.monotonic() + refusedMs, down };
    this.#blocked = [...this.#blocked.filter((each) => each !== known), blocked];
    // Nothing else may wake the lanes by then.
    clock.after(refusedMs, () => this.#options.wake());
    this.tell();
  }
}

function isBlocked(source: KafkaSource, blocked: Blocked): boolean {
  const part = source.parts.find(blocked.topic, blocked.partition);
  return part !== undefined && (part.end === null || part.next < part.end) && stands(part, blocked);
}

function stands(part: Part, blocked: Blocked): boolean {
  return isOf(blocked, part) && part.next >= blocked.from && part.next < blocked.to;
}

function isOf(blocked: Where, { topic, partition }: Where): boolean {
  return blocked.partition === partition && blocked.topic === topic;
}
