// Web Mercator: degrees to the unit square and back, and the part of it that is looked at.

/** `x`, `y`: the centre in the unit square (x to the east, y to the south). `zoom`: the whole world is 256 · 2^zoom px wide. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
  /** CSS px. */
  readonly width: number;
  readonly height: number;
}

export interface Box {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

const MAX_ZOOM = 18;
const TILE = 256;
/** Where the square ends. */
const MAX_LATITUDE = 85.05112878;
const EQUATOR_M = 40_075_016.686;

export function xOf(longitude: number): number {
  return longitude / 360 + 0.5;
}

export function yOf(latitude: number): number {
  const bounded = Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, latitude));
  const sine = Math.sin((bounded * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

export function longitudeOf(x: number): number {
  return (x - 0.5) * 360;
}

export function latitudeOf(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** Width of the whole world in px. */
export function worldSize({ zoom }: Pick<View, 'zoom'>): number {
  return TILE * 2 ** zoom;
}

/** At the latitude of `y`: Mercator stretches towards the poles. */
export function metresPerPixel(view: Pick<View, 'zoom'>, y: number): number {
  return (EQUATOR_M * Math.cos((latitudeOf(y) * Math.PI) / 180)) / worldSize(view);
}

/** The least zoom at which the world fills the view. */
function minZoom({ width, height }: Pick<View, 'width' | 'height'>): number {
  return Math.max(0, Math.log2(Math.min(width, height) / TILE));
}

/** Within the world as far as the view allows. */
export function bounded(view: View): View {
  const zoom = Math.max(minZoom(view), Math.min(MAX_ZOOM, view.zoom));
  const size = worldSize({ zoom });
  const inside = (centre: number, extent: number): number => {
    const half = extent / 2 / size;
    return half >= 0.5 ? 0.5 : Math.max(half, Math.min(1 - half, centre));
  };
  return { ...view, zoom, x: inside(view.x, view.width), y: inside(view.y, view.height) };
}

/** Zooms about a place of the view (px from its top left), which stays where it is. */
export function zoomedAt(view: View, by: number, px: number, py: number): View {
  const zoom = Math.max(minZoom(view), Math.min(MAX_ZOOM, view.zoom + by));
  const [before, after] = [worldSize(view), worldSize({ zoom })];
  const [dx, dy] = [px - view.width / 2, py - view.height / 2];
  return bounded({ ...view, zoom, x: view.x + dx / before - dx / after, y: view.y + dy / before - dy / after });
}

export function moved(view: View, byX: number, byY: number): View {
  const size = worldSize(view);
  return bounded({ ...view, x: view.x + byX / size, y: view.y + byY / size });
}

export function boxOf(view: View, marginPx = 0): Box {
  const size = worldSize(view);
  const [halfX, halfY] = [(view.width / 2 + marginPx) / size, (view.height / 2 + marginPx) / size];
  return { minX: view.x - halfX, minY: view.y - halfY, maxX: view.x + halfX, maxY: view.y + halfY };
}

export function around(xs: ArrayLike<number>, ys: ArrayLike<number>): Box {
  let box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  for (let i = 0; i < xs.length; i++) {
    const [x, y] = [xs[i] as number, ys[i] as number];
    box = {
      minX: Math.min(box.minX, x),
      minY: Math.min(box.minY, y),
      maxX: Math.max(box.maxX, x),
      maxY: Math.max(box.maxY, y),
    };
  }
  return box;
}

/** So that the whole box is seen, with some room around it and not nearer than `mostZoom`. */
export function fitted(view: View, box: Box, mostZoom: number): View {
  const room = 0.85;
  const across = Math.log2((view.width * room) / TILE / Math.max(1e-9, box.maxX - box.minX));
  const down = Math.log2((view.height * room) / TILE / Math.max(1e-9, box.maxY - box.minY));
  const zoom = Math.min(across, down, mostZoom);
  return bounded({ ...view, zoom, x: (box.minX + box.maxX) / 2, y: (box.minY + box.maxY) / 2 });
}
