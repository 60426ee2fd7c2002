// One frame of the map: base, the track, accuracy circles, clusters and single devices, the scale bar.
import { type BaseLayer, type Compass, drawDegrees } from './base-layer.ts';
import type { Cluster, ClusterIndex } from './clusters.ts';
import { boxOf, metresPerPixel, type View, worldSize } from './mercator.ts';
import type { Outlines } from './outlines.ts';
import type { Palette } from './palette.ts';
import { roundBelow } from './rulers.ts';

export interface TrackPoint {
  readonly x: number;
  readonly y: number;
  /** Metres; 0: not told. */
  readonly accuracy: number;
}

export interface Scene {
  readonly view: View;
  readonly base: BaseLayer;
  readonly outlines: Outlines | null;
  readonly palette: Palette;
  readonly index: ClusterIndex;
  /** Metres by point; 0: not told. */
  readonly accuracies: Float64Array;
  /** Index of the point that is chosen; -1: none. */
  readonly chosen: number;
  /** The oldest first. */
  readonly track: readonly TrackPoint[];
  /** ms since the epoch. */
  readonly now: number;
  readonly compass: Compass;
  /** A length in metres as the reader writes it. */
  readonly lengthText: (metres: number) => string;
  readonly countText: (count: number) => string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const POINT_PX = 6;
const SCALE_PX = 130;
/** Smaller circles say nothing. */
const LEAST_ACCURACY_PX = 8;

function ageOf(time: number, now: number): 'hour' | 'day' | 'older' {
  if (time >= now - HOUR_MS) return 'hour';
  return time >= now - DAY_MS ? 'day' : 'older';
}

/** Radius of a mark in px. */
export function markRadius({ members }: Cluster): number {
  return members.length === 1 ? POINT_PX : 11 + Math.min(13, 4 * Math.log10(members.length));
}

/** `context` is in CSS px. */
export function paint(context: CanvasRenderingContext2D, scene: Scene): void {
  const { view, base, outlines, palette } = scene;
  base.draw(context, view, outlines, palette);
  drawDegrees(context, view, palette, scene.compass);
  drawTrack(context, scene);
  drawMarks(context, scene);
  drawChosen(context, scene);
  drawScale(context, scene);
}

function place(view: View, x: number, y: number): readonly [number, number] {
  const size = worldSize(view);
  return [(x - view.x) * size + view.width / 2, (y - view.y) * size + view.height / 2];
}

function drawMarks(context: CanvasRenderingContext2D, scene: Scene): void {
  const { view, index, palette, now, accuracies } = scene;
  const seen = boxOf(view, 30);
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.font = `600 11px ${palette.font}`;
  for (const cluster of index.at(view.zoom)) {
    if (cluster.x < seen.minX || cluster.x > seen.maxX || cluster.y < seen.minY || cluster.y > seen.maxY) continue;
    const [x, y] = place(view, cluster.x, cluster.y);
    const colour = palette[ageOf(cluster.newest, now)];
    const only = cluster.members.length === 1 ? (cluster.members[0] as number) : -1;
    if (only >= 0) drawAccuracy(context, view, x, y, cluster.y, accuracies[only] ?? 0, colour);
    context.beginPath();
    context.arc(x, y, markRadius(cluster), 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.strokeStyle = palette.surface;
    context.lineWidth = 1.5;
    context.stroke();
    if (only >= 0) continue;
    context.fillStyle = palette.mark;
    context.fillText(scene.countText(cluster.members.length), x, y + 0.5);
  }
}

function drawAccuracy(
  context: CanvasRenderingContext2D,
  view: View,
  x: number,
  y: number,
  atY: number,
  metres: number,
  colour: string,
): void {
  const radius = metres / metresPerPixel(view, atY);
  if (radius < LEAST_ACCURACY_PX) return;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.globalAlpha = 0.14;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 0.6;
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.stroke();
  context.globalAlpha = 1;
}

function drawTrack(context: CanvasRenderingContext2D, { view, track, palette }: Scene): void {
  if (track.length === 0) return;
  const places = track.map(({ x, y }) => place(view, x, y));
  context.beginPath();
  for (const [i, [x, y]] of places.entries()) {
    const before = track[i - 1];
    // Over the date line it would go all around the world.
    if (before === undefined || Math.abs((track[i] as TrackPoint).x - before.x) > 0.5) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.lineJoin = 'round';
  context.strokeStyle = palette.surface;
  context.lineWidth = 5;
  context.stroke();
  context.strokeStyle = palette.track;
  context.lineWidth = 2.5;
  context.stroke();
  for (const [i, [x, y]] of places.entries()) {
    const { accuracy, y: atY } = track[i] as TrackPoint;
    if (places.length <= 200) drawAccuracy(context, view, x, y, atY, accuracy, palette.track);
    context.beginPath();
    context.arc(x, y, 2.5, 0, 2 * Math.PI);
    context.fillStyle = palette.track;
    context.fill();
  }
}

function drawChosen(context: CanvasRenderingContext2D, { view, index, chosen, palette, now, accuracies }: Scene): void {
  const { xs, ys, times } = index.points;
  const [px, py] = [xs[chosen], ys[chosen]];
  if (px === undefined || py === undefined) return;
  const [x, y] = place(view, px, py);
  const colour = palette[ageOf(times[chosen] ?? 0, now)];
  drawAccuracy(context, view, x, y, py, accuracies[chosen] ?? 0, colour);
  context.beginPath();
  context.arc(x, y, POINT_PX + 1, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 3;
  context.strokeStyle = palette.surface;
  context.stroke();
  context.beginPath();
  context.arc(x, y, POINT_PX + 4, 0, 2 * Math.PI);
  context.lineWidth = 2;
  context.strokeStyle = palette.ink;
  context.stroke();
}

function drawScale(context: CanvasRenderingContext2D, { view, palette, lengthText }: Scene): void {
  const perPixel = metresPerPixel(view, view.y);
  const metres = roundBelow(SCALE_PX * perPixel);
  const length = metres / perPixel;
  const [left, bottom] = [14, view.height - 14];
  context.font = `600 12px ${palette.font}`;
  context.textAlign = 'left';
  context.textBaseline = 'bottom';
  context.lineWidth = 4;
  context.strokeStyle = palette.surface;
  context.fillStyle = palette.ink;
  const text = lengthText(metres);
  context.strokeText(text, left + 4, bottom - 3);
  context.fillText(text, left + 4, bottom - 3);
  for (const [width, colour] of [
    [5, palette.surface],
    [2, palette.ink],
  ] as const) {
    context.beginPath();
    context.moveTo(left, bottom - 6);
    context.lineTo(left, bottom);
    context.lineTo(left + length, bottom);
    context.lineTo(left + length, bottom - 6);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}
