// Whom the messages of an answer concern: each is looked at once for all sources of the reader, and costs those whom it does not
// concern a count. A topic of a whole fleet is read by hundreds of connections, each with some devices of its own.
import type { BrokerMessage, Concern, Sort, Sorted } from '../domain/ports/broker.ts';
import type { UplinkOutcome } from '../domain/uplink.ts';

/** Whose concern is what. `T`: who asks. */
export class ConcernIndex<T> {
  readonly #byDevice = new Map<string, Set<T>>();
  readonly #byTag = new Map<string, Set<T>>();
  readonly #known = new Map<T, Concern>();

  get size(): number {
    return this.#known.size;
  }

  add(who: T, concern: Concern): void {
    this.remove(who);
    this.#known.set(who, concern);
    for (const device of concern.devices) put(this.#byDevice, device, who);
    for (const tag of concern.tags) put(this.#byTag, tag, who);
  }

  remove(who: T): void {
    const concern = this.#known.get(who);
    if (concern === undefined) return;
    this.#known.delete(who);
    for (const device of concern.devices) take(this.#byDevice, device, who);
    for (const tag of concern.tags) take(this.#byTag, tag, who);
  }

  /** Each at least once. */
  find(sorted: Sorted, visit: (who: T) => void): void {
    this.#byDevice.get(sorted.device)?.forEach(visit);
    if (this.#byTag.size === 0) return;
    const tags = sorted.tags();
    if (tags === null) for (const each of this.#byTag.values()) each.forEach(visit);
    else for (const tag of tags) this.#byTag.get(tag)?.forEach(visit);
  }
}

function put<T>(map: Map<string, Set<T>>, key: string, who: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([who]));
  else known.add(who);
}

function take<T>(map: Map<string, Set<T>>, key: string, who: T): void {
  const known = map.get(key);
  known?.delete(who);
  if (known?.size === 0) map.delete(key);
}

export interface Share {
  readonly messages: readonly BrokerMessage[];
  /** The others. */
  readonly passed: ReadonlyMap<UplinkOutcome, number>;
}

/** The messages of one partition of an answer, as they concern those of an index. */
export class SortedMessages<T> {
  readonly #messages: readonly BrokerMessage[];
  readonly #sorted: readonly (Sorted | null)[];
  /** By their place in the answer, in order. */
  readonly #everyones: number[] = [];
  readonly #own = new Map<T, number[]>();
  readonly #totals = new Map<UplinkOutcome, number>();
  #forNobody: Share | null = null;

  constructor(messages: readonly BrokerMessage[], index: ConcernIndex<T>, sort: Sort) {
    this.#messages = messages;
    const all: (Sorted | null)[] = new Array(messages.length);
    for (let i = 0; i < messages.length; i++) {
      const sorted = sort(messages[i] as BrokerMessage);
      all[i] = sorted;
      if (sorted === null) {
        this.#everyones.push(i);
        continue;
      }
      this.#totals.set(sorted.otherwise, (this.#totals.get(sorted.otherwise) ?? 0) + 1);
      index.find(sorted, (who) => {
        const own = this.#own.get(who);
        if (own === undefined) this.#own.set(who, [i]);
        else if (own.at(-1) !== i) own.push(i);
      });
    }
    this.#sorted = all;
  }

  /** All of it. */
  shareOf(who: T): Share {
    const own = this.#own.get(who);
    if (own === undefined) {
      this.#forNobody ??= { messages: this.#everyones.map((i) => this.#at(i)), passed: this.#totals };
      return this.#forNobody;
    }
    const passed = new Map(this.#totals);
    for (const i of own) subtract(passed, this.#outcome(i));
    const places = this.#everyones.length === 0 ? own : [...own, ...this.#everyones].sort((a, b) => a - b);
    return { messages: places.map((i) => this.#at(i)), passed };
  }

  /** Of those that `isWanted`. */
  wantedShareOf(who: T, isWanted: (message: BrokerMessage) => boolean): Share {
    const own = new Set(this.#own.get(who));
    const messages: BrokerMessage[] = [];
    const passed = new Map<UplinkOutcome, number>();
    for (const [i, message] of this.#messages.entries()) {
      if (!isWanted(message)) continue;
      const sorted = this.#sorted[i] ?? null;
      if (sorted === null || own.has(i)) messages.push(message);
      else passed.set(sorted.otherwise, (passed.get(sorted.otherwise) ?? 0) + 1);
    }
    return { messages, passed };
  }

  #at(i: number): BrokerMessage {
    return this.#messages[i] as BrokerMessage;
  }

  #outcome(i: number): UplinkOutcome {
    return (this.#sorted[i] as Sorted).otherwise;
  }
}

function subtract(counts: Map<UplinkOutcome, number>, outcome: UplinkOutcome): void {
  const left = (counts.get(outcome) ?? 0) - 1;
  if (left > 0) counts.set(outcome, left);
  else counts.delete(outcome);
}
