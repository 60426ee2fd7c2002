// Which sequence numbers of a connection are where: up to `floor` and in `gone` settled without a file, else in segments.
import type { Segment } from './segment.ts';

export interface Range {
  readonly base: number;
  readonly count: number;
}

/** Behind the others; what continues the last one makes it longer. */
export function addRange(ranges: Range[], added: Range): void {
  const last = ranges.at(-1);
  if (last === undefined || last.base + last.count !== added.base) ranges.push(added);
  else ranges[ranges.length - 1] = { base: last.base, count: last.count + added.count };
}

/** What the database must be told when ranges become gone. */
export interface GoneChange {
  readonly floor: number;
  readonly gone: readonly Range[];
  /** Bases whose rows are to be removed, and ranges whose rows are new or longer. */
  readonly removed: readonly number[];
  readonly written: readonly Range[];
}

export class Ranges {
  floor: number;
  /** In order; none touches another or the floor. */
  gone: readonly Range[];
  /** In order of their base. */
  readonly segments: Segment[];

  constructor(floor: number, gone: readonly Range[], segments: Segment[]) {
    this.floor = floor;
    this.gone = gone;
    this.segments = segments;
  }

  /** The segment that holds `seq`, or null. */
  segmentOf(seq: number): Segment | null {
    const segment = this.segments[this.indexFrom(seq)];
    return segment?.has(seq) ? segment : null;
  }

  /** Index of the first segment that ends after `seq`. */
  indexFrom(seq: number): number {
    const { segments } = this;
    // Nearly always one of the first or the last.
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (segments[middle]!.end > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The same records in another file. False: `segment` is not here any more. */
  replace(segment: Segment, by: Segment): boolean {
    const i = this.segments.indexOf(segment);
    if (i >= 0) this.segments[i] = by;
    return i >= 0;
  }

  isGone(seq: number): boolean {
    return seq <= this.floor || this.gone.some((range) => seq >= range.base && seq < range.base + range.count);
  }

  /** What follows when `added` are settled and have no file any more; nothing is changed yet. */
  plan(added: readonly Range[]): GoneChange {
    const all = [...this.gone, ...added].sort((a, b) => a.base - b.base);
    let floor = this.floor;
    const gone: Range[] = [];
    for (const range of all) {
      const last = gone.at(-1);
      if (range.base <= floor + 1) floor = Math.max(floor, range.base + range.count - 1);
      else if (last && last.base + last.count >= range.base) {
        const end = Math.max(last.base + last.count, range.base + range.count);
        gone[gone.length - 1] = { base: last.base, count: end - last.base };
      } else gone.push(range);
    }
    const kept = new Set(gone.map((range) => range.base));
    const before = new Map(this.gone.map((range) => [range.base, range.count]));
    return {
      floor,
      gone,
      removed: all.map((range) => range.base).filter((base) => !kept.has(base)),
      written: gone.filter((range) => before.get(range.base) !== range.count),
    };
  }

  apply(change: GoneChange): void {
    this.floor = change.floor;
    this.gone = change.gone;
    const left = this.segments.filter((segment) => !this.isGone(segment.base));
    if (left.length < this.segments.length) this.segments.splice(0, this.segments.length, ...left);
  }

  /** In order. */
  forEachUnsettled(visit: (seq: number, device: string | null, arrivedAt: number) => void): void {
    for (const segment of this.segments) {
      for (let seq = segment.nextUnsettled(segment.base); seq < segment.end; seq = segment.nextUnsettled(seq + 1)) {
        visit(seq, segment.device(seq), segment.arrivedAt(seq));
      }
    }
  }

  /** The last sequence number, counted from the ranges themselves. */
  countAll(): number {
    let count = this.floor;
    for (const range of this.gone) count += range.count;
    for (const segment of this.segments) count += segment.count;
    return count;
  }

  /** Unsettled records, counted from the bitmaps themselves. */
  countUnsettled(): number {
    let count = 0;
    for (const segment of this.segments) count += segment.recount();
    return count;
  }
}
