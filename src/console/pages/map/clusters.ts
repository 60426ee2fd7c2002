// Points that would lie on each other at a zoom become one: greedy by distance, with a grid so that each point is looked at few times.
import { worldSize } from './mercator.ts';

/** Points in the unit square. */
export interface Points {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** ms since the epoch of the last report; 0: none. */
  readonly times: Float64Array;
}

export interface Cluster {
  /** The mean of its points. */
  readonly x: number;
  readonly y: number;
  /** Indices of its points. */
  readonly members: readonly number[];
  /** The latest report of any. */
  readonly newest: number;
}

/** Two points nearer than this share a mark. */
export const RADIUS_PX = 40;
/** More than there are columns at the deepest zoom. */
const COLUMNS = 2 ** 22;

export function clustersAt(points: Points, zoom: number): Cluster[] {
  const { xs, ys, times } = points;
  const radius = RADIUS_PX / worldSize({ zoom });
  const cellOf = (i: number): number => Math.floor((xs[i] as number) / radius) * COLUMNS + rowOf(i);
  const rowOf = (i: number): number => Math.floor((ys[i] as number) / radius);
  const cells = new Map<number, number[]>();
  for (let i = 0; i < xs.length; i++) {
    const cell = cellOf(i);
    const there = cells.get(cell);
    if (there === undefined) cells.set(cell, [i]);
    else there.push(i);
  }
  const isTaken = new Uint8Array(xs.length);
  const clusters: Cluster[] = [];
  for (let i = 0; i < xs.length; i++) {
    if (isTaken[i] === 1) continue;
    const [x, y] = [xs[i] as number, ys[i] as number];
    const members: number[] = [];
    let [sumX, sumY, newest] = [0, 0, 0];
    const home = cellOf(i);
    for (let column = -1; column <= 1; column++) {
      for (let row = -1; row <= 1; row++) {
        const cell = cells.get(home + column * COLUMNS + row);
        if (cell === undefined) continue;
        // Those that are taken leave the cell, so that a crowd is not looked at again and again.
        let kept = 0;
        for (const j of cell) {
          const [dx, dy] = [(xs[j] as number) - x, (ys[j] as number) - y];
          if (dx * dx + dy * dy > radius * radius) {
            cell[kept++] = j;
            continue;
          }
          isTaken[j] = 1;
          members.push(j);
          sumX += xs[j] as number;
          sumY += ys[j] as number;
          newest = Math.max(newest, times[j] as number);
        }
        cell.length = kept;
      }
    }
    clusters.push({ x: sumX / members.length, y: sumY / members.length, members, newest });
  }
  return clusters;
}

/** Of each whole zoom once. */
export class ClusterIndex {
  readonly points: Points;
  readonly #byZoom = new Map<number, readonly Cluster[]>();

  constructor(points: Points) {
    this.points = points;
  }

  at(zoom: number): readonly Cluster[] {
    const whole = Math.floor(zoom);
    let clusters = this.#byZoom.get(whole);
    if (clusters === undefined) {
      clusters = clustersAt(this.points, whole);
      this.#byZoom.set(whole, clusters);
    }
    return clusters;
  }
}
