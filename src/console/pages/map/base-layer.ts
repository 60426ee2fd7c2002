// Sea, land, borders, names and graticule, kept as a picture somewhat larger than the view: while one moves the picture is moved,
// and it is painted anew when the view leaves it.
import type { Line } from './lines.ts';
import { boxOf, latitudeOf, longitudeOf, type View, worldSize, xOf, yOf } from './mercator.ts';
import type { Outlines } from './outlines.ts';
import type { Palette } from './palette.ts';
import { degreesText, graticuleStep, steps } from './rulers.ts';

/** How much larger than the view the picture is, on each side, as a part of the view. */
const MARGIN = 0.35;
/** A picture that is stretched further looks blurred. */
const MOST_STRETCH = 1.45;
const GRID_PX = 110;
/** Nearer points of an outline make no difference that one sees. */
const DETAIL_PX = 0.6;

export interface Compass {
  readonly north: string;
  readonly south: string;
  readonly east: string;
  readonly west: string;
}

export class BaseLayer {
  readonly #picture = document.createElement('canvas');
  #painted: { readonly view: View; readonly outlines: Outlines | null; readonly palette: Palette } | null = null;

  /** Draws the part of the world that `view` looks at into `context` (in CSS px). */
  draw(context: CanvasRenderingContext2D, view: View, outlines: Outlines | null, palette: Palette): void {
    if (!this.#serves(view, outlines, palette)) this.#paint(view, outlines, palette);
    const { view: from } = this.#painted as { view: View };
    const stretch = worldSize(view) / worldSize(from);
    const size = worldSize(view);
    const [width, height] = [from.width * stretch, from.height * stretch];
    const left = view.width / 2 + (from.x - view.x) * size - width / 2;
    const top = view.height / 2 + (from.y - view.y) * size - height / 2;
    context.fillStyle = palette.sea;
    context.fillRect(0, 0, view.width, view.height);
    context.drawImage(this.#picture, left, top, width, height);
  }

  #serves(view: View, outlines: Outlines | null, palette: Palette): boolean {
    const painted = this.#painted;
    if (painted === null || painted.outlines !== outlines || painted.palette !== palette) return false;
    const stretch = worldSize(view) / worldSize(painted.view);
    if (stretch > MOST_STRETCH || stretch < 1 / MOST_STRETCH) return false;
    const [seen, there] = [boxOf(view), boxOf(painted.view)];
    const [least, most] = [1e-9, 1 - 1e-9];
    return (
      Math.max(seen.minX, least) >= there.minX &&
      Math.max(seen.minY, least) >= there.minY &&
      Math.min(seen.maxX, most) <= there.maxX &&
      Math.min(seen.maxY, most) <= there.maxY
    );
  }

  #paint(seen: View, outlines: Outlines | null, palette: Palette): void {
    const ratio = devicePixelRatio;
    const view = {
      ...seen,
      width: Math.ceil(seen.width * (1 + 2 * MARGIN)),
      height: Math.ceil(seen.height * (1 + 2 * MARGIN)),
    };
    this.#picture.width = Math.round(view.width * ratio);
    this.#picture.height = Math.round(view.height * ratio);
    const context = this.#picture.getContext('2d', { alpha: false });
    if (context === null) return;
    context.scale(ratio, ratio);
    context.fillStyle = palette.sea;
    context.fillRect(0, 0, view.width, view.height);
    if (outlines !== null) {
      context.lineJoin = 'round';
      trace(context, view, outlines.land);
      context.fillStyle = palette.land;
      context.fill('evenodd');
      context.strokeStyle = palette.coast;
      context.lineWidth = 0.8;
      context.stroke();
      trace(context, view, outlines.borders);
      context.strokeStyle = palette.border;
      context.lineWidth = 1;
      context.stroke();
    }
    drawGrid(context, view, palette);
    if (outlines !== null) drawNames(context, view, outlines, palette);
    this.#painted = { view, outlines, palette };
  }
}

function trace(context: CanvasRenderingContext2D, view: View, lines: readonly Line[]): void {
  const size = worldSize(view);
  const seen = boxOf(view, 4);
  const [offsetX, offsetY] = [view.width / 2 - view.x * size, view.height / 2 - view.y * size];
  context.beginPath();
  for (const { at, minX, minY, maxX, maxY } of lines) {
    if (maxX < seen.minX || minX > seen.maxX || maxY < seen.minY || minY > seen.maxY) continue;
    // Islands of less than a pixel are left out.
    if ((maxX - minX) * size < DETAIL_PX && (maxY - minY) * size < DETAIL_PX) continue;
    let [lastX, lastY] = [Infinity, Infinity];
    for (let i = 0; i < at.length; i += 2) {
      const x = (at[i] as number) * size + offsetX;
      const y = (at[i + 1] as number) * size + offsetY;
      const isEnd = i === 0 || i === at.length - 2;
      if (!isEnd && Math.abs(x - lastX) < DETAIL_PX && Math.abs(y - lastY) < DETAIL_PX) continue;
      if (i === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
      [lastX, lastY] = [x, y];
    }
  }
}

function drawGrid(context: CanvasRenderingContext2D, view: View, { grid }: Palette): void {
  const size = worldSize(view);
  const step = graticuleStep(size, GRID_PX);
  const seen = boxOf(view);
  context.strokeStyle = grid;
  context.lineWidth = 1;
  context.beginPath();
  for (const longitude of steps(longitudeOf(seen.minX), longitudeOf(seen.maxX), step)) {
    const x = Math.round((xOf(longitude) - view.x) * size + view.width / 2) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, view.height);
  }
  for (const latitude of steps(latitudeOf(seen.maxY), latitudeOf(seen.minY), step)) {
    const y = Math.round((yOf(latitude) - view.y) * size + view.height / 2) + 0.5;
    context.moveTo(0, y);
    context.lineTo(view.width, y);
  }
  context.stroke();
}

/** At the edges of the view itself, so not part of the picture. */
export function drawDegrees(context: CanvasRenderingContext2D, view: View, palette: Palette, words: Compass): void {
  const size = worldSize(view);
  const step = graticuleStep(size, GRID_PX);
  const seen = boxOf(view);
  context.font = `11px ${palette.font}`;
  context.fillStyle = palette.ink;
  context.strokeStyle = palette.surface;
  context.lineWidth = 3;
  context.lineJoin = 'round';
  const write = (text: string, x: number, y: number): void => {
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  };
  context.textBaseline = 'top';
  context.textAlign = 'center';
  for (const longitude of steps(longitudeOf(seen.minX), longitudeOf(seen.maxX), step)) {
    const x = (xOf(longitude) - view.x) * size + view.width / 2;
    if (x < 60 || x > view.width - 60) continue;
    write(degreesText(longitude, step, words.east, words.west), x, 5);
  }
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const latitude of steps(latitudeOf(seen.maxY), latitudeOf(seen.minY), step)) {
    const y = (yOf(latitude) - view.y) * size + view.height / 2;
    if (y < 24 || y > view.height - 44) continue;
    write(degreesText(latitude, step, words.north, words.south), 6, y);
  }
}

function drawNames(context: CanvasRenderingContext2D, view: View, { countries }: Outlines, palette: Palette): void {
  const size = worldSize(view);
  context.font = `600 12px ${palette.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = palette.name;
  const written: { readonly x: number; readonly y: number; readonly half: number }[] = [];
  for (const { name, box } of countries) {
    // Where the country is much larger than the view its name would stand anywhere.
    const width = (box.maxX - box.minX) * size;
    const half = context.measureText(name).width / 2;
    if (width < half * 2.3 || width > view.width * 4) continue;
    const x = ((box.minX + box.maxX) / 2 - view.x) * size + view.width / 2;
    const y = ((box.minY + box.maxY) / 2 - view.y) * size + view.height / 2;
    if (x < -80 || x > view.width + 80 || y < -20 || y > view.height + 20) continue;
    // The larger country's name stays.
    if (written.some((other) => Math.abs(other.y - y) < 15 && Math.abs(other.x - x) < other.half + half + 6)) continue;
    written.push({ x, y, half });
    context.fillText(name, x, y);
  }
}
