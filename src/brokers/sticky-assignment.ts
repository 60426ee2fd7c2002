// Who gets which partition of the ownership topic: what a member holds stays with it, as far as all have equally many.
//
// The shape of Kafka's cooperative assignment (KIP-429): a partition that is to move from a living member is given to nobody
// until that member has let go of it and joined again, so that two workers do not serve one connection at a time. What a
// dead member held is claimed by nobody and is given out at once.

export interface GroupMember {
  readonly id: string;
  /** What it holds: from its last assignment, or still letting go of. */
  readonly held: readonly number[];
  /** The generation of the group in which it was given them: the later claim on a partition wins. */
  readonly generation: number;
}

/** By member: what it may serve from now on. What of its `held` is not in it, it lets go of and joins again. */
export type Assignment = ReadonlyMap<string, readonly number[]>;

/** Counts of any two members differ by one at most once everything withheld has been let go of. Deterministic. */
export function assignPartitions(members: readonly GroupMember[], partitions: number): Assignment {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const holder = holders(sorted, partitions);
  const kept = new Map<string, number[]>(sorted.map(({ id }) => [id, []]));
  for (const [partition, id] of holder) kept.get(id)!.push(partition);
  const quotas = quotasOf(sorted, kept, partitions);
  const pool: number[] = [];
  for (const [id, own] of kept) {
    own.sort((a, b) => a - b);
    own.length = Math.min(own.length, quotas.get(id)!);
  }
  const given = new Set([...kept.values()].flat());
  // Free ones first: who needs some begins with those that it can have at once.
  for (const isFree of [true, false]) {
    for (let partition = 0; partition < partitions; partition++) {
      if (!given.has(partition) && holder.has(partition) !== isFree) pool.push(partition);
    }
  }
  for (const { id } of sorted) {
    const own = kept.get(id)!;
    for (let missing = quotas.get(id)! - own.length; missing > 0; missing--) {
      const partition = pool.shift();
      // One that another living member holds is withheld: it counts, and comes in the next round.
      if (partition !== undefined && !holder.has(partition)) own.push(partition);
    }
    own.sort((a, b) => a - b);
  }
  return kept;
}

/** By partition: who may keep it. Of several claims the latest counts; of equal ones the first in order. */
function holders(members: readonly GroupMember[], partitions: number): Map<number, string> {
  const since = new Map<number, number>();
  const holder = new Map<number, string>();
  for (const { id, held, generation } of members) {
    for (const partition of held) {
      if (partition < 0 || partition >= partitions || generation <= (since.get(partition) ?? -2)) continue;
      since.set(partition, generation);
      holder.set(partition, id);
    }
  }
  return holder;
}

/** Equal shares; what is left over goes to those who hold most, so that least moves. */
function quotasOf(
  members: readonly GroupMember[],
  kept: ReadonlyMap<string, readonly number[]>,
  partitions: number,
): Map<string, number> {
  const share = Math.floor(partitions / members.length);
  const over = partitions % members.length;
  const byHeld = [...members].sort((a, b) => kept.get(b.id)!.length - kept.get(a.id)!.length);
  return new Map(byHeld.map(({ id }, place) => [id, share + (place < over ? 1 : 0)]));
}
