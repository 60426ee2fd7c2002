// A model of many workers and connections that share an ownership topic: how evenly, and how much moves.
import { assignPartitions, type GroupMember } from '../../src/brokers/sticky-assignment.ts';
import { partitionOfAccount } from '../../src/domain/partition.ts';

export interface Spread {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
}

export class OwnershipModel {
  readonly #partitions: number;
  #members: GroupMember[] = [];
  #generation = 0;
  #named = 0;
  /** Rebalances until nothing moved any more, at the last change. */
  rounds = 0;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  /** Workers come; returns how many partitions moved from one living worker to another. */
  join(count: number): number {
    const fresh = Array.from({ length: count }, () => ({ id: `member-${this.#named++}`, held: [], generation: -1 }));
    this.#members = [...this.#members, ...fresh];
    return this.#settle();
  }

  /** A worker dies; returns how many partitions of the others moved. */
  lose(index: number): number {
    this.#members.splice(index, 1);
    return this.#settle();
  }

  owners(): ReadonlyMap<number, string> {
    return new Map(this.#members.flatMap(({ id, held }) => held.map((partition) => [partition, id] as const)));
  }

  get partitionSpread(): Spread {
    return spreadOf(this.#members.map(({ held }) => held.length));
  }

  /** Of connections whose accounts are `user-0@…` and so on, one each. */
  connectionSpread(connections: number): Spread {
    const owners = this.owners();
    const counts = new Map(this.#members.map(({ id }) => [id, 0]));
    for (let i = 0; i < connections; i++) {
      const account = { realm: null, email: `user-${i}@tenant-${i % 97}.example` };
      const owner = owners.get(partitionOfAccount('tracking.hereapi.com', account, this.#partitions))!;
      counts.set(owner, counts.get(owner)! + 1);
    }
    return spreadOf([...counts.values()]);
  }

  /** Rebalances as a group would: those who lost some let go and join again. */
  #settle(): number {
    const before = this.owners();
    for (this.rounds = 1; ; this.rounds++) {
      if (this.rounds > 10) throw new Error('it does not come to rest');
      const given = assignPartitions(this.#members, this.#partitions);
      const owned = new Set<number>();
      for (const partition of [...given.values()].flat()) {
        if (owned.has(partition)) throw new Error(`two workers have partition ${partition}`);
        owned.add(partition);
      }
      this.#generation += 1;
      let isLettingGo = false;
      this.#members = this.#members.map((member) => {
        const held = given.get(member.id)!;
        isLettingGo ||= member.held.some((partition) => !held.includes(partition));
        return { ...member, held, generation: this.#generation };
      });
      if (!isLettingGo) break;
    }
    const after = this.owners();
    const living = new Set(this.#members.map(({ id }) => id));
    return [...before].filter(([partition, id]) => living.has(id) && after.get(partition) !== id).length;
  }
}

function spreadOf(counts: readonly number[]): Spread {
  const sum = counts.reduce((total, each) => total + each, 0);
  return { least: Math.min(...counts), mean: sum / counts.length, most: Math.max(...counts) };
}
