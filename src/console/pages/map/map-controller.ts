// The map as it is looked at: the view, what lies on it, and frames that are drawn when something has changed. No React in here:
// a frame must not wait for it.
import { BaseLayer, type Compass } from './base-layer.ts';
import { type Cluster, ClusterIndex } from './clusters.ts';
import { around, type Box, bounded, fitted, moved, type View, worldSize, zoomedAt } from './mercator.ts';
import { loadOutlines, type Outlines } from './outlines.ts';
import { markRadius, paint, type TrackPoint } from './painter.ts';
import { type Palette, paletteOf } from './palette.ts';

export interface MapWords {
  readonly compass: Compass;
  readonly lengthText: (metres: number) => string;
  readonly countText: (count: number) => string;
}

/** Devices on the map, in the unit square. */
export interface MapDevices {
  readonly names: readonly string[];
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** ms since the epoch; 0: none. */
  readonly times: Float64Array;
  /** Metres; 0: not told. */
  readonly accuracies: Float64Array;
}

/** The fine outlines are fetched when they begin to make a difference. */
const FINE_FROM = 3.6;
/** A single place is not looked at from nearer than this by itself. */
const NEAREST_FIT = 13;
const NEAREST_TRACK = 17.5;
const FLIGHT_MS = 260;
const REACH_PX = 6;
/** Ages change by themselves. */
const AGE_MS = 30_000;

export class MapController {
  readonly #canvas: HTMLCanvasElement;
  readonly #words: MapWords;
  readonly #base = new BaseLayer();
  readonly #onMoved: (view: View) => void;
  readonly #nearestFit: number;
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)');
  #view: View = { x: 0.5, y: 0.42, zoom: 1, width: 1, height: 1 };
  #index = new ClusterIndex({ xs: new Float64Array(), ys: new Float64Array(), times: new Float64Array() });
  #devices: MapDevices | null = null;
  #chosen = -1;
  #track: readonly TrackPoint[] = [];
  #outlines: Outlines | null = null;
  #isFine = false;
  #palette: Palette;
  #frame = 0;
  #flight = 0;
  #hasFitted = false;
  readonly #ages: ReturnType<typeof setInterval>;
  readonly #resized: ResizeObserver;

  constructor(
    canvas: HTMLCanvasElement,
    words: MapWords,
    onMoved: (view: View) => void,
    nearestFit: number = NEAREST_FIT,
  ) {
    this.#nearestFit = nearestFit;
    this.#canvas = canvas;
    this.#words = words;
    this.#onMoved = onMoved;
    this.#palette = paletteOf(canvas);
    this.#scheme.addEventListener('change', this.#recolour);
    this.#resized = new ResizeObserver(() => this.#resize());
    this.#resized.observe(canvas);
    this.#ages = setInterval(() => this.redraw(), AGE_MS);
    this.#resize();
    void this.#load('coarse');
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    cancelAnimationFrame(this.#flight);
    clearInterval(this.#ages);
    this.#resized.disconnect();
    this.#scheme.removeEventListener('change', this.#recolour);
  }

  get view(): View {
    return this.#view;
  }

  /** The first devices that come are brought into view. */
  show(devices: MapDevices): void {
    const name = this.#devices?.names[this.#chosen];
    this.#devices = devices;
    this.#index = new ClusterIndex(devices);
    this.#chosen = name === undefined ? -1 : devices.names.indexOf(name);
    if (!this.#hasFitted && devices.names.length > 0) {
      this.#hasFitted = true;
      this.#set(fitted(this.#view, around(devices.xs, devices.ys), this.#nearestFit));
    }
    this.redraw();
  }

  choose(device: string | null): void {
    this.#chosen = device === null ? -1 : (this.#devices?.names.indexOf(device) ?? -1);
    this.redraw();
  }

  track(points: readonly TrackPoint[]): void {
    this.#track = points;
    this.redraw();
  }

  /** Brings the device, with its track, into view. */
  goTo(device: string): void {
    const i = this.#devices?.names.indexOf(device) ?? -1;
    const [x, y] = [this.#devices?.xs[i], this.#devices?.ys[i]];
    if (x !== undefined && y !== undefined) this.#fly(fitted(this.#view, around([x], [y]), this.#nearestFit));
  }

  fitAll(): void {
    const devices = this.#devices;
    if (devices === null || devices.names.length === 0) return;
    this.#fly(fitted(this.#view, around(devices.xs, devices.ys), this.#nearestFit));
  }

  /** As near as its extent allows: a track of a few metres is seen as well. */
  fit(box: Box): void {
    this.#fly(fitted(this.#view, box, NEAREST_TRACK));
  }

  zoom(by: number): void {
    this.#fly(zoomedAt(this.#view, by, this.#view.width / 2, this.#view.height / 2));
  }

  zoomAt(by: number, x: number, y: number): void {
    cancelAnimationFrame(this.#flight);
    this.#set(zoomedAt(this.#view, by, x, y));
  }

  pan(byX: number, byY: number): void {
    cancelAnimationFrame(this.#flight);
    this.#set(moved(this.#view, byX, byY));
  }

  /** What is at a place of the canvas (CSS px); null: nothing. */
  at(x: number, y: number, reach = REACH_PX): readonly string[] | null {
    const size = worldSize(this.#view);
    let best: Cluster | null = null;
    let least = Infinity;
    for (const cluster of this.#index.at(this.#view.zoom)) {
      const dx = (cluster.x - this.#view.x) * size + this.#view.width / 2 - x;
      const dy = (cluster.y - this.#view.y) * size + this.#view.height / 2 - y;
      const distance = Math.hypot(dx, dy) - markRadius(cluster);
      if (distance < reach && distance < least) [best, least] = [cluster, distance];
    }
    return best === null ? null : best.members.map((i) => this.#devices?.names[i] ?? '');
  }

  /** Opens a cluster up; false: its devices lie too near each other for that. */
  open(devices: readonly string[]): boolean {
    const there = this.#devices;
    if (there === null) return false;
    const indices = devices.map((device) => there.names.indexOf(device));
    const box = around(
      indices.map((i) => there.xs[i] ?? 0),
      indices.map((i) => there.ys[i] ?? 0),
    );
    const extent = Math.max(box.maxX - box.minX, box.maxY - box.minY);
    const next = fitted(this.#view, box, this.#view.zoom + 4);
    if (extent === 0 || next.zoom <= this.#view.zoom + 0.2) return false;
    this.#fly(next);
    return true;
  }

  redraw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  readonly #recolour = (): void => {
    this.#palette = paletteOf(this.#canvas);
    this.redraw();
  };

  #set(view: View): void {
    this.#view = bounded(view);
    if (this.#view.zoom >= FINE_FROM) void this.#load('fine');
    this.#onMoved(this.#view);
    this.redraw();
  }

  #fly(to: View): void {
    cancelAnimationFrame(this.#flight);
    const from = this.#view;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.#set(to);
      return;
    }
    const begun = performance.now();
    const step = (): void => {
      const part = Math.min(1, (performance.now() - begun) / FLIGHT_MS);
      const eased = 1 - (1 - part) ** 3;
      const between = (a: number, b: number): number => a + (b - a) * eased;
      const zoom = between(from.zoom, to.zoom);
      // The way is gone along with the zoom: at the end of it everything is larger.
      const way = from.zoom === to.zoom ? eased : wayAt(from.zoom, to.zoom, zoom);
      this.#set({ ...this.#view, zoom, x: from.x + (to.x - from.x) * way, y: from.y + (to.y - from.y) * way });
      if (part < 1) this.#flight = requestAnimationFrame(step);
    };
    step();
  }

  async #load(detail: 'coarse' | 'fine'): Promise<void> {
    if (detail === 'fine') {
      if (this.#isFine) return;
      this.#isFine = true;
    }
    try {
      const outlines = await loadOutlines(detail);
      if (detail === 'coarse' && this.#isFine && this.#outlines !== null) return;
      this.#outlines = outlines;
      this.redraw();
    } catch {
      // Without outlines the graticule and the scale still say where one is; moving on tries again.
      this.#isFine = false;
    }
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0 || height === 0) return;
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    this.#set({ ...this.#view, width, height });
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d', { alpha: false });
    if (context === null || this.#view.width <= 1) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    paint(context, {
      ...this.#words,
      view: this.#view,
      base: this.#base,
      outlines: this.#outlines,
      palette: this.#palette,
      index: this.#index,
      accuracies: this.#devices?.accuracies ?? new Float64Array(),
      chosen: this.#chosen,
      track: this.#track,
      now: Date.now(),
    });
  }
}

/** Which part of the way has been gone at a zoom, so that the goal moves straight towards the middle. */
function wayAt(from: number, to: number, zoom: number): number {
  const [a, b, now] = [2 ** -from, 2 ** -to, 2 ** -zoom];
  return (a - now) / (a - b);
}
