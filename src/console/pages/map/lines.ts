// Rings and lines of the map in the unit square, also over the date line.
import { type Box, xOf, yOf } from './mercator.ts';

/** A ring or line in the unit square: x, y, x, y … */
export interface Line extends Box {
  readonly at: Float64Array;
}

/** Longitude and latitude. */
type Position = readonly number[];

/** What crosses the date line goes on beyond the edge of the square, and is there a second time, as it comes in at the other one. */
export function linesOf(positions: readonly Position[]): Line[] {
  const longitudes: number[] = [];
  let turns = 0;
  for (const [i, [longitude = 0]] of positions.entries()) {
    const before = positions[i - 1]?.[0] ?? longitude;
    if (longitude - before > 180) turns -= 1;
    if (longitude - before < -180) turns += 1;
    longitudes.push(longitude + turns * 360);
  }
  // A ring that does not come back goes around the pole: it is drawn along the edges, as it is given.
  if (turns !== 0) return [lineOf(positions.map(([longitude = 0, latitude = 0]) => [longitude, latitude]))];
  const line = lineOf(positions.map(([, latitude = 0], i) => [longitudes[i] ?? 0, latitude]));
  if (line.maxX > 1) return [line, shifted(line, -1)];
  return line.minX < 0 ? [line, shifted(line, 1)] : [line];
}

function lineOf(positions: readonly (readonly [number, number])[]): Line {
  const at = new Float64Array(positions.length * 2);
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [i, [longitude, latitude]] of positions.entries()) {
    const [x, y] = [xOf(longitude), yOf(latitude)];
    at[i * 2] = x;
    at[i * 2 + 1] = y;
    [minX, maxX] = [Math.min(minX, x), Math.max(maxX, x)];
    [minY, maxY] = [Math.min(minY, y), Math.max(maxY, y)];
  }
  return { at, minX, minY, maxX, maxY };
}

function shifted({ at, minX, minY, maxX, maxY }: Line, by: number): Line {
  return { at: at.map((value, i) => (i % 2 === 0 ? value + by : value)), minX: minX + by, minY, maxX: maxX + by, maxY };
}
