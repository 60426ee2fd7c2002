// Messages that another worker has journalled leave this journal: settled without an outcome, and counted there from now on.
import type { Books } from './books.ts';
import type { Segment } from './segment.ts';

/** `settleOne`: null where it is settled already. Takes its bits back when the database refuses, and throws. */
export function handOver(books: Books, seqs: readonly number[], settleOne: (seq: number) => Segment | null): void {
  const touched = new Set<Segment>();
  const taken: [Segment, number][] = [];
  for (const seq of seqs) {
    const segment = settleOne(seq);
    if (segment === null) continue;
    touched.add(segment);
    taken.push([segment, seq]);
  }
  if (taken.length === 0) return;
  try {
    books.handOver(touched, taken.length);
  } catch (error) {
    for (const [segment, seq] of taken) segment.unsettle(seq);
    throw error;
  }
}
