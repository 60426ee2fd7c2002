// One lane a device, its uplinks in order, and the heap of lanes whose turn may come.
import type { Item } from './waiting.ts';

export const LANE = { empty: 0, ready: 1, flying: 2, parked: 3 } as const;
type LaneState = (typeof LANE)[keyof typeof LANE];

export class Lane {
  readonly device: string;
  items: Item[] = [];
  head = 0;
  /** How many from `head` on are in a request. */
  flying = 0;
  state: LaneState = LANE.empty;
  /** Up to this uplink it is a backlog; 0: none is. */
  backlogSeq = 0;
  /** Lanes of a heap go by it, the smallest first; set before a lane is pushed. */
  turn = 0;

  constructor(device: string) {
    this.device = device;
  }

  get oldest(): Item {
    return this.items[this.head] as Item;
  }

  get size(): number {
    return this.items.length - this.head;
  }

  shift(): Item {
    const item = this.items[this.head] as Item;
    this.head += 1;
    if (this.head > 32 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}

/** Binary min-heap of ready lanes by their turn, which must not change while a lane is in it. */
export class LaneHeap {
  readonly #lanes: Lane[] = [];

  get size(): number {
    return this.#lanes.length;
  }

  push(lane: Lane): void {
    const lanes = this.#lanes;
    const { turn } = lane;
    let i = lanes.length;
    while (i > 0) {
      const above = (i - 1) >> 1;
      const parent = lanes[above] as Lane;
      if (parent.turn <= turn) break;
      lanes[i] = parent;
      i = above;
    }
    lanes[i] = lane;
  }

  peek(): Lane | undefined {
    return this.#lanes[0];
  }

  pop(): Lane | undefined {
    const lanes = this.#lanes;
    const top = lanes[0];
    const last = lanes.pop();
    if (top === undefined || last === undefined || lanes.length === 0) return top;
    const { turn } = last;
    let i = 0;
    for (;;) {
      let below = 2 * i + 1;
      if (below >= lanes.length) break;
      const right = lanes[below + 1];
      if (right !== undefined && right.turn < (lanes[below] as Lane).turn) below += 1;
      const child = lanes[below] as Lane;
      if (child.turn >= turn) break;
      lanes[i] = child;
      i = below;
    }
    lanes[i] = last;
    return top;
  }
}
