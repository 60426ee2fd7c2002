// The map's arithmetic: projection, clusters, round numbers.
import { describe, expect, test } from 'vitest';
import { ClusterIndex, clustersAt, RADIUS_PX } from '../../src/console/pages/map/clusters.ts';
import { linesOf } from '../../src/console/pages/map/lines.ts';
import {
  around,
  bounded,
  fitted,
  latitudeOf,
  longitudeOf,
  metresPerPixel,
  moved,
  type View,
  worldSize,
  xOf,
  yOf,
  zoomedAt,
} from '../../src/console/pages/map/mercator.ts';
import { degreesText, graticuleStep, roundBelow, steps } from '../../src/console/pages/map/rulers.ts';
import { seededChance } from '../../src/sandbox/chance.ts';

const view: View = { x: 0.5, y: 0.5, zoom: 3, width: 800, height: 600 };

describe('the projection', () => {
  test('leads back, and knows what a pixel is in metres', () => {
    for (const [lat, lng] of [
      [48.8566, 2.3522],
      [-33.87, 151.21],
      [0, 0],
      [70, -179.9],
    ] as const) {
      expect(latitudeOf(yOf(lat))).toBeCloseTo(lat, 9);
      expect(longitudeOf(xOf(lng))).toBeCloseTo(lng, 9);
    }
    expect(yOf(90)).toBeCloseTo(0, 6);
    expect(metresPerPixel({ zoom: 0 }, 0.5)).toBeCloseTo(156_543.03, 1);
    expect(metresPerPixel({ zoom: 10 }, yOf(60))).toBeCloseTo(156_543.03 / 1024 / 2, 1);
  });

  test('zooms about the place under the pointer, and stays within the world', () => {
    const under = (of: View, px: number): number => of.x + (px - of.width / 2) / worldSize(of);
    const zoomed = zoomedAt(view, 2, 200, 300);
    expect(under(zoomed, 200)).toBeCloseTo(under(view, 200), 12);
    expect(moved(view, -1e9, 0).x).toBeCloseTo(400 / worldSize(view), 12);
    expect(bounded({ ...view, zoom: 40 }).zoom).toBe(18);
    expect(worldSize(bounded({ ...view, zoom: -5 }))).toBeGreaterThanOrEqual(600);
  });

  test('fits a box, and a single point not nearer than asked', () => {
    const box = around([xOf(2.2), xOf(2.4)], [yOf(48.8), yOf(48.9)]);
    const fit = fitted(view, box, 15);
    expect((box.maxX - box.minX) * worldSize(fit)).toBeLessThanOrEqual(800);
    expect((box.maxX - box.minX) * worldSize(fit)).toBeGreaterThan(200);
    expect(fitted(view, around([0.3], [0.4]), 13)).toMatchObject({ x: 0.3, y: 0.4, zoom: 13 });
  });
});

describe('clusters', () => {
  const chance = seededChance(7);
  const count = 5_000;
  const points = {
    xs: Float64Array.from({ length: count }, () => 0.5 + chance.random() * 0.01),
    ys: Float64Array.from({ length: count }, () => 0.3 + chance.random() * 0.01),
    times: Float64Array.from({ length: count }, (_, i) => i),
  };

  test.each([0, 4, 9, 14, 18])('at zoom %i each point is in exactly one, near its middle', (zoom) => {
    const clusters = clustersAt(points, zoom);
    const members = clusters.flatMap((cluster) => cluster.members);
    expect(members.length).toBe(count);
    expect(new Set(members).size).toBe(count);
    const radius = RADIUS_PX / worldSize({ zoom });
    for (const { x, y, members: inside, newest } of clusters) {
      expect(newest).toBe(Math.max(...inside));
      const far = inside.filter((i) => Math.hypot((points.xs[i] ?? 0) - x, (points.ys[i] ?? 0) - y) > 2 * radius);
      expect(far).toEqual([]);
    }
  });

  test('of all at one place are one at any zoom; of none there are none', () => {
    const same = { xs: new Float64Array(9).fill(0.25), ys: new Float64Array(9).fill(0.25), times: new Float64Array(9) };
    expect(clustersAt(same, 18)).toMatchObject([{ x: 0.25, y: 0.25 }]);
    const none = new ClusterIndex({ xs: new Float64Array(), ys: new Float64Array(), times: new Float64Array() });
    expect(none.at(3.7)).toEqual([]);
  });
});

test('scale bar and graticule have round numbers', () => {
  expect([999, 1000, 730, 0.3, 5].map(roundBelow)).toEqual([500, 1000, 500, 0.2, 5]);
  expect(graticuleStep(256, 90)).toBe(30);
  expect(graticuleStep(2048, 90)).toBe(30);
  expect(graticuleStep(256 * 2 ** 12, 90)).toBe(0.05);
  expect(steps(-12, 31, 10)).toEqual([-10, 0, 10, 20, 30]);
  expect(degreesText(48.5, 0.5, 'N', 'S')).toBe('48.5° N');
  expect(degreesText(-30, 15, 'N', 'S')).toBe('30° S');
  expect(degreesText(0, 15, 'N', 'S')).toBe('0°');
});

test('an outline over the date line goes on beyond the edge, and comes in at the other one', () => {
  const fiji = [
    [179, -16],
    [-179, -16],
    [-179, -17],
    [179, -17],
    [179, -16],
  ] as const;
  const [east, west] = linesOf(fiji);
  expect([east?.minX, east?.maxX].map((x) => x?.toFixed(4))).toEqual([xOf(179), xOf(181)].map((x) => x.toFixed(4)));
  expect([west?.minX, west?.maxX].map((x) => x?.toFixed(4))).toEqual([xOf(-181), xOf(-179)].map((x) => x.toFixed(4)));
  expect(
    linesOf([
      [0, 0],
      [1, 1],
      [0, 0],
    ]),
  ).toHaveLength(1);
  // Around the pole.
  expect(
    linesOf([
      [-180, -80],
      [0, -70],
      [180, -80],
      [-180, -80],
    ]),
  ).toHaveLength(1);
});
