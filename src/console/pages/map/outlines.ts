// Outlines of land and countries (Natural Earth, by the package world-atlas): coarse ones at once, finer ones when one zooms in.
// They are files of the bridge itself; nothing is asked of anybody else.

import { feature, mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import fineUrl from 'world-atlas/countries-50m.json?url';
import coarseUrl from 'world-atlas/countries-110m.json?url';
import { type Line, linesOf } from './lines.ts';
import type { Box } from './mercator.ts';

export interface Country {
  readonly name: string;
  /** Of its largest part: its name stands in the middle. */
  readonly box: Box;
}

export interface Outlines {
  readonly land: readonly Line[];
  readonly borders: readonly Line[];
  /** The largest first. */
  readonly countries: readonly Country[];
}

type Atlas = Topology<{ countries: GeometryCollection<{ name: string }>; land: GeometryCollection }>;

const loading = new Map<string, Promise<Outlines>>();

/** Each is fetched once for the page's life; a failure may be tried again. */
export function loadOutlines(detail: 'coarse' | 'fine'): Promise<Outlines> {
  const url = detail === 'coarse' ? coarseUrl : fineUrl;
  const known = loading.get(url);
  if (known !== undefined) return known;
  const loaded = fetchOutlines(url);
  loading.set(url, loaded);
  loaded.catch(() => loading.delete(url));
  return loaded;
}

async function fetchOutlines(url: string): Promise<Outlines> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const atlas = (await response.json()) as Atlas;
  const { countries, land } = atlas.objects;
  const borders = mesh(atlas, countries, (a, b) => a !== b).coordinates;
  return {
    land: feature(atlas, land).features.flatMap(({ geometry }) => ringsOf(geometry).flatMap(linesOf)),
    borders: borders.flatMap(linesOf),
    countries: feature(atlas, countries)
      .features.flatMap(({ geometry, properties }) => {
        const widest = ringsOf(geometry)
          .map((ring) => linesOf(ring)[0])
          .reduce<Line | null>(
            (best, line) => (line && (best === null || area(line) > area(best)) ? line : best),
            null,
          );
        return widest === null ? [] : [{ name: properties.name, box: widest }];
      })
      .sort((a, b) => area(b.box) - area(a.box)),
  };
}

function ringsOf(geometry: GeoJSON.Geometry | null): GeoJSON.Position[][] {
  if (geometry?.type === 'Polygon') return geometry.coordinates;
  return geometry?.type === 'MultiPolygon' ? geometry.coordinates.flat() : [];
}

function area({ minX, minY, maxX, maxY }: Box): number {
  return (maxX - minX) * (maxY - minY);
}
